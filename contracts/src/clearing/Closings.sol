// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Book, Books} from "../records/Books.sol";
import {RecordSource} from "../records/RecordSource.sol";
import {Closing, Ledger, Ledgers, Market, Outstanding, Place} from "./Ledger.sol";
import {Instruments} from "./Instruments.sol";
import {ParameterBlob} from "./Parameters.sol";

/// @title The end of a venue: closed on its one last root, its positions settled in cash at one price.
/// @dev Linked: runs in the clearing's storage. spec/margin.md, CLO-01 to CLO-06.
library Closings {
    using Ledgers for Ledger;
    using ParameterBlob for bytes;

    event VenueClosed(uint256 indexed venue, uint64 lastBlock, uint64 closedAt);
    event PositionSettled(bytes32 indexed account, uint256 indexed market, int256 size, uint256 price);

    error UnknownVenue(uint256 venue);
    error ClosedBefore(uint256 venue);
    /// The venue has neither contradicted itself nor been silent for long enough.
    error VenueIsAlive(uint256 venue, uint256 silence, uint256 deadAge);
    error NotClosed(uint256 venue);
    /// The last root's records can still be shown.
    error GraceNotOver(uint256 venue, uint256 until, uint256 now_);
    error NothingToSettle(bytes32 account, uint256 market);

    /// @notice Closes a venue that contradicted itself, or of which no root is younger than its `deadAge`. From now on only
    /// records of its newest accepted root are learned.
    function close(Ledger storage ledger, Book storage book, RecordSource source, uint256 venue) external {
        require(venue < ledger.venues.length, UnknownVenue(venue));
        require(ledger.closings[venue].closedAt == 0, ClosedBefore(venue));
        Place memory place = ledger.venues[venue];
        bytes32 peer = Books.peerOf(place.chainId, place.venue);
        (uint64 lastBlock, uint64 newest) = source.newest(place.chainId, place.venue);
        if (!book.ended[peer]) {
            uint256 last = newest > place.addedAt ? newest : place.addedAt;
            // A root may be a little ahead of this chain's clock.
            uint256 silence = block.timestamp > last ? block.timestamp - last : 0;
            uint256 deadAge = ledger.blobOf().venue(venue).deadAgeOf();
            bool isDead = place.chainId != block.chainid && silence >= deadAge;
            require(isDead, VenueIsAlive(venue, silence, deadAge));
            book.ended[peer] = true;
        }
        ledger.closings[venue] = Closing(uint64(block.timestamp), lastBlock);
        emit VenueClosed(venue, lastBlock, uint64(block.timestamp));
    }

    /// @notice Settles an account's position at a closed venue in cash, at the index price of the first such settlement,
    /// and frees what its limits there were charged. What was never shown is void, for both sides.
    function settle(Ledger storage ledger, bytes32 account, uint256 market) external {
        Market memory m = ledger.markets[market];
        bytes memory blob = ledger.blobOf();
        _requireGraceOver(ledger, ledger.venueNumber[Books.peerOf(m.chainId, m.venue)] - 1, blob);
        require(ledger.accounts[account].markets >> market & 1 == 1, NothingToSettle(account, market));
        uint256 price = ledger.closePrice[market];
        if (price == 0) {
            price = ledger.freshPrice(blob.underlying(blob.market(market).underlyingOf()).underlyingFeedOf(), blob);
            ledger.closePrice[market] = price;
        }
        int256 size = ledger.positions[account][market].size;
        int256 value = Instruments.positionValue(size, price);
        Outstanding memory none;
        ledger.change(account, market, -size, value, none);
        if (value != 0) ledger.addCash(Ledgers.house(), -value);
        emit PositionSettled(account, market, size, price);
    }

    function _requireGraceOver(Ledger storage ledger, uint256 venue, bytes memory blob) private view {
        uint256 closedAt = ledger.closings[venue].closedAt;
        require(closedAt > 0, NotClosed(venue));
        uint256 until = closedAt + blob.closeGrace();
        require(block.timestamp > until, GraceNotOver(venue, until, block.timestamp));
    }
}
