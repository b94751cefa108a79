// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";
import {Ages, Lateness} from "./Lateness.sol";
import {MAX_LINES, Account, Ledger, Ledgers, Line, Outstanding, Position} from "./Ledger.sol";
import {Margin, Margins, Sums} from "./Margin.sol";
import {MAX_MARKETS, DepthTerms, ListingTerms, ParameterBlob, UnderlyingTerms, VenueTerms} from "./Parameters.sol";
import {Peers} from "./Peers.sol";
import {Unbacking} from "./Share.sol";

/// What a margin check looks up once. `known` are words by vault and, after those, by feed: how late the one is (`Checks`)
/// and the price of the other, as they are needed, zero before. Then where the vaults are among the parameters, which peers'
/// breakers are tripped, and how stale the parameters are (1e18).
struct Found {
    uint256[] known;
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
    using Wad for uint256;

    /// @dev Above both of the numbers that `_latenessOf` packs, so that one that is not late is known too.
    uint256 private constant IS_KNOWN = 1 << 128;

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
        uint256 limited = uint32(word >> 160);
        if (limited != 0) _sumLimits(ledger.outstanding[account], limited, blob, sums);
        margin.addPositions(sums);
    }

    /// @notice What an account's lines are worth without haircuts, USD at 1e18.
    function collateralOf(Ledger storage ledger, bytes32 account, bytes memory blob) internal view returns (uint256) {
        Margin memory margin;
        Found memory found = _lookUp(ledger, blob);
        _addLines(ledger, ledger.lines[account], ledger.accounts[account].lineCount, blob, found, margin);
        return margin.exposure;
    }

    /// @notice What of an account's lines backs no maintenance margin: units that do not count, and of those that do as much as
    /// their vault is late.
    function unbackingOf(Ledger storage ledger, bytes32 account, bytes memory blob)
        internal
        view
        returns (Unbacking memory other)
    {
        uint256 count = ledger.accounts[account].lineCount;
        for (uint256 i; i < count; ++i) {
            Line memory line = ledger.lines[account][i];
            ListingTerms terms = blob.listing(line.listing);
            uint256 haircut = terms.maintenanceHaircutOf();
            uint256 late = latenessOf(ledger, line.listing, blob);
            uint256 backing = uint256(line.counted).mulDown(WAD - late);
            if (line.units == backing || haircut == WAD) continue;
            uint256 price = ledger.freshPrice(terms.feedOf(), blob);
            other.value += Margins.lineValue(line.units, price, terms) - Margins.lineValue(backing, price, terms);
            uint256 discounted =
                Margins.lineValue(line.counted, price, terms).mulDown(WAD - Lateness.widen(haircut, late));
            other.kept += discounted.mulDown(late);
        }
    }

    /// @notice How late a listing's vault is for maintenance.
    function latenessOf(Ledger storage ledger, uint256 listing, bytes memory blob)
        internal
        view
        returns (uint256 late)
    {
        uint256 vault = blob.capTerms(listing).vaultOf();
        (, late) = Peers.latenessOf(ledger, 0, Peers.ofVault(vault), blob.vault(vault).vaultAgesOf());
    }

    /// @notice What an account's limits in a market are charged for filling at the far end of their band, of initial margin.
    function initialReserveOf(Ledger storage ledger, uint256 market, Outstanding memory left, bytes memory blob)
        internal
        view
        returns (uint256)
    {
        (uint256 underlying, uint256 venue, uint256 band) = ParameterBlob.marketInput(blob.marketPlace(), market);
        (UnderlyingTerms terms,) = blob.underlyingInput(underlying);
        uint256 notional = (uint256(left.buy) + left.sell).mulUp(ledger.freshPrice(terms.underlyingFeedOf(), blob));
        return notional.mulUp(_bandAt(band, left.asOf, blob.venue(venue).agesOf()));
    }

    function requireInitialMargin(Ledger storage ledger, bytes32 account, bytes memory blob) internal view {
        Margin memory margin = marginOf(ledger, account, blob);
        require(margin.meetsInitial(), Ledgers.BelowInitialMargin(margin.initialMarginBalance, margin.initialMargin));
    }

    /// @dev What a check looks up once.
    function _lookUp(Ledger storage ledger, bytes memory blob) private view returns (Found memory found) {
        unchecked {
            (uint256 feedCount, uint256 setAt, uint256 tripped) = ledger.checkInput();
            uint256 life = blob.life();
            found.known = new uint256[](ParameterBlob.MAX_VAULTS + feedCount);
            found.firstVault = blob.vaultPlace();
            found.tripped = tripped;
            if (block.timestamp - setAt > life) {
                found.stale = Lateness.at(block.timestamp - setAt, life, life + blob.lifeRamp());
            }
        }
    }

    /// @dev The price of a feed, looked up once.
    function _priceOf(Ledger storage ledger, uint256 feed, bytes memory blob, Found memory found)
        private
        view
        returns (uint256 price)
    {
        uint256[] memory known = found.known;
        uint256 place;
        assembly ("memory-safe") {
            // Behind the length and the vaults' 16 words. No blob names a feed that is not there.
            place := add(known, shl(5, add(feed, 17)))
            price := mload(place)
        }
        if (price != 0) return price;
        price = ledger.freshPrice(feed, blob);
        assembly ("memory-safe") {
            mstore(place, price)
        }
    }

    /// @dev How late a vault is, found once: for new risk in the lowest 64 bits, for maintenance in the next. Parameters that
    /// outlived their life make all of them late for new risk.
    function _latenessOf(Ledger storage ledger, uint256 vault, Found memory found) private view returns (uint256 late) {
        unchecked {
            (uint256 initial, uint256 maintenance) =
                Peers.latenessOf(ledger, found.tripped, 2 * vault + 1, ParameterBlob.agesAt(found.firstVault, vault));
            if (found.stale != 0) initial = Lateness.widen(initial, found.stale);
            late = initial | maintenance << 64 | IS_KNOWN;
            uint256[] memory known = found.known;
            assembly ("memory-safe") {
                mstore(add(known, shl(5, add(vault, 1))), late)
            }
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
            uint256[] memory known = found.known;
            uint256 first = ParameterBlob.listingPlace(blob);
            for (uint256 i; i < count; ++i) {
                uint256 word;
                uint256 terms;
                uint256 vault;
                uint256 price;
                uint256 late;
                uint256 units;
                assembly ("memory-safe") {
                    // One read of the line's one slot, then its listing's first two words (of three), with its feed and
                    // its vault, and what is known of those. No blob names one that is not there.
                    word := sload(add(lines.slot, i))
                    units := shr(144, shl(144, word))
                    vault := add(first, mul(0x60, byte(3, word)))
                    terms := mload(vault)
                    vault := byte(31, mload(add(vault, 0x20)))
                    late := mload(add(known, shl(5, add(vault, 1))))
                    price := mload(add(known, shl(5, add(byte(31, terms), 17))))
                }
                // A line that is not counted at all needs no price: governance can so shed a dead feed.
                if (units == 0 || uint64(terms >> 80) == WAD) continue;
                if (price == 0) price = _priceOf(ledger, uint8(terms), blob, found);
                if (late == 0) late = _latenessOf(ledger, vault, found);
                margin.addLine(units, (word << 32) >> 144, price, ListingTerms.wrap(terms), late);
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
                uint256 underlying;
                uint256 venue;
                uint256 word;
                assembly ("memory-safe") {
                    // As `marketInput`; and one read of the position's one slot.
                    word := add(first, shl(6, market))
                    underlying := byte(31, mload(word))
                    venue := byte(31, mload(add(word, 0x20)))
                    word := sload(add(positions.slot, market))
                }
                if (sums.underlyings >> underlying & 1 == 0) _addUnderlying(ledger, blob, found, sums, underlying);
                if (sums.venues >> venue & 1 == 0) _addVenue(ledger, blob, found, sums, venue);
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
                uint256 initialBand = _bandAt(band, word >> 224, blob.venue(venue).agesOf());
                sums.addLimits(underlying, venue, uint112(word), uint112(word >> 112), band, initialBand);
            }
        }
    }

    /// @dev What may have been filled since `asOf` may have lost more than the band by now: for new risk it grows with the age
    /// of what is known, as what is locked at a late vault counts less.
    function _bandAt(uint256 band, uint256 asOf, Ages ages) private view returns (uint256) {
        unchecked {
            uint256 calm = ages.calmAgeOf();
            if (block.timestamp <= asOf + calm || !ages.isRemoteOf()) return band;
            return Lateness.widen(band, Lateness.at(block.timestamp - asOf, calm, ages.tripAgeOf()));
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
        unchecked {
            uint256 terms = VenueTerms.unwrap(blob.venue(index));
            (uint256 initial, uint256 maintenance) =
                Peers.latenessOf(ledger, found.tripped, 2 * index, Ages.wrap(terms >> 64));
            uint256 legShare = uint64(terms);
            if (initial == 0) return sums.addVenue(index, legShare, legShare);
            sums.addVenue(index, Lateness.widen(legShare, initial), Lateness.widen(legShare, maintenance));
        }
    }
}
