// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPyth} from "@pythnetwork/pyth-sdk-solidity/IPyth.sol";
import {PythStructs} from "@pythnetwork/pyth-sdk-solidity/PythStructs.sol";
import {Price, PricePolicy, Prices, packed} from "../price/Prices.sol";
import {Ledger} from "./Ledger.sol";
import {Outages} from "./Outages.sol";

/// @title The clearing's index prices: poked from Pyth into a cache, with the extremes they went through.
/// @dev Linked: runs in the clearing's storage. spec/contracts.md, PRC-01 to PRC-04.
library Index {
    using Prices for Prices.Extremes;

    event IndexPriceUpdated(uint256 indexed feed, uint96 price, uint64 publishTime);
    event IndexWidened(uint256 indexed feed, uint96 price, uint64 publishTime);

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
        if (isTaken) Outages.notice(ledger);
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
        // One that is too old to be poked has not held until now, whatever became of the price meanwhile.
        bool held = lastTime + policy.maxAge >= block.timestamp;
        ledger.extremes[feed].widen(block.timestamp, held ? last : next.price, next.price);
        ledger.indexPrice[feed] = packed(next);
        emit IndexPriceUpdated(feed, next.price, next.publishTime);
        return true;
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
