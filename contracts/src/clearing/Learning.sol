// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {WAD, Wad} from "../math/Wad.sol";
import {Book, Books} from "../records/Books.sol";
import {Key, Kind, Records} from "../records/Records.sol";
import {Seen} from "../records/RecordBook.sol";
import {Closings} from "./Closings.sol";
import {Counting} from "./Counting.sol";
import {Closing, FundingIndex, Ledger, Ledgers, Listing, Outstanding} from "./Ledger.sol";
import {Lines} from "./Lines.sol";
import {ParameterBlob} from "./Parameters.sol";
import {Peers} from "./Peers.sol";

/// @title What a clearing makes of the records it learns: grants, fills, funding, and what was heard.
/// @dev Linked: runs in the clearing's storage. spec/margin.md, MRG-20 to MRG-22; spec/funding.md, FND-20 to FND-23;
/// spec/contracts.md, CLR-02, CLO-02.
library Learning {
    using Books for Book;
    using Ledgers for Ledger;
    using ParameterBlob for bytes;
    using SafeCast for uint256;

    event FundingIndexChanged(uint256 indexed market, int128 index, uint64 accruedUntil);

    /// A fill is outside the band around the extremes of this clearing's index. Poke it, or for a fill of the past
    /// show it the report that it missed (`widenIndex`).
    error FillOutsideBand(uint256 market, uint256 low, uint256 high);
    /// Funding grew by more than the highest of this clearing's prices of the time allows. A newer record, which has the time
    /// since then too, may pass; or show it the report that it missed (`widenIndex`).
    error FundingAboveCap(uint256 market, uint256 growth, uint256 most);
    /// Fills come with the market record of the same or a newer checkpoint: bring that one first, in the same call.
    error MarketRecordTooOld(uint256 market, uint256 blockNumber, uint256 needed);

    /// @notice Whether a clearing reads records of this kind from this writer.
    function reads(Ledger storage ledger, Kind kind, uint256 chainId, address writer) external view returns (bool) {
        bytes32 peer = Books.peerOf(chainId, writer);
        bool isVault = ledger.vaultNumber[peer] > 0;
        if (kind == Kind.GRANT) return isVault;
        bool isVenue = ledger.venueNumber[peer] > 0;
        if (kind == Kind.FILLS || kind == Kind.MARKET) return isVenue;
        return kind == Kind.HEARD && (isVenue || isVault);
    }

    /// @notice Whether an honest peer could have written this; false is a contradiction. Nobody can have heard a time of
    /// this clearing that has not come yet, and what a peer heard is one record, not one an account.
    function isConsistent(
        Ledger storage ledger,
        Book storage book,
        Key memory key,
        uint128[6] memory known,
        uint128[6] memory next,
        Seen memory seen
    ) external view returns (bool) {
        if (key.kind == Kind.FILLS) {
            return _areFillsConsistent(ledger, book, key, known, next, seen.blockNumber);
        }
        if (key.kind == Kind.MARKET) return _isMarketConsistent(ledger, key, known, next, seen.timestamp);
        if (key.kind != Kind.HEARD) return true;
        return key.account == 0 && key.item == 0 && key.holder == address(0) && next[0] <= block.timestamp;
    }

    /// @notice Acts on a record that has just been learned.
    function take(
        Ledger storage ledger,
        Book storage book,
        Key memory key,
        uint128[6] memory known,
        uint128[6] memory next,
        uint64 blockNumber
    ) external {
        if (key.kind == Kind.GRANT) {
            _applyGrant(ledger, book, key);
        } else if (key.kind == Kind.FILLS) {
            _applyFills(ledger, book, key, known, next);
        } else if (key.kind == Kind.MARKET) {
            _applyMarket(ledger, key, next, blockNumber);
        } else {
            Peers.hear(ledger, Books.peerOf(key.writerChain, key.writer), next[0], ledger.blobOf());
        }
    }

    /// @notice Writes a record of the clearing's own.
    function write(Book storage book, Key memory key, uint128[6] memory fields) external {
        book.write(key, fields);
    }

    /// @notice Whether a checkpoint of an ended venue may not be learned from: any but the last (of one on this chain that did not
    /// lie all), and that after the grace.
    function isOver(Ledger storage ledger, bytes32 peer, uint64 blockNumber) external view returns (bool) {
        uint256 number = ledger.venueNumber[peer];
        if (number == 0) return true;
        Closing memory closing = ledger.closings[number - 1];
        if (closing.closedAt == 0) return true;
        if (closing.lastBlock != blockNumber && closing.lastBlock != Closings.ANY_BLOCK) return true;
        return block.timestamp > closing.until;
    }

    /// @dev Whether an honest venue could have written this: no more than the limits it was given. Payments outside
    /// the band around the extremes of this clearing's own index since what was filled is known are refused: it cannot tell a
    /// lie from a price that nobody poked, and refusing costs nothing.
    function _areFillsConsistent(
        Ledger storage ledger,
        Book storage book,
        Key memory key,
        uint128[6] memory known,
        uint128[6] memory next,
        uint64 blockNumber
    ) private view returns (bool) {
        if (key.holder != address(0)) return false;
        uint256 market = ledger.marketOf(key);
        uint128[6] memory limits = book.writtenOf(ledger.limitKey(key.account, market));
        if (uint256(next[0]) + next[4] > limits[0] || uint256(next[1]) + next[5] > limits[1]) return false;
        if (next[0] == known[0] && next[1] == known[1]) return next[2] == known[2] && next[3] == known[3];
        _requireMarketRecord(ledger, market, blockNumber);
        _requireInBand(ledger, market, known, next, ledger.outstanding[key.account][market].asOf);
        return true;
    }

    function _requireMarketRecord(Ledger storage ledger, uint256 market, uint256 blockNumber) private view {
        uint256 funded = ledger.funding[market].blockNumber;
        require(funded >= blockNumber, MarketRecordTooOld(market, funded, blockNumber));
    }

    function _requireInBand(
        Ledger storage ledger,
        uint256 market,
        uint128[6] memory known,
        uint128[6] memory next,
        uint256 since
    ) private view {
        (uint256 low, uint256 high) = _priceBounds(ledger, market, since);
        bool inBand = _isWithin(next[0] - known[0], next[2] - known[2], low, high)
            && _isWithin(next[1] - known[1], next[3] - known[3], low, high);
        require(inBand, FillOutsideBand(market, low, high));
    }

    /// @dev Whether an honest venue could have written this: not of the future, of no account, small enough, and grown only with
    /// time. Growth faster than the market's cap is refused: the cap is above the venue's own by more than two indexes usually
    /// differ, but in an outage of this chain, or for a report that nobody poked here, they may differ by anything.
    function _isMarketConsistent(
        Ledger storage ledger,
        Key memory key,
        uint128[6] memory known,
        uint128[6] memory next,
        uint64 timestamp
    ) private view returns (bool) {
        uint256 market = ledger.marketOf(key);
        if (key.account != 0 || key.holder != address(0) || next[2] > timestamp) return false;
        if (next[0] > type(uint112).max || next[1] > type(uint112).max) return false;
        uint256 growth = uint256(next[0]) + next[1] - known[0] - known[1];
        if (growth == 0) return true;
        uint256 from = Wad.max(known[2], ledger.funding[market].accruedUntil);
        if (next[2] <= from) return false;
        uint256 most = _mostOf(ledger, market, from, next[2]);
        require(growth <= most, FundingAboveCap(market, growth, most));
        return true;
    }

    /// @dev Books what a fills record that has just been learned adds.
    function _applyFills(
        Ledger storage ledger,
        Book storage book,
        Key memory key,
        uint128[6] memory known,
        uint128[6] memory next
    ) private {
        uint256 market = ledger.marketOf(key);
        Outstanding memory left = ledger.outstanding[key.account][market];
        left.buy -= (uint256(next[0]) - known[0] + next[4] - known[4]).toUint112();
        left.sell -= (uint256(next[1]) - known[1] + next[5] - known[5]).toUint112();
        // Only while there is anything left to fill; and limits are no younger than they are by a record from before them.
        bool isLimited = left.buy > 0 || left.sell > 0;
        left.asOf = isLimited ? uint32(Wad.max(left.asOf, book.learnedAsOf(key))) : 0;
        int256 deltaSize = int256(uint256(next[0] - known[0])) - int256(uint256(next[1] - known[1]));
        int256 deltaQuote = int256(uint256(next[3] - known[3])) - int256(uint256(next[2] - known[2]));
        ledger.change(key.account, market, deltaSize, deltaQuote, left);
    }

    /// @dev Takes the index of a market record that has just been learned.
    function _applyMarket(Ledger storage ledger, Key memory key, uint128[6] memory next, uint64 blockNumber) private {
        uint256 market = ledger.marketOf(key);
        int128 index = int128(next[0]) - int128(next[1]);
        FundingIndex memory before = ledger.funding[market];
        uint64 accruedUntil = uint64(Wad.max(next[2], before.accruedUntil));
        ledger.funding[market] = FundingIndex(index, accruedUntil, blockNumber);
        if (index != before.index) emit FundingIndexChanged(market, index, accruedUntil);
    }

    /// @dev What a grant record that has just been learned adds to its line, if that is open.
    function _applyGrant(Ledger storage ledger, Book storage book, Key memory grant) private {
        uint256 number = ledger.lineIndex[Records.hashOf(grant)];
        if (number == 0) return;
        Listing memory listing = ledger.listings[ledger.lines[grant.account][number - 1].listing];
        uint256 units = Lines.unitsOf(book, grant.account, listing, grant.holder);
        Counting.setUnits(ledger, grant.account, number - 1, units, ledger.blobOf());
    }

    /// @dev The cap's share of the highest price of the time that accrued, for each second of it, rounded up. A market's first
    /// record may reach back to when it was added, and no further.
    function _mostOf(Ledger storage ledger, uint256 market, uint256 from, uint256 until)
        private
        view
        returns (uint256)
    {
        return (_mostASecond(ledger, market, from) * (until - from) + WAD - 1) / WAD;
    }

    /// @dev USD at 1e36.
    function _mostASecond(Ledger storage ledger, uint256 market, uint256 since) private view returns (uint256) {
        bytes memory blob = ledger.blobOf();
        (, uint256 high,) = ledger.indexRange(market, since, blob);
        return high * blob.place(market).maxFundingOf();
    }

    /// @dev The prices, USD at 1e18, between which a fill since `since` must lie: `low` rounded down, `high` up.
    function _priceBounds(Ledger storage ledger, uint256 market, uint256 since)
        private
        view
        returns (uint256 low, uint256 high)
    {
        bytes memory blob = ledger.blobOf();
        uint256 band = blob.market(market).bandOf();
        (low, high,) = ledger.indexRange(market, since, blob);
        return (Wad.mulDown(low, WAD - band), Wad.mulUp(high, WAD + band));
    }

    function _isWithin(uint256 size, uint256 notional, uint256 low, uint256 high) private pure returns (bool) {
        return notional >= Wad.mulDown(size, low) && notional <= Wad.mulUp(size, high);
    }
}
