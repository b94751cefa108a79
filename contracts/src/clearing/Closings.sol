// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPyth} from "@pythnetwork/pyth-sdk-solidity/IPyth.sol";
import {PythStructs} from "@pythnetwork/pyth-sdk-solidity/PythStructs.sol";
import {Wad} from "../math/Wad.sol";
import {Price, PricePolicy, Prices} from "../price/Prices.sol";
import {Book, Books} from "../records/Books.sol";
import {RecordSource} from "../records/RecordSource.sol";
import {Closing, Ledger, Ledgers, Market, Place} from "./Ledger.sol";
import {Outages} from "./Outages.sol";
import {ParameterBlob} from "./Parameters.sol";
import {Cause, Peers} from "./Peers.sol";

/// What a venue on the clearing's chain is told.
interface Closable {
    /// @notice Nothing is filled or accrued any more; what is void is still forfeited.
    function close() external;
}

/// @title The end of a venue: closed on its one last root, its positions settled in cash at one price.
/// @dev Linked: runs in the clearing's storage. spec/closing.md.
library Closings {
    using Ledgers for Ledger;
    using ParameterBlob for bytes;

    event VenueClosed(uint256 indexed venue, uint64 lastBlock, uint64 closedAt);
    event ClosePriceFixed(uint256 indexed market, uint256 price, uint256 publishTime);

    /// Not added, or after the parameters were set.
    error UnknownVenue(uint256 venue);
    error ClosedBefore(uint256 venue);
    /// The venue has neither contradicted itself nor been silent for long enough, since this chain's last outage; only
    /// governance may close it.
    error VenueIsAlive(uint256 venue, uint256 silence, uint256 deadAge);
    error NotClosed(uint256 venue);
    /// The last root's records can still be shown.
    error GraceNotOver(uint256 venue, uint256 until, uint256 now_);
    error NothingToSettle(bytes32 account, uint256 market);
    /// Nobody has shown the first price after the grace yet (`priceClosed`); from `waitUntil` on the cached one is taken.
    error NoClosePrice(uint256 market, uint256 waitUntil, uint256 now_);
    error PricedBefore(uint256 market);

    /// @notice The last block of a venue on this chain that is closed and has not lied: up to the end of its grace it is read
    /// where it stands, so that nobody leaves one side of a fill out.
    uint64 internal constant ANY_BLOCK = type(uint64).max;
    /// @notice How long the first price after the grace is waited for, since then and since the last outage, in seconds.
    uint256 internal constant PRICE_WAIT = 2 * Outages.MAX_OUTAGE_AFTER;

    /// @notice Trips for ever the breaker of a peer that has just contradicted itself, and keeps the last checkpoint of a
    /// venue: what it writes from now on counts for nothing, whenever it is closed.
    function end(Ledger storage ledger, RecordSource source, bytes32 peer) external {
        _stop(ledger, Peers.find(ledger, peer), Cause.CONTRADICTION);
        uint256 number = ledger.venueNumber[peer];
        if (number == 0) return;
        if (ledger.closings[number - 1].closedAt > 0) {
            // One on this chain that lies after it was closed is not read any more.
            if (ledger.closings[number - 1].lastBlock == ANY_BLOCK) ledger.closings[number - 1].lastBlock = 0;
            return;
        }
        Place memory place = ledger.venues[number - 1];
        (ledger.closings[number - 1].lastBlock,) = source.newest(place.chainId, place.peer);
    }

    /// @notice Closes a venue that contradicted itself, or of which no root is younger than its `deadAge`, not counting what
    /// this chain stood still. From now on only records of its newest accepted root are learned; one on this chain is told to
    /// fill nothing more, and read for as long.
    /// @param byOwner Whether governance asks, which needs no such reason: a venue may stay alive and forfeit nothing.
    function close(Ledger storage ledger, Book storage book, RecordSource source, uint256 venue, bool byOwner)
        external
    {
        bytes memory blob = ledger.blobOf();
        require(venue < ledger.venues.length && venue < blob.venueCount(), UnknownVenue(venue));
        require(ledger.closings[venue].closedAt == 0, ClosedBefore(venue));
        Place memory place = ledger.venues[venue];
        bytes32 peer = Books.peerOf(place.chainId, place.peer);
        (uint64 lastBlock, uint64 newest) = source.newest(place.chainId, place.peer);
        if (book.ended[peer]) {
            lastBlock = ledger.closings[venue].lastBlock;
        } else {
            if (!byOwner) _requireDead(ledger, venue, Wad.max(newest, place.namedAt), blob);
            book.ended[peer] = true;
            _stop(ledger, Peers.ofVenue(venue), Cause.CLOSING);
            if (place.chainId == block.chainid) lastBlock = ANY_BLOCK;
        }
        uint256 until = block.timestamp + blob.closeGrace();
        ledger.closings[venue] = Closing(uint64(block.timestamp), lastBlock, uint64(until));
        emit VenueClosed(venue, lastBlock, uint64(block.timestamp));
        if (lastBlock == ANY_BLOCK) Books.call(place.peer, abi.encodeCall(Closable.close, ()));
    }

    /// @dev Silence is counted while there were ears: what is not heard in an outage of this chain, or before its first price,
    /// is nobody's death.
    function _requireDead(Ledger storage ledger, uint256 venue, uint256 heardAt, bytes memory blob) private view {
        uint256 last = Wad.max(Wad.max(heardAt, ledger.firstPriceAt), Outages.lastEnd(ledger, blob));
        // A root may be a little ahead of this chain's clock.
        uint256 silence = block.timestamp > last ? block.timestamp - last : 0;
        uint256 deadAge = blob.venue(venue).deadAgeOf();
        bool isLocal = ledger.venues[venue].chainId == block.chainid;
        require(!isLocal && silence >= deadAge, VenueIsAlive(venue, silence, deadAge));
        Outages.requireGraceOver(ledger, blob);
    }

    /// @dev No new risk rests on it any more.
    function _stop(Ledger storage ledger, uint256 peer, Cause cause) private {
        ledger.breakers[peer].isOver = true;
        Peers.trip(ledger, peer, cause);
    }

    /// @notice Fixes a closed market's price by Pyth's own report: the first published at or after the end of the grace, so
    /// that nobody picks the moment.
    function price(
        Ledger storage ledger,
        IPyth pyth,
        PricePolicy storage policy,
        uint256 market,
        bytes[] calldata updates
    ) external {
        (uint256 until, bytes memory blob) = _requireGraceOver(ledger, market);
        require(ledger.closePrice[market] == 0, PricedBefore(market));
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = ledger.feeds[_feedOf(blob, market)];
        // The report before it is older than `until`.
        bool isFirst = true;
        (PythStructs.PriceFeed[] memory found,) = pyth.parsePriceFeedUpdatesWithConfig{value: msg.value}(
            updates, ids, uint64(until), uint64(block.timestamp), isFirst, false, false
        );
        Price memory first = Prices.parse(ids[0], found[0].price, policy);
        _fix(ledger, market, first.price, first.publishTime);
    }

    /// @notice Settles an account's position at a closed venue in cash, and frees what its limits there were charged. What
    /// was never shown is void, for both sides.
    function settle(Ledger storage ledger, bytes32 account, uint256 market) external {
        (uint256 until, bytes memory blob) = _requireGraceOver(ledger, market);
        require(ledger.accounts[account].markets >> market & 1 == 1, NothingToSettle(account, market));
        if (ledger.closePrice[market] == 0) {
            // Whoever comes first after an outage does not pick the moment either.
            uint256 waitUntil = Wad.max(until, Outages.lastEnd(ledger, blob)) + PRICE_WAIT;
            require(block.timestamp > waitUntil, NoClosePrice(market, waitUntil, block.timestamp));
            uint256 feed = _feedOf(blob, market);
            (, uint64 publishTime) = ledger.indexPrice[feed].unpacked();
            _fix(ledger, market, ledger.freshPrice(feed, blob), publishTime);
        }
        ledger.settleClosed(account, market);
    }

    function _fix(Ledger storage ledger, uint256 market, uint256 price_, uint256 publishTime) private {
        ledger.closePrice[market] = price_;
        ledger.pricedMarkets |= uint32(1 << market);
        emit ClosePriceFixed(market, price_, publishTime);
    }

    function _requireGraceOver(Ledger storage ledger, uint256 market)
        private
        view
        returns (uint256 until, bytes memory blob)
    {
        blob = ledger.blobOf();
        Market memory m = ledger.markets[market];
        uint256 venue = ledger.venueNumber[Books.peerOf(m.chainId, m.venue)] - 1;
        Closing memory closing = ledger.closings[venue];
        require(closing.closedAt > 0, NotClosed(venue));
        until = closing.until;
        require(block.timestamp > until, GraceNotOver(venue, until, block.timestamp));
    }

    function _feedOf(bytes memory blob, uint256 market) private pure returns (uint256) {
        return blob.underlying(blob.market(market).underlyingOf()).underlyingFeedOf();
    }
}
