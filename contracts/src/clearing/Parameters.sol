// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD} from "../math/Wad.sol";

/// An asset at a vault, from the least significant bit: feed (8), decimals (8), initialHaircut (64),
/// maintenanceHaircut (64), cap (112). Haircuts are shares not counted (1e18); the cap is in the asset's own units.
type ListingTerms is uint256;

/// What is traded, on whichever venue: feed (8), initialRate (64), maintenanceRate (64), legRate (64). Rates are shares
/// of notional (1e18); `legRate` is half of what a matched dollar of long and short is charged.
type UnderlyingTerms is uint256;

/// An underlying at a venue: underlying (8), band (64), minSize (80), openInterestCap (104). Sizes in base units at
/// 1e18; `band` is the share (1e18) by which a fill may differ from this clearing's index, wider than the venue's own
/// by what the index moves between two pokes.
type MarketTerms is uint256;

using {feedOf, unitOf, initialHaircutOf, maintenanceHaircutOf, capOf} for ListingTerms global;
using {underlyingFeedOf, initialRateOf, maintenanceRateOf, legRateOf} for UnderlyingTerms global;
using {underlyingOf, bandOf, minSizeOf, openInterestCapOf} for MarketTerms global;

function feedOf(ListingTerms t) pure returns (uint256) {
    return uint8(ListingTerms.unwrap(t));
}

/// @dev 10^decimals: how many of the asset's units make a whole token.
function unitOf(ListingTerms t) pure returns (uint256) {
    unchecked {
        return 10 ** uint256(uint8(ListingTerms.unwrap(t) >> 8));
    }
}

function initialHaircutOf(ListingTerms t) pure returns (uint256) {
    return uint64(ListingTerms.unwrap(t) >> 16);
}

function maintenanceHaircutOf(ListingTerms t) pure returns (uint256) {
    return uint64(ListingTerms.unwrap(t) >> 80);
}

function capOf(ListingTerms t) pure returns (uint256) {
    return ListingTerms.unwrap(t) >> 144;
}

function underlyingFeedOf(UnderlyingTerms t) pure returns (uint256) {
    return uint8(UnderlyingTerms.unwrap(t));
}

function initialRateOf(UnderlyingTerms t) pure returns (uint256) {
    return uint64(UnderlyingTerms.unwrap(t) >> 8);
}

function maintenanceRateOf(UnderlyingTerms t) pure returns (uint256) {
    return uint64(UnderlyingTerms.unwrap(t) >> 72);
}

function legRateOf(UnderlyingTerms t) pure returns (uint256) {
    return uint64(UnderlyingTerms.unwrap(t) >> 136);
}

function underlyingOf(MarketTerms t) pure returns (uint256) {
    return uint8(MarketTerms.unwrap(t));
}

function bandOf(MarketTerms t) pure returns (uint256) {
    return uint64(MarketTerms.unwrap(t) >> 8);
}

function minSizeOf(MarketTerms t) pure returns (uint256) {
    return uint80(MarketTerms.unwrap(t) >> 72);
}

function openInterestCapOf(MarketTerms t) pure returns (uint256) {
    return MarketTerms.unwrap(t) >> 152;
}

/// @title The risk parameters as one packed blob, a word an entry, so that a margin check reads all of them at once.
/// @dev Packed off chain by core/src/parameters.ts. Word 0, from the most significant bit: the number of listings,
/// underlyings and markets (8 bits each), cashHaircut (64), liquidationDiscount (64), healthTarget (64), maxPriceAge
/// (16), maxRecordAge (24); ratios at 1e18, ages in seconds. Then the listings, the underlyings, the markets.
library ParameterBlob {
    uint256 internal constant MAX_LISTINGS = 64;
    uint256 internal constant MAX_UNDERLYINGS = 16;
    uint256 internal constant MAX_MARKETS = 32;
    uint256 private constant MAX_DECIMALS = 36;

    /// A ratio above 1, an initial figure below its maintenance figure, a leg rate or the liquidation
    /// discount above a maintenance rate, a health target below 1, more than 36 decimals, a feed or an underlying that does not exist.
    error BadParameters(string list, uint256 entry);
    /// The list has more or fewer entries than the clearing has listings or markets, or than the limit.
    error WrongCount(string list, uint256 given, uint256 expected);

    /// @notice Refuses a blob that is not whole, consistent and within its bounds.
    function check(bytes memory blob, uint256 feeds, uint256 listings, uint256 markets) external pure {
        require(blob.length >= 32, WrongCount("words", blob.length / 32, 1));
        uint256 underlyings = underlyingCount(blob);
        uint256 words = 1 + listings + underlyings + markets;
        require(listingCount(blob) == listings, WrongCount("listings", listingCount(blob), listings));
        require(marketCount(blob) == markets, WrongCount("markets", marketCount(blob), markets));
        require(underlyings <= MAX_UNDERLYINGS, WrongCount("underlyings", underlyings, MAX_UNDERLYINGS));
        require(blob.length == words * 32, WrongCount("words", blob.length / 32, words));
        bool inBounds = cashHaircut(blob) <= WAD && liquidationDiscount(blob) <= WAD && healthTarget(blob) >= WAD;
        require(inBounds, BadParameters("general", 0));
        for (uint256 i; i < listings; ++i) {
            ListingTerms t = listing(blob, i);
            inBounds = t.initialHaircutOf() <= WAD && t.maintenanceHaircutOf() <= t.initialHaircutOf()
                && uint8(ListingTerms.unwrap(t) >> 8) <= MAX_DECIMALS && t.feedOf() < feeds;
            require(inBounds, BadParameters("listings", i));
        }
        for (uint256 i; i < underlyings; ++i) {
            UnderlyingTerms t = underlying(blob, i);
            inBounds = t.initialRateOf() <= WAD && t.maintenanceRateOf() <= t.initialRateOf()
                && t.legRateOf() <= t.maintenanceRateOf() && liquidationDiscount(blob) <= t.maintenanceRateOf()
                && t.underlyingFeedOf() < feeds;
            require(inBounds, BadParameters("underlyings", i));
        }
        for (uint256 i; i < markets; ++i) {
            MarketTerms t = market(blob, i);
            require(t.underlyingOf() < underlyings && t.bandOf() <= WAD, BadParameters("markets", i));
        }
    }

    function listingCount(bytes memory blob) internal pure returns (uint256) {
        return _word(blob, 0) >> 248;
    }

    function underlyingCount(bytes memory blob) internal pure returns (uint256) {
        return uint8(_word(blob, 0) >> 240);
    }

    function marketCount(bytes memory blob) internal pure returns (uint256) {
        return uint8(_word(blob, 0) >> 232);
    }

    function cashHaircut(bytes memory blob) internal pure returns (uint256) {
        return uint64(_word(blob, 0) >> 168);
    }

    function liquidationDiscount(bytes memory blob) internal pure returns (uint256) {
        return uint64(_word(blob, 0) >> 104);
    }

    function healthTarget(bytes memory blob) internal pure returns (uint256) {
        return uint64(_word(blob, 0) >> 40);
    }

    function maxPriceAge(bytes memory blob) internal pure returns (uint256) {
        return uint16(_word(blob, 0) >> 24);
    }

    function maxRecordAge(bytes memory blob) internal pure returns (uint256) {
        return uint24(_word(blob, 0));
    }

    function listing(bytes memory blob, uint256 index) internal pure returns (ListingTerms) {
        unchecked {
            return ListingTerms.wrap(_word(blob, 1 + index));
        }
    }

    function underlying(bytes memory blob, uint256 index) internal pure returns (UnderlyingTerms) {
        unchecked {
            return UnderlyingTerms.wrap(_word(blob, 1 + listingCount(blob) + index));
        }
    }

    function market(bytes memory blob, uint256 index) internal pure returns (MarketTerms) {
        unchecked {
            return MarketTerms.wrap(_word(blob, 1 + listingCount(blob) + underlyingCount(blob) + index));
        }
    }

    /// @dev `check` has seen to it that every index a ledger can hold is inside the blob.
    function _word(bytes memory blob, uint256 index) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(blob, 32), shl(5, index)))
        }
    }
}
