// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPyth} from "@pythnetwork/pyth-sdk-solidity/IPyth.sol";
import {PythStructs} from "@pythnetwork/pyth-sdk-solidity/PythStructs.sol";
import {Price, PricePolicy, Prices, packed} from "../price/Prices.sol";
import {Ledger, Ledgers} from "./Ledger.sol";
import {ParameterBlob} from "./Parameters.sol";

/// @title The clearing's index prices: poked from Pyth into a cache, with the extremes they went through.
/// @dev Linked: runs in the clearing's storage. spec/contracts.md, PRC-01 to PRC-04.
library Index {
    using Ledgers for Ledger;
    using ParameterBlob for bytes;
    using Prices for Prices.Extremes;

    event IndexPriceUpdated(uint256 indexed feed, uint96 price, uint64 publishTime);
    event IndexWidened(uint256 indexed feed, uint96 price, uint64 publishTime);

    /// Nobody had poked a price since `last`.
    event Resumed(uint64 last, uint64 resumedAt);

    error UnknownFeed(uint256 feed);

    function poke(
        Ledger storage ledger,
        IPyth pyth,
        PricePolicy storage policy,
        uint256[] calldata feeds,
        bytes[] calldata updates
    ) external {
        Prices.update(pyth, updates);
        bool isTaken;
        for (uint256 i; i < feeds.length; ++i) {
            if (_take(ledger, pyth, policy, feeds[i])) isTaken = true;
        }
        if (isTaken) _notice(ledger);
    }

    /// @dev Caches a feed's price, if it is newer than the cached one.
    function _take(Ledger storage ledger, IPyth pyth, PricePolicy storage policy, uint256 feed)
        private
        returns (bool isNewer)
    {
        require(feed < ledger.feeds.length, UnknownFeed(feed));
        Price memory next = Prices.read(pyth, ledger.feeds[feed], policy);
        (uint96 last, uint64 lastTime) = ledger.indexPrice[feed].unpacked();
        if (next.publishTime <= lastTime) return false;
        ledger.extremes[feed].widen(block.timestamp, last == 0 ? next.price : last, next.price);
        ledger.indexPrice[feed] = packed(next);
        emit IndexPriceUpdated(feed, next.price, next.publishTime);
        return true;
    }

    /// @dev A long time without a price is an outage: of this chain, or of those who poke. What brings no price ends none,
    /// and hides none.
    function _notice(Ledger storage ledger) private {
        (uint256 last, uint256 now_) = (ledger.pokedAt, block.timestamp);
        if (now_ < last + ParameterBlob.NOTICE_STEP) return;
        ledger.pokedAt = uint64(now_);
        if (last == 0 || ledger.parameters == address(0)) return;
        uint256 outageAfter = ledger.blobOf().outageAfter();
        if (now_ < last + outageAfter) return;
        ledger.resumedAt = uint64(now_);
        emit Resumed(uint64(last), uint64(now_));
    }

    /// @notice Adds a signed report of the past to the extremes of its hour: a price that nobody poked, and that a fill
    /// was made at. It can only widen what fills are believed, and only by what Pyth signed.
    function widen(
        Ledger storage ledger,
        IPyth pyth,
        PricePolicy storage policy,
        uint256 feed,
        bytes[] calldata updates
    ) external {
        require(feed < ledger.feeds.length, UnknownFeed(feed));
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = ledger.feeds[feed];
        PythStructs.PriceFeed[] memory found =
            pyth.parsePriceFeedUpdates{value: msg.value}(updates, ids, 0, uint64(block.timestamp));
        Price memory price = Prices.parse(ids[0], found[0].price, policy);
        ledger.extremes[feed].widen(price.publishTime, price.price, price.price);
        emit IndexWidened(feed, price.price, price.publishTime);
    }
}
