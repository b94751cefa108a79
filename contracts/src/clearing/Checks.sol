// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD} from "../math/Wad.sol";
import {Lateness} from "./Lateness.sol";
import {MAX_LINES, Account, Ledger, Ledgers, Line, Outstanding, Position} from "./Ledger.sol";
import {Margin, Margins, Sums} from "./Margin.sol";
import {
    MAX_MARKETS,
    CapTerms,
    DepthTerms,
    ListingTerms,
    ParameterBlob,
    UnderlyingTerms,
    VenueTerms
} from "./Parameters.sol";
import {Peers} from "./Peers.sol";

/// What a margin check looks up once: prices by feed and how late each vault is, as they are needed, and where the vaults
/// are among the parameters, which peers' breakers are tripped, and how stale the parameters are (1e18).
struct Found {
    uint256[] prices;
    uint256[] lates;
    uint256 firstVault;
    uint256 tripped;
    uint256 stale;
}

/// @title The margin check: an account's lines, positions and limits looked up and added one after the other.
/// @dev It reads one slot an account, line and position, half a slot a feed, the peers' ages and the parameter blob, and
/// calls no other contract (MRG-05).
library Checks {
    using Ledgers for Ledger;
    using Margins for Margin;
    using Margins for Sums;
    using ParameterBlob for bytes;

    /// @dev Above both of the numbers that `_latenessOf` packs.
    uint256 private constant _IS_KNOWN = 1 << 255;

    /// @notice The account's margin at the cached prices. Looks up and adds one line and one position after the other.
    function marginOf(Ledger storage ledger, bytes32 account, bytes memory blob)
        internal
        view
        returns (Margin memory margin)
    {
        Account storage account_ = ledger.accounts[account];
        uint256 word;
        assembly ("memory-safe") {
            // One read of the account's one slot: the compiler would read it again for each field.
            word := sload(account_.slot)
        }
        Found memory found = _lookUp(ledger, blob);
        _addLines(ledger, ledger.lines[account], uint8(word >> 192), blob, found, margin);
        margin.addCash(int128(uint128(word)), blob.cashHaircut());
        if (uint32(word >> 128) == 0) return margin;
        Sums memory sums;
        sums.make(ParameterBlob.MAX_UNDERLYINGS, ParameterBlob.MAX_VENUES, Ledgers.MAX_ACCOUNT_MARKETS);
        sums.venueLossShare = blob.venueLossShare();
        (sums.firstCredit, sums.endOfCredits) = blob.creditPlaces();
        _sumPositions(ledger, ledger.positions[account], uint32(word >> 128), blob, found, sums);
        _sumLimits(ledger.outstanding[account], uint32(word >> 160), blob, sums);
        margin.addPositions(sums);
    }

    /// @notice What an account's lines are worth without haircuts, USD at 1e18.
    function collateralOf(Ledger storage ledger, bytes32 account, bytes memory blob) internal view returns (uint256) {
        Margin memory margin;
        Found memory found = _lookUp(ledger, blob);
        _addLines(ledger, ledger.lines[account], ledger.accounts[account].lineCount, blob, found, margin);
        return margin.exposure;
    }

    function requireInitialMargin(Ledger storage ledger, bytes32 account, bytes memory blob) internal view {
        Margin memory margin = marginOf(ledger, account, blob);
        require(margin.meetsInitial(), Ledgers.BelowInitialMargin(margin.initialMarginBalance, margin.initialMargin));
    }

    /// @dev What a check looks up once.
    function _lookUp(Ledger storage ledger, bytes memory blob) private view returns (Found memory found) {
        unchecked {
            uint256 life = blob.life();
            found.prices = new uint256[](ledger.feedCount);
            found.lates = new uint256[](ParameterBlob.MAX_VAULTS);
            found.firstVault = blob.vaultPlace();
            found.tripped = ledger.tripped;
            found.stale = Lateness.at(block.timestamp - ledger.setAt, life, life + blob.lifeRamp());
        }
    }

    /// @dev The price of a feed, looked up once.
    function _priceOf(Ledger storage ledger, uint256 feed, bytes memory blob, Found memory found)
        private
        view
        returns (uint256 price)
    {
        uint256[] memory prices = found.prices;
        assembly ("memory-safe") {
            // No blob names a feed that is not there.
            price := mload(add(add(prices, 32), shl(5, feed)))
        }
        if (price == 0) {
            price = ledger.freshPrice(feed, blob);
            prices[feed] = price;
        }
    }

    /// @dev How late a vault is, found once: for new risk in the lower 128 bits, for maintenance above. Parameters that
    /// outlived their life make all of them late for new risk.
    function _latenessOf(Ledger storage ledger, uint256 vault, Found memory found) private view returns (uint256 late) {
        unchecked {
            (uint256 initial, uint256 maintenance) = Peers.latenessOf(
                ledger,
                found.tripped,
                Peers.ofVault(vault),
                ParameterBlob.vaultAt(found.firstVault, vault).vaultAgesOf()
            );
            if (found.stale != 0) initial = Lateness.widen(initial, found.stale);
            late = initial | maintenance << 128;
            found.lates[vault] = late | _IS_KNOWN;
        }
    }

    function _addLines(
        Ledger storage ledger,
        Line[MAX_LINES] storage lines,
        uint256 count,
        bytes memory blob,
        Found memory found,
        Margin memory margin
    ) private view {
        unchecked {
            for (uint256 i; i < count; ++i) {
                uint256 word;
                assembly ("memory-safe") {
                    // One read of the line's one slot.
                    word := sload(add(lines.slot, i))
                }
                (ListingTerms terms, CapTerms caps) = blob.lineInput(uint8(word >> 224));
                // A line that is not counted at all needs no price: governance can so shed a dead feed.
                if (uint112(word) == 0 || terms.maintenanceHaircutOf() == WAD) continue;
                uint256 price = _priceOf(ledger, terms.feedOf(), blob, found);
                uint256 late = found.lates[caps.vaultOf()];
                late = late == 0 ? _latenessOf(ledger, caps.vaultOf(), found) : late & ~_IS_KNOWN;
                margin.addLine(uint112(word), uint112(word >> 112), price, terms, late);
            }
        }
    }

    /// @param markets A bitmap of the markets where the account has something.
    function _sumPositions(
        Ledger storage ledger,
        Position[MAX_MARKETS] storage positions,
        uint256 markets,
        bytes memory blob,
        Found memory found,
        Sums memory sums
    ) private view {
        unchecked {
            uint256 first = blob.marketPlace();
            uint256 market;
            for (; markets != 0; (markets >>= 1, ++market)) {
                if (markets & 1 == 0) continue;
                (uint256 underlying, uint256 venue,) = ParameterBlob.marketInput(first, market);
                if (sums.underlyings >> underlying & 1 == 0) _addUnderlying(ledger, blob, found, sums, underlying);
                if (sums.venues >> venue & 1 == 0) _addVenue(ledger, blob, found, sums, venue);
                uint256 word;
                assembly ("memory-safe") {
                    // One read of the position's one slot.
                    word := sload(add(positions.slot, market))
                }
                sums.addPosition(underlying, venue, int128(uint128(word)), int256(word) >> 128);
            }
        }
    }

    /// @param limited A bitmap of the markets where limits are outstanding, of those that have been added.
    function _sumLimits(
        Outstanding[MAX_MARKETS] storage outstanding,
        uint256 limited,
        bytes memory blob,
        Sums memory sums
    ) private view {
        unchecked {
            uint256 first = blob.marketPlace();
            uint256 market;
            for (; limited != 0; (limited >>= 1, ++market)) {
                if (limited & 1 == 0) continue;
                (uint256 underlying, uint256 venue, uint256 band) = ParameterBlob.marketInput(first, market);
                uint256 word;
                assembly ("memory-safe") {
                    // One read of the one slot of what is outstanding.
                    word := sload(add(outstanding.slot, market))
                }
                sums.addLimits(underlying, venue, uint112(word), uint112(word >> 112), band);
            }
        }
    }

    function _addUnderlying(
        Ledger storage ledger,
        bytes memory blob,
        Found memory found,
        Sums memory sums,
        uint256 index
    ) private view {
        (UnderlyingTerms terms, DepthTerms depth) = blob.underlyingInput(index);
        sums.addUnderlying(index, terms, depth, _priceOf(ledger, terms.underlyingFeedOf(), blob, found));
    }

    function _addVenue(Ledger storage ledger, bytes memory blob, Found memory found, Sums memory sums, uint256 index)
        private
        view
    {
        VenueTerms terms = blob.venue(index);
        (uint256 initial, uint256 maintenance) =
            Peers.latenessOf(ledger, found.tripped, Peers.ofVenue(index), terms.agesOf());
        uint256 legShare = terms.legShareOf();
        if (initial == 0) return sums.addVenue(index, legShare, legShare);
        sums.addVenue(index, Lateness.widen(legShare, initial), Lateness.widen(legShare, maintenance));
    }
}
