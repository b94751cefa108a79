// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {WAD, Wad} from "../math/Wad.sol";
import {Book, Books} from "../records/Books.sol";
import {Key} from "../records/Records.sol";
import {Checks} from "./Checks.sol";
import {Ledger, Ledgers, Market, OpenInterest, Outstanding} from "./Ledger.sol";
import {LocalFills} from "./LocalFills.sol";
import {Margin, Margins} from "./Margin.sol";
import {Outages} from "./Outages.sol";
import {ParameterBlob} from "./Parameters.sol";
import {Peers} from "./Peers.sol";

/// @title Trade limits: given against initial margin, used up by fills, voided.
/// @dev Linked: runs in the clearing's storage. spec/contracts.md, CLR-04, CLR-10; spec/margin.md, MRG-20 to MRG-22.
library Limits {
    using Books for Book;
    using Checks for Ledger;
    using Ledgers for Ledger;
    using Margins for Margin;
    using ParameterBlob for bytes;
    using SafeCast for uint256;

    event LimitsRaised(bytes32 indexed account, uint256 indexed market, uint112 buy, uint112 sell, uint32 version);
    event LimitsVoided(bytes32 indexed account, uint256 indexed market, uint32 version);

    /// The market does not exist, or was added after the parameters were set.
    error NoMarketParameters(uint256 market);
    /// The venue contradicted itself or was closed: nothing is traded there any more.
    error VenueEnded(uint256 chainId, address venue);
    /// The venue is late or its breaker tripped: only a limit that shrinks the position is given there.
    error NoNewRisk(uint256 market);
    /// The index has moved by more than the band since it is known what was filled of the limits that are outstanding: have the
    /// fills record proven again, or void them. Only a limit that shrinks the position is given before.
    error FillsTooOld(uint256 market, uint256 asOf, uint256 low, uint256 high);
    error NothingToRaise();
    error NothingToVoid();
    error BelowMinSize(uint256 size, uint256 minSize);
    error OpenInterestCapExceeded(uint256 openInterest, uint256 cap);
    error NotLiquidatable(int256 marginBalance, uint256 maintenanceMargin);

    function raise(Ledger storage ledger, Book storage book, bytes32 account, uint256 market, uint112 buy, uint112 sell)
        external
    {
        bytes memory blob = ledger.blobOf();
        require(market < blob.marketCount(), NoMarketParameters(market));
        require(buy > 0 || sell > 0, NothingToRaise());
        uint256 aged = LocalFills.pull(ledger, book, account);
        _requireOpen(ledger, book, market);
        ledger.bringUpToDate(account);
        aged &= ledger.accounts[account].limited;
        OpenInterest memory before = ledger.openInterest[market];
        Outstanding memory left = ledger.outstanding[account][market];
        if (left.buy == 0 && left.sell == 0) left.asOf = uint32(block.timestamp);
        (left.buy, left.sell) = (left.buy + buy, left.sell + sell);
        ledger.change(account, market, 0, 0, left);
        _requireMinSize(buy, sell, blob.market(market).minSizeOf());
        _requireOpenInterest(before, ledger.openInterest[market], blob.market(market).openInterestCapOf());
        ledger.requireFreshRecords(book, account, aged, blob);
        ledger.requireFreshFunding(account, blob);
        _requireMargin(ledger, account, market, left, buy + sell, blob);
        emit LimitsRaised(account, market, buy, sell, ledger.version);
        Key memory key = ledger.limitKey(account, market);
        uint128[6] memory fields = book.writtenOf(key);
        fields[0] += buy;
        fields[1] += sell;
        book.write(key, fields);
    }

    /// @param byOwner Whether the account's owner asks; anyone else may once the account is below maintenance.
    function voidAt(Ledger storage ledger, Book storage book, bytes32 account, uint256 market, bool byOwner) external {
        if (!byOwner) {
            ledger.bringUpToDate(account);
            bytes memory blob = ledger.blobOf();
            Outages.requireGraceOver(ledger, blob);
            requireLiquidatable(ledger, account, blob);
        }
        require(ledger.accounts[account].limited >> market & 1 == 1, NothingToVoid());
        (Key memory key, uint128[6] memory fields) = voidOf(ledger, book, account, market);
        book.write(key, fields);
    }

    /// @notice The record that voids an account's limits in a market, to be written next.
    function voidOf(Ledger storage ledger, Book storage book, bytes32 account, uint256 market)
        internal
        returns (Key memory key, uint128[6] memory fields)
    {
        key = ledger.limitKey(account, market);
        fields = book.writtenOf(key);
        (fields[2], fields[3]) = (fields[0], fields[1]);
        emit LimitsVoided(account, market, ledger.version);
    }

    function requireLiquidatable(Ledger storage ledger, bytes32 account, bytes memory blob) internal view {
        Margin memory margin = ledger.marginOf(account, blob);
        require(!margin.meetsMaintenance(), NotLiquidatable(margin.maintenanceMarginBalance, margin.maintenanceMargin));
    }

    function _requireMinSize(uint256 buy, uint256 sell, uint256 minSize) private pure {
        uint256 smallest = buy == 0 ? sell : sell == 0 ? buy : Wad.min(buy, sell);
        require(smallest >= minSize, BelowMinSize(smallest, minSize));
    }

    /// @dev Only a side that grew counts, so that a lower cap keeps nobody from closing.
    function _requireOpenInterest(OpenInterest memory before, OpenInterest memory open, uint256 cap) private pure {
        uint256 long = open.long > before.long ? open.long : 0;
        uint256 short = open.short > before.short ? open.short : 0;
        require(Wad.max(long, short) <= cap, OpenInterestCapExceeded(Wad.max(long, short), cap));
    }

    function _requireOpen(Ledger storage ledger, Book storage book, uint256 market) private view {
        Market memory m = ledger.markets[market];
        require(!book.ended[Books.peerOf(m.chainId, m.venue)], VenueEnded(m.chainId, m.venue));
    }

    /// @dev Whether what is outstanding can only shrink the position.
    function _shrinks(int256 size, Outstanding memory left) private pure returns (bool) {
        return size > 0 ? left.buy == 0 && left.sell <= Wad.abs(size) : left.sell == 0 && left.buy <= Wad.abs(size);
    }

    function _requireNewRisk(Ledger storage ledger, uint256 market, bytes memory blob) private view {
        uint256 venue = blob.place(market).venueOf();
        require(Peers.isNormal(ledger, Peers.ofVenue(venue), blob.venue(venue).agesOf()), NoNewRisk(market));
    }

    /// @dev What is added to limits may be filled at any price since `asOf`, for all that can be told: no margin would be asked for what
    /// the index has moved since.
    function _requireKnown(Ledger storage ledger, uint256 market, uint256 asOf, bytes memory blob) private view {
        (uint256 low, uint256 high, uint256 price) = ledger.indexRange(market, asOf, blob);
        uint256 band = blob.market(market).bandOf();
        bool isStill = low >= Wad.mulDown(price, WAD - band) && high <= Wad.mulUp(price, WAD + band);
        require(isStill, FillsTooOld(market, asOf, low, high));
    }

    /// @dev Any limit needs initial margin. Below it one is given that adds no risk, while at its worst maintenance is met.
    function _requireMargin(
        Ledger storage ledger,
        bytes32 account,
        uint256 market,
        Outstanding memory left,
        uint112 amount,
        bytes memory blob
    ) private {
        bool shrinks = _shrinks(ledger.positions[account][market].size, left);
        if (!shrinks) _requireNewRisk(ledger, market, blob);
        if (!shrinks && left.asOf != block.timestamp) _requireKnown(ledger, market, left.asOf, blob);
        Margin memory margin = ledger.marginOf(account, blob);
        if (margin.meetsInitial()) return;
        bool isGiven = shrinks && margin.meetsMaintenance()
            && _addsNoRisk(ledger, account, market, left, amount, margin.initialMargin, blob);
        require(isGiven, Ledgers.BelowInitialMargin(margin.initialMarginBalance, margin.initialMargin));
    }

    /// @dev Whether a limit that can only shrink the position requires nothing but its own band. One that bares the other leg
    /// of a hedge, or ends a credit, requires more once it is filled.
    function _addsNoRisk(
        Ledger storage ledger,
        bytes32 account,
        uint256 market,
        Outstanding memory left,
        uint112 amount,
        uint256 initialMargin,
        bytes memory blob
    ) private returns (bool) {
        // The account as it was without it, for the length of one margin check.
        Outstanding memory before = left.sell == 0
            ? Outstanding(left.buy - amount, 0, left.asOf)
            : Outstanding(0, left.sell - amount, left.asOf);
        ledger.outstanding[account][market] = before;
        uint256 initialMarginBefore = ledger.marginOf(account, blob).initialMargin;
        ledger.outstanding[account][market] = left;
        return initialMargin - ledger.initialReserveOf(market, left, blob)
            <= initialMarginBefore - ledger.initialReserveOf(market, before, blob);
    }
}
