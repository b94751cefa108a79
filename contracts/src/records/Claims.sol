// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Proofs in an emitter's claims tree, a compact sparse Merkle tree over record keys.
/// @notice Twin of core/src/claims.ts; vectors/claims.json is run by both.
library Claims {
    /// A path that is longer than a key has bits proves nothing.
    error PathTooLong(uint256 length);

    /// @notice The root that `leaf` under `key` and the siblings, listed from the root down, add up to.
    /// @dev Bit d of the key, most significant first, is the direction at depth d, so a key has one place only.
    function rootOf(bytes32 key, bytes32 leaf, bytes32[] memory siblings) internal pure returns (bytes32 node) {
        uint256 depth = siblings.length;
        require(depth <= 256, PathTooLong(depth));
        node = leaf;
        while (depth > 0) {
            bytes32 sibling = siblings[--depth];
            bool isRight = (uint256(key) >> (255 - depth)) & 1 == 1;
            node = isRight ? nodeOf(sibling, node) : nodeOf(node, sibling);
        }
    }

    /// @notice The hash of an inner node: keccak256(0x01 ‖ left ‖ right).
    function nodeOf(bytes32 left, bytes32 right) internal pure returns (bytes32 node) {
        assembly ("memory-safe") {
            // 65 bytes in scratch space: the second word ends at 0x41, so the free memory pointer's top byte is
            // overwritten and put back to the zero it always is.
            mstore8(0x00, 0x01)
            mstore(0x01, left)
            mstore(0x21, right)
            node := keccak256(0x00, 0x41)
            mstore8(0x40, 0x00)
        }
    }
}
