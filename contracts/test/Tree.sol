// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Claims} from "../src/records/Claims.sol";

/// @title The claims tree of a list of records, built afresh for every question: short, and slow.
library Tree {
    function rootOf(bytes32[] memory keys, bytes32[] memory leaves) internal pure returns (bytes32) {
        return _rootAt(keys, leaves, 0);
    }

    /// @notice The siblings of the key's place, from the root down. The key must be in the list.
    function siblingsOf(bytes32[] memory keys, bytes32[] memory leaves, bytes32 key)
        internal
        pure
        returns (bytes32[] memory siblings)
    {
        siblings = new bytes32[](256);
        uint256 depth;
        while (keys.length > 1) {
            bool isRight = _bit(key, depth);
            (bytes32[] memory otherKeys, bytes32[] memory otherLeaves) = _side(keys, leaves, depth, !isRight);
            siblings[depth] = _rootAt(otherKeys, otherLeaves, depth + 1);
            (keys, leaves) = _side(keys, leaves, depth, isRight);
            ++depth;
        }
        assembly ("memory-safe") {
            mstore(siblings, depth)
        }
    }

    function _rootAt(bytes32[] memory keys, bytes32[] memory leaves, uint256 depth) private pure returns (bytes32) {
        if (keys.length == 0) return 0;
        if (keys.length == 1) return leaves[0];
        (bytes32[] memory leftKeys, bytes32[] memory leftLeaves) = _side(keys, leaves, depth, false);
        (bytes32[] memory rightKeys, bytes32[] memory rightLeaves) = _side(keys, leaves, depth, true);
        return Claims.nodeOf(_rootAt(leftKeys, leftLeaves, depth + 1), _rootAt(rightKeys, rightLeaves, depth + 1));
    }

    function _side(bytes32[] memory keys, bytes32[] memory leaves, uint256 depth, bool isRight)
        private
        pure
        returns (bytes32[] memory sideKeys, bytes32[] memory sideLeaves)
    {
        uint256 count;
        for (uint256 i; i < keys.length; ++i) {
            if (_bit(keys[i], depth) == isRight) ++count;
        }
        (sideKeys, sideLeaves) = (new bytes32[](count), new bytes32[](count));
        for (uint256 i = keys.length; i > 0; --i) {
            if (_bit(keys[i - 1], depth) != isRight) continue;
            (sideKeys[--count], sideLeaves[count]) = (keys[i - 1], leaves[i - 1]);
        }
    }

    function _bit(bytes32 key, uint256 depth) private pure returns (bool) {
        return (uint256(key) >> (255 - depth)) & 1 == 1;
    }
}
