// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD} from "../math/Wad.sol";

/// An asset at a vault. Haircuts are shares not counted (1e18); `cap` is in the asset's own units.
struct ListingTerms {
    uint8 feed;
    uint8 decimals;
    uint64 initialHaircut;
    uint64 maintenanceHaircut;
    uint112 cap;
}

/// What is traded, on whichever venue. Rates are shares of notional (1e18); `legRate` is half of what a matched
/// dollar of long and short is charged.
struct UnderlyingTerms {
    uint8 feed;
    uint64 initialRate;
    uint64 maintenanceRate;
    uint64 legRate;
}

/// An underlying at a venue. Sizes in base units at 1e18; `band` is the share (1e18) by which a fill may differ from
/// this clearing's index, wider than the venue's own by what the index moves between two pokes.
struct MarketRisk {
    uint8 underlying;
    uint64 band;
    uint80 minSize;
    uint104 openInterestCap;
}

/// @title The parameters as one packed blob, a word an entry, so that a margin check reads all of them at once.
/// @dev Packed off chain by core/src/parameters.ts. Word 0: counts (3 bytes), cashHaircut, liquidationDiscount, healthTarget, maxPriceAge, maxRecordAge, from the
/// most significant bit. Then listings, underlyings, markets. Each struct is packed in the order of its fields, from
/// the least significant bit.
library ParameterBlob {
    uint256 internal constant MAX_LISTINGS = 64;
    uint256 internal constant MAX_UNDERLYINGS = 16;
    uint256 internal constant MAX_MARKETS = 32;
    uint256 private constant MAX_DECIMALS = 36;

    /// A ratio above 1, an initial figure below its maintenance figure, a leg rate above the maintenance rate, a
    /// health target below 1, more than 36 decimals: `entry` counts within the list named.
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
        require(
            cashHaircut(blob) <= WAD && liquidationDiscount(blob) <= WAD && healthTarget(blob) >= WAD,
            BadParameters("general", 0)
        );
        for (uint256 i; i < listings; ++i) {
            ListingTerms memory t = listing(blob, i);
            bool inBounds =
                t.initialHaircut <= WAD && t.maintenanceHaircut <= t.initialHaircut && t.decimals <= MAX_DECIMALS;
            require(t.feed < feeds && inBounds, BadParameters("listings", i));
        }
        for (uint256 i; i < underlyings; ++i) {
            UnderlyingTerms memory t = underlying(blob, i);
            bool inBounds = t.initialRate <= WAD && t.maintenanceRate <= t.initialRate && t.legRate <= t.maintenanceRate;
            require(t.feed < feeds && inBounds, BadParameters("underlyings", i));
        }
        for (uint256 i; i < markets; ++i) {
            MarketRisk memory t = market(blob, i);
            require(t.underlying < underlyings && t.band <= WAD, BadParameters("markets", i));
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

    /// @dev The index is checked by the caller against the count where it comes from outside.
    function listing(bytes memory blob, uint256 index) internal pure returns (ListingTerms memory) {
        uint256 word = _word(blob, 1 + index);
        return ListingTerms(uint8(word), uint8(word >> 8), uint64(word >> 16), uint64(word >> 80), uint112(word >> 144));
    }

    function underlying(bytes memory blob, uint256 index) internal pure returns (UnderlyingTerms memory) {
        uint256 word = _word(blob, 1 + listingCount(blob) + index);
        return UnderlyingTerms(uint8(word), uint64(word >> 8), uint64(word >> 72), uint64(word >> 136));
    }

    function market(bytes memory blob, uint256 index) internal pure returns (MarketRisk memory) {
        uint256 word = _word(blob, 1 + listingCount(blob) + underlyingCount(blob) + index);
        return MarketRisk(uint8(word), uint64(word >> 8), uint80(word >> 72), uint104(word >> 152));
    }

    function _word(bytes memory blob, uint256 index) private pure returns (uint256 word) {
        assert(blob.length >= (index + 1) * 32);
        assembly ("memory-safe") {
            word := mload(add(add(blob, 32), shl(5, index)))
        }
    }
}
