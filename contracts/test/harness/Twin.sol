// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Margin} from "../../src/clearing/Margin.sol";
import {Positions} from "../../src/clearing/Positions.sol";
import {Share, Taken, Unbacking} from "../../src/clearing/Share.sol";
import {Lateness} from "../../src/clearing/Lateness.sol";
import {Claims} from "../../src/records/Claims.sol";
import {Key, Outcome, Records} from "../../src/records/Records.sol";
import {Portfolio, Portfolios} from "./Portfolios.sol";

/// @title The pure libraries that have a twin in core/, callable from outside.
contract Twin {
    function margins(Portfolio[] memory portfolios) external pure returns (Margin[] memory results) {
        results = new Margin[](portfolios.length);
        for (uint256 i; i < portfolios.length; ++i) {
            results[i] = Portfolios.marginOf(portfolios[i]);
        }
    }

    function lateness(uint256 age, uint256 from, uint256 until, uint256 share)
        external
        pure
        returns (uint256, uint256)
    {
        uint256 late = Lateness.at(age, from, until);
        return (late, Lateness.widen(share, late));
    }

    function book(int256 size, int256 quote, int256 deltaSize, int256 deltaQuote)
        external
        pure
        returns (int256, int256, int256)
    {
        return Positions.book(size, quote, deltaSize, deltaQuote);
    }

    function takenOf(
        Margin memory margin,
        Unbacking memory other,
        uint256 discount,
        uint256 healthTarget,
        uint256 cashHaircut
    ) external pure returns (Taken memory) {
        return Share.takenOf(margin, other, discount, healthTarget, cashHaircut);
    }

    function hashOf(Key memory key) external pure returns (bytes32) {
        return Records.hashOf(key);
    }

    function leafOf(bytes32 key, uint128[6] memory fields) external pure returns (bytes32) {
        return Records.leafOf(key, fields);
    }

    function step(bytes32 digest, bytes32 key, uint128[6] memory fields) external pure returns (bytes32) {
        return Records.step(digest, key, fields);
    }

    function compare(uint128[6] memory known, uint64 knownBlock, uint128[6] memory next, uint64 nextBlock)
        external
        pure
        returns (Outcome)
    {
        return Records.compare(known, knownBlock, next, nextBlock);
    }

    function rootOf(bytes32 key, bytes32 leaf, bytes32[] memory siblings) external pure returns (bytes32) {
        return Claims.rootOf(key, leaf, siblings);
    }
}
