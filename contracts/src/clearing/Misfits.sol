// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";
import {Instruments} from "./Instruments.sol";
import {Outages} from "./Outages.sol";
import {CapTerms, CreditTerms, ListingTerms, ParameterBlob, UnderlyingTerms} from "./Parameters.sol";

/// @title What parameters are refused for: a list that is not whole, or a row that fits neither the others nor its bounds.
/// @dev Twin of core/src/misfit.ts. spec/margin.md, MRG-08.
library Misfits {
    using ParameterBlob for bytes;

    uint256 private constant MAX_DECIMALS = 36;

    /// A ratio above 1, an initial figure below its maintenance figure, the liquidation discount above what an underlying
    /// does not share of its maintenance rate, a health target below 1, more than 36 decimals, ages out of order, an
    /// instrument, a feed, an underlying or a venue that does not exist, credits out of order, or an underlying that
    /// shares more than all of its risk.
    error BadParameters(string list, uint256 entry);
    /// The list has more or fewer entries than the clearing has of them, or than the limit.
    error WrongCount(string list, uint256 given, uint256 expected);

    /// @notice Refuses a blob that is not whole, consistent and within its bounds.
    function check(bytes memory blob, uint256 feeds, uint256 listings, uint256 markets, uint256 venues, uint256 vaults)
        external
        pure
    {
        _checkPlaces(blob);
        require(blob.listingCount() == listings, WrongCount("listings", blob.listingCount(), listings));
        require(blob.marketCount() == markets, WrongCount("markets", blob.marketCount(), markets));
        require(blob.venueCount() == venues, WrongCount("venues", blob.venueCount(), venues));
        require(blob.vaultCount() == vaults, WrongCount("vaults", blob.vaultCount(), vaults));
        uint256 underlyings = blob.underlyingCount();
        require(
            underlyings <= ParameterBlob.MAX_UNDERLYINGS,
            WrongCount("underlyings", underlyings, ParameterBlob.MAX_UNDERLYINGS)
        );
        require(
            blob.creditCount() <= ParameterBlob.MAX_CREDITS,
            WrongCount("credits", blob.creditCount(), ParameterBlob.MAX_CREDITS)
        );
        bool inBounds = blob.cashHaircut() <= WAD && blob.liquidationDiscount() <= WAD && blob.healthTarget() >= WAD
            && blob.venueLossShare() <= WAD && blob.settleShare() <= WAD && blob.saleDiscount() <= WAD;
        // While every price is fresh nothing can look like an outage, and after one no price is.
        inBounds = inBounds && blob.outageAfter() > blob.maxPriceAge() + Outages.NOTICE_STEP;
        require(inBounds && blob.lifeRamp() > 0 && _boundsOutages(blob), BadParameters("general", 0));
        _checkListings(blob, listings, feeds, vaults);
        _checkUnderlyings(blob, _checkCredits(blob, underlyings), feeds);
        for (uint256 i; i < markets; ++i) {
            inBounds = blob.market(i).underlyingOf() < underlyings && blob.place(i).venueOf() < venues
                && blob.market(i).bandOf() <= WAD && blob.place(i).instrumentOf() == Instruments.PERPETUAL;
            require(inBounds, BadParameters("markets", i));
        }
        for (uint256 i; i < venues; ++i) {
            inBounds = blob.venue(i).legShareOf() <= WAD && blob.venue(i).agesOf().areInOrder();
            require(inBounds && _outlastsOutages(blob, i), BadParameters("venues", i));
        }
        for (uint256 i; i < vaults; ++i) {
            require(blob.vault(i).vaultAgesOf().areInOrder(), BadParameters("vaults", i));
        }
    }

    /// @dev A gap that is no outage uses up no grace, no closing price's hour; no breaker outlasts one; and each ends.
    function _boundsOutages(bytes memory blob) private pure returns (bool) {
        (uint256 after_, uint256 grace) = (blob.outageAfter(), blob.outageGrace());
        bool isBounded = after_ <= Outages.MAX_OUTAGE_AFTER && grace >= 2 * after_ && grace > blob.restoreAfter();
        return grace <= Outages.MAX_OUTAGE_GRACE && (isBounded || after_ == Outages.NO_OUTAGES);
    }

    /// @dev What is too short to be an outage must not look like the death of a venue that spoke as shortly before it.
    function _outlastsOutages(bytes memory blob, uint256 i) private pure returns (bool) {
        uint256 least = blob.outageAfter() == Outages.NO_OUTAGES ? 0 : 2 * blob.outageAfter();
        return !blob.venue(i).agesOf().isRemoteOf() || blob.venue(i).deadAgeOf() >= least;
    }

    /// @dev That the sections follow each other, in whole rows, up to the end.
    function _checkPlaces(bytes memory blob) private pure {
        uint256 next = ParameterBlob.GENERAL_WORDS;
        require(blob.length >= next * 32, WrongCount("words", blob.length / 32, next));
        uint256[6] memory widths = [ParameterBlob.LISTING_WORDS, 2, ParameterBlob.MARKET_WORDS, 1, 1, 1];
        for (uint256 i; i < 6; ++i) {
            uint256 end = uint16(blob.layoutOf() >> 16 * i);
            require(next <= end && (end - next) % widths[i] == 0, BadParameters("general", 0));
            next = end;
        }
        require(blob.length == next * 32, WrongCount("words", blob.length / 32, next));
    }

    function _checkListings(bytes memory blob, uint256 listings, uint256 feeds, uint256 vaults) private pure {
        for (uint256 i; i < listings; ++i) {
            ListingTerms t = blob.listing(i);
            CapTerms caps = blob.capTerms(i);
            bool inBounds = t.initialHaircutOf() <= WAD && t.maintenanceHaircutOf() <= t.initialHaircutOf()
                && uint8(ListingTerms.unwrap(t) >> 8) <= MAX_DECIMALS && t.feedOf() < feeds && caps.vaultOf() < vaults
                && caps.secondFeedOf() < feeds && blob.inflowTerms(i).refillTimeOf() > 0;
            require(inBounds, BadParameters("listings", i));
        }
    }

    /// @dev What an underlying does not share of its maintenance rate pays at least a liquidator's discount.
    function _checkUnderlyings(bytes memory blob, uint256[] memory shared, uint256 feeds) private pure {
        for (uint256 i; i < shared.length; ++i) {
            UnderlyingTerms t = blob.underlying(i);
            bool inBounds = t.initialRateOf() <= WAD && t.maintenanceRateOf() <= t.initialRateOf()
                && t.basisRateOf() <= WAD && blob.depth(i).concentrationRateOf() <= WAD
                && blob.liquidationDiscount() <= Wad.mulDown(t.maintenanceRateOf(), WAD - shared[i])
                && t.underlyingFeedOf() < feeds;
            require(inBounds, BadParameters("underlyings", i));
        }
    }

    /// @dev Pairs in order, none twice, and no underlying that shares more than all of its risk.
    function _checkCredits(bytes memory blob, uint256 underlyings) private pure returns (uint256[] memory shared) {
        shared = new uint256[](underlyings);
        uint256 last;
        for (uint256 i; i < blob.creditCount(); ++i) {
            CreditTerms t = blob.credit(i);
            (uint256 first, uint256 second) = (t.firstOf(), t.secondOf());
            uint256 pair = first << 8 | second;
            require(first < second && second < underlyings && pair > last, BadParameters("credits", i));
            last = pair;
            shared[first] += t.ratioOf();
            shared[second] += t.ratioOf();
            require(shared[first] <= WAD && shared[second] <= WAD, BadParameters("credits", i));
        }
    }
}
