// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD} from "../math/Wad.sol";
import {Ages} from "./Lateness.sol";

uint256 constant MAX_FEEDS = 255;
uint256 constant MAX_MARKETS = 32;

/// An asset at a vault, from the least significant bit: feed (8), decimals (8), initialHaircut (64),
/// maintenanceHaircut (64), cap (112). Haircuts are shares not counted (1e18); the cap is in the asset's own units.
type ListingTerms is uint256;

/// The second word of a listing: vault (8), secondFeed (8), hasSecondFeed (8), accountCap (112), assetCap (112): what an
/// account may count of it, and what all listings of its feed may count together, in whole tokens at 1e6.
type CapTerms is uint256;

/// The third word of a listing: burst (112), refillTime (32), capPrice (96). What is newly granted counts at once while it
/// fits a burst, in the asset's own units, that is full again after `refillTime` seconds; `capPrice` is the USD (1e18)
/// that a whole token takes of its vault's cap.
type InflowTerms is uint256;

/// What is traded, on whichever venue: feed (8), initialRate (64), maintenanceRate (64), basisRate (64). Rates are shares
/// of notional (1e18).
type UnderlyingTerms is uint256;

/// The second word of an underlying: depth (128), the net notional (USD at 1e18) beyond which `concentrationRate` (64,
/// 1e18) is charged.
type DepthTerms is uint256;

/// An underlying at a venue: underlying (8), band (64), minSize (80), openInterestCap (104). Sizes in base units at
/// 1e18; `band` is the share (1e18) by which a fill may differ from this clearing's index, wider than the venue's own
/// by what the index moves between two pokes.
type MarketTerms is uint256;

/// The second word of a market: venue (8), instrument (8), maxFunding (64), the share of the price (1e18) that funding
/// may move in a second.
type PlaceTerms is uint256;

/// A venue: legShare (64, 1e18), calmAge, warnAge, deadAge (32 each, seconds of silence), isRemote (1), tripAge (32).
type VenueTerms is uint256;

/// A vault: cap (64, whole USD), calmAge, warnAge, zeroAge (32 each, seconds of its round trip), isRemote (1), tripAge (32).
type VaultTerms is uint256;

/// Two underlyings, first (8) < second (8), and the ratio (64, 1e18) of their risks that opposite positions offset in.
type CreditTerms is uint256;

using {feedOf, unitOf, initialHaircutOf, maintenanceHaircutOf, capOf} for ListingTerms global;
using {underlyingFeedOf, initialRateOf, maintenanceRateOf, basisRateOf} for UnderlyingTerms global;
using {depthOf, concentrationRateOf} for DepthTerms global;
using {underlyingOf, bandOf, minSizeOf, openInterestCapOf} for MarketTerms global;
using {venueOf, instrumentOf, maxFundingOf} for PlaceTerms global;
using {legShareOf, deadAgeOf, agesOf} for VenueTerms global;
using {vaultCapOf, vaultAgesOf} for VaultTerms global;
using {vaultOf, secondFeedOf, hasSecondFeedOf, accountCapOf, assetCapOf} for CapTerms global;
using {burstOf, refillTimeOf, capPriceOf} for InflowTerms global;
using {firstOf, secondOf, ratioOf} for CreditTerms global;

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

function basisRateOf(UnderlyingTerms t) pure returns (uint256) {
    return uint64(UnderlyingTerms.unwrap(t) >> 136);
}

function depthOf(DepthTerms t) pure returns (uint256) {
    return uint128(DepthTerms.unwrap(t));
}

function concentrationRateOf(DepthTerms t) pure returns (uint256) {
    return uint64(DepthTerms.unwrap(t) >> 128);
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

function venueOf(PlaceTerms t) pure returns (uint256) {
    return uint8(PlaceTerms.unwrap(t));
}

function instrumentOf(PlaceTerms t) pure returns (uint256) {
    return uint8(PlaceTerms.unwrap(t) >> 8);
}

function maxFundingOf(PlaceTerms t) pure returns (uint256) {
    return uint64(PlaceTerms.unwrap(t) >> 16);
}

function legShareOf(VenueTerms t) pure returns (uint256) {
    return uint64(VenueTerms.unwrap(t));
}

function deadAgeOf(VenueTerms t) pure returns (uint256) {
    return uint32(VenueTerms.unwrap(t) >> 128);
}

function agesOf(VenueTerms t) pure returns (Ages) {
    return Ages.wrap(VenueTerms.unwrap(t) >> 64);
}

/// @dev USD at 1e18.
function vaultCapOf(VaultTerms t) pure returns (uint256) {
    return uint256(uint64(VaultTerms.unwrap(t))) * WAD;
}

function vaultAgesOf(VaultTerms t) pure returns (Ages) {
    return Ages.wrap(VaultTerms.unwrap(t) >> 64);
}

function vaultOf(CapTerms t) pure returns (uint256) {
    return uint8(CapTerms.unwrap(t));
}

function secondFeedOf(CapTerms t) pure returns (uint256) {
    return uint8(CapTerms.unwrap(t) >> 8);
}

function hasSecondFeedOf(CapTerms t) pure returns (bool) {
    return uint8(CapTerms.unwrap(t) >> 16) != 0;
}

function accountCapOf(CapTerms t) pure returns (uint256) {
    return uint112(CapTerms.unwrap(t) >> 24);
}

function assetCapOf(CapTerms t) pure returns (uint256) {
    return uint112(CapTerms.unwrap(t) >> 136);
}

function burstOf(InflowTerms t) pure returns (uint256) {
    return uint112(InflowTerms.unwrap(t));
}

function refillTimeOf(InflowTerms t) pure returns (uint256) {
    return uint32(InflowTerms.unwrap(t) >> 112);
}

function capPriceOf(InflowTerms t) pure returns (uint256) {
    return uint96(InflowTerms.unwrap(t) >> 144);
}

function firstOf(CreditTerms t) pure returns (uint256) {
    return uint8(CreditTerms.unwrap(t));
}

function secondOf(CreditTerms t) pure returns (uint256) {
    return uint8(CreditTerms.unwrap(t) >> 8);
}

function ratioOf(CreditTerms t) pure returns (uint256) {
    return uint64(CreditTerms.unwrap(t) >> 16);
}

/// @title The risk parameters as one packed blob, so that a margin check reads all of them at once.
/// @dev Packed off chain by core/src/parameters.ts. The general words, each from the least significant bit. Word 0:
/// maxRecordAge (24), maxPriceAge (16), healthTarget (64), liquidationDiscount (64), cashHaircut (64). Word 1:
/// venueLossShare, settleShare, saleDiscount (64 each), maxMoveAge (32). Word 2: settleAfter, closeGrace, life, lifeRamp,
/// restoreAfter, outageAfter, outageGrace (32 each). Word 3: the words where the underlyings, the markets, the venues, the
/// vaults and the credits begin and where these end (16 each), maxDispersion (64). Ratios at 1e18, ages in seconds. Then
/// the listings (3 words each), underlyings (2), markets (2), venues (1), vaults (1) and credits (1).
library ParameterBlob {
    uint256 internal constant MAX_LISTINGS = 64;
    uint256 internal constant MAX_UNDERLYINGS = 16;
    uint256 internal constant MAX_VENUES = 16;
    uint256 internal constant MAX_VAULTS = 16;
    uint256 internal constant MAX_CREDITS = 32;
    uint256 internal constant GENERAL_WORDS = 4;
    uint256 internal constant LISTING_WORDS = 3;
    uint256 internal constant MARKET_WORDS = 2;

    function listingCount(bytes memory blob) internal pure returns (uint256) {
        unchecked {
            return (_firstUnderlying(blob) - GENERAL_WORDS) / LISTING_WORDS;
        }
    }

    function underlyingCount(bytes memory blob) internal pure returns (uint256) {
        unchecked {
            return (_firstMarket(blob) - _firstUnderlying(blob)) / 2;
        }
    }

    function marketCount(bytes memory blob) internal pure returns (uint256) {
        unchecked {
            return (_firstVenue(blob) - _firstMarket(blob)) / MARKET_WORDS;
        }
    }

    function venueCount(bytes memory blob) internal pure returns (uint256) {
        unchecked {
            return _firstVault(blob) - _firstVenue(blob);
        }
    }

    function vaultCount(bytes memory blob) internal pure returns (uint256) {
        unchecked {
            return _firstCredit(blob) - _firstVault(blob);
        }
    }

    function creditCount(bytes memory blob) internal pure returns (uint256) {
        unchecked {
            return _end(blob) - _firstCredit(blob);
        }
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

    function maxPriceAge(bytes memory blob) internal pure returns (uint256 age) {
        assembly ("memory-safe") {
            age := and(shr(24, mload(add(blob, 32))), 0xffff)
        }
    }

    function maxRecordAge(bytes memory blob) internal pure returns (uint256) {
        return uint24(_word(blob, 0));
    }

    function venueLossShare(bytes memory blob) internal pure returns (uint256) {
        return uint64(_word(blob, 1));
    }

    function settleShare(bytes memory blob) internal pure returns (uint256) {
        return uint64(_word(blob, 1) >> 64);
    }

    function saleDiscount(bytes memory blob) internal pure returns (uint256) {
        return uint64(_word(blob, 1) >> 128);
    }

    function maxMoveAge(bytes memory blob) internal pure returns (uint256) {
        return uint32(_word(blob, 1) >> 192);
    }

    function settleAfter(bytes memory blob) internal pure returns (uint256) {
        return uint32(_word(blob, 2));
    }

    function closeGrace(bytes memory blob) internal pure returns (uint256) {
        return uint32(_word(blob, 2) >> 32);
    }

    /// @notice For how long parameters are good after they were set, in seconds.
    function life(bytes memory blob) internal pure returns (uint256) {
        return uint32(_word(blob, 2) >> 64);
    }

    /// @notice How long after their life it takes until nothing counts for new risk any more.
    function lifeRamp(bytes memory blob) internal pure returns (uint256) {
        return uint32(_word(blob, 2) >> 96);
    }

    /// @notice How long a breaker stays tripped after its cause is gone.
    function restoreAfter(bytes memory blob) internal pure returns (uint256) {
        return uint32(_word(blob, 2) >> 128);
    }

    /// @notice For how long nobody may have poked a price until that is taken for an outage of this chain; or `NO_OUTAGES`.
    function outageAfter(bytes memory blob) internal pure returns (uint256) {
        return uint32(_word(blob, 2) >> 160);
    }

    /// @notice For how long after an outage nobody is liquidated or put up by others, and no venue closed for its silence.
    function outageGrace(bytes memory blob) internal pure returns (uint256) {
        return uint32(_word(blob, 2) >> 192);
    }

    /// @notice The most, as a share of the lower, by which two feeds of an asset may differ.
    function maxDispersion(bytes memory blob) internal pure returns (uint256) {
        return uint64(_word(blob, 3) >> 96);
    }

    function listing(bytes memory blob, uint256 index) internal pure returns (ListingTerms) {
        unchecked {
            return ListingTerms.wrap(_word(blob, GENERAL_WORDS + LISTING_WORDS * index));
        }
    }

    function capTerms(bytes memory blob, uint256 index) internal pure returns (CapTerms) {
        unchecked {
            return CapTerms.wrap(_word(blob, GENERAL_WORDS + LISTING_WORDS * index + 1));
        }
    }

    function inflowTerms(bytes memory blob, uint256 index) internal pure returns (InflowTerms) {
        unchecked {
            return InflowTerms.wrap(_word(blob, GENERAL_WORDS + LISTING_WORDS * index + 2));
        }
    }

    /// @notice The address in memory where the listings begin: after the length and the four general words.
    function listingPlace(bytes memory blob) internal pure returns (uint256 first) {
        assembly ("memory-safe") {
            first := add(blob, 0xa0)
        }
    }

    function underlying(bytes memory blob, uint256 index) internal pure returns (UnderlyingTerms) {
        unchecked {
            return UnderlyingTerms.wrap(_word(blob, _firstUnderlying(blob) + 2 * index));
        }
    }

    function depth(bytes memory blob, uint256 index) internal pure returns (DepthTerms) {
        unchecked {
            return DepthTerms.wrap(_word(blob, _firstUnderlying(blob) + 1 + 2 * index));
        }
    }

    function market(bytes memory blob, uint256 index) internal pure returns (MarketTerms) {
        unchecked {
            return MarketTerms.wrap(_word(blob, _firstMarket(blob) + MARKET_WORDS * index));
        }
    }

    function place(bytes memory blob, uint256 index) internal pure returns (PlaceTerms) {
        unchecked {
            return PlaceTerms.wrap(_word(blob, _firstMarket(blob) + MARKET_WORDS * index + 1));
        }
    }

    function underlyingInput(bytes memory blob, uint256 index) internal pure returns (UnderlyingTerms, DepthTerms) {
        unchecked {
            uint256 first = _firstUnderlying(blob) + 2 * index;
            return (UnderlyingTerms.wrap(_word(blob, first)), DepthTerms.wrap(_word(blob, first + 1)));
        }
    }

    /// @notice The address in memory where the markets begin.
    function marketPlace(bytes memory blob) internal pure returns (uint256 first) {
        assembly ("memory-safe") {
            first := add(add(blob, 32), shl(5, and(shr(16, mload(add(blob, 0x80))), 0xffff)))
        }
    }

    /// @notice What a margin check needs to know of a market, from the address in memory where the first begins.
    function marketInput(uint256 first, uint256 index)
        internal
        pure
        returns (uint256 underlying_, uint256 venue_, uint256 band)
    {
        uint256 terms;
        assembly ("memory-safe") {
            let market_ := add(first, shl(6, index))
            terms := mload(market_)
            venue_ := and(mload(add(market_, 32)), 0xff)
        }
        return (uint8(terms), venue_, uint64(terms >> 8));
    }

    function venue(bytes memory blob, uint256 index) internal pure returns (VenueTerms terms) {
        assembly ("memory-safe") {
            let first := and(shr(32, mload(add(blob, 0x80))), 0xffff)
            terms := mload(add(add(blob, 32), shl(5, add(first, index))))
        }
    }

    function vault(bytes memory blob, uint256 index) internal pure returns (VaultTerms) {
        unchecked {
            return VaultTerms.wrap(_word(blob, _firstVault(blob) + index));
        }
    }

    /// @notice The address in memory where the vaults begin.
    function vaultPlace(bytes memory blob) internal pure returns (uint256 first) {
        assembly ("memory-safe") {
            first := add(add(blob, 32), shl(5, and(shr(48, mload(add(blob, 0x80))), 0xffff)))
        }
    }

    /// @notice A vault's ages, from the address in memory where the first vault begins.
    function agesAt(uint256 first, uint256 index) internal pure returns (Ages ages) {
        assembly ("memory-safe") {
            ages := shr(64, mload(add(first, shl(5, index))))
        }
    }

    function credit(bytes memory blob, uint256 index) internal pure returns (CreditTerms) {
        unchecked {
            return CreditTerms.wrap(_word(blob, _firstCredit(blob) + index));
        }
    }

    /// @notice The addresses in memory where the credits begin and where they end.
    function creditPlaces(bytes memory blob) internal pure returns (uint256 first, uint256 end) {
        assembly ("memory-safe") {
            let places := mload(add(blob, 0x80))
            first := add(add(blob, 32), shl(5, and(shr(64, places), 0xffff)))
            end := add(add(blob, 32), shl(5, and(shr(80, places), 0xffff)))
        }
    }

    /// @notice Where the sections begin: two blobs with the same have their entries at the same words.
    function layoutOf(bytes memory blob) internal pure returns (uint256) {
        return uint96(_word(blob, 3));
    }

    function _firstUnderlying(bytes memory blob) private pure returns (uint256) {
        return uint16(_word(blob, 3));
    }

    function _firstMarket(bytes memory blob) private pure returns (uint256) {
        return uint16(_word(blob, 3) >> 16);
    }

    function _firstVenue(bytes memory blob) private pure returns (uint256) {
        return uint16(_word(blob, 3) >> 32);
    }

    function _firstVault(bytes memory blob) private pure returns (uint256) {
        return uint16(_word(blob, 3) >> 48);
    }

    function _firstCredit(bytes memory blob) private pure returns (uint256) {
        return uint16(_word(blob, 3) >> 64);
    }

    function _end(bytes memory blob) private pure returns (uint256) {
        return uint16(_word(blob, 3) >> 80);
    }

    /// @dev `check` has seen to it that every index a ledger can hold is inside the blob.
    function _word(bytes memory blob, uint256 index) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(blob, 32), shl(5, index)))
        }
    }
}
