// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What a record says, and so who writes and who reads it: spec/records.md.
enum Kind {
    NONE,
    GRANT,
    LEDGER,
    LIMIT,
    FILLS,
    MARKET,
    HEARD
}

/// What learning a record did. The order is part of the wire format.
enum Outcome {
    TAKEN,
    STALE,
    CONTRADICTION
}

/// The identity of a record. Both ends are in it, so a record is of no use to any other reader.
struct Key {
    Kind kind;
    uint256 writerChain;
    address writer;
    uint256 readerChain;
    address reader;
    bytes32 account;
    bytes32 item;
    address holder;
}

/// A record as it is handed to its reader, who adds its own chain id and address to make the key.
struct Record {
    Kind kind;
    uint256 writerChain;
    address writer;
    bytes32 account;
    bytes32 item;
    address holder;
    uint128[6] fields;
}

/// A record of a writer on the reader's own chain, by what tells it from its others: its key without the two ends.
struct LocalRecord {
    Kind kind;
    address writer;
    bytes32 account;
    bytes32 item;
    address holder;
}

/// @title Records that only grow: their key, leaf, running digest and the rule for learning one.
/// @notice Twin of core/src/record.ts; vectors/records.json is run by both.
library Records {
    /// @notice The number of fields a kind uses; the rest of the six are zero. 0 for what is not a kind.
    function fieldCount(Kind kind) internal pure returns (uint256) {
        // One nibble a kind, GRANT in the second from the right.
        return (0x1364310 >> (uint256(kind) * 4)) & 0xf;
    }

    /// @notice Whether a writer hands records of this kind to a reader on its own chain as it writes them: what a contract
    /// does to one account at a time, and must be known before anyone acts on it. The others wait to be pulled.
    function isPushed(Kind kind) internal pure returns (bool) {
        return kind == Kind.GRANT || kind == Kind.LEDGER || kind == Kind.LIMIT;
    }

    /// @notice keccak256(abi.encode(key)).
    function hashOf(Key memory key) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            // In memory a key is its own encoding: eight words.
            hash := keccak256(key, 0x100)
        }
    }

    /// @notice The leaf of a record in its emitter's claims tree. The 0x00 keeps a leaf from being read as a node.
    function leafOf(bytes32 key, uint128[6] memory fields) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x00), key, fields));
    }

    /// @notice The emitter's running digest after one more write: keccak256(digest ‖ key ‖ fields).
    function step(bytes32 digest, bytes32 key, uint128[6] memory fields) internal pure returns (bytes32 next) {
        assembly ("memory-safe") {
            let place := mload(0x40)
            mstore(place, digest)
            mstore(add(place, 0x20), key)
            mcopy(add(place, 0x40), fields, 0xc0)
            next := keccak256(place, 0x100)
        }
    }

    /// @notice What learning `next` at `nextBlock` does to a reader that knows `known` from `knownBlock`.
    function compare(uint128[6] memory known, uint64 knownBlock, uint128[6] memory next, uint64 nextBlock)
        internal
        pure
        returns (Outcome)
    {
        bool anyFell;
        bool anyRose;
        assembly ("memory-safe") {
            for { let place := 0 } lt(place, 0xc0) { place := add(place, 0x20) } {
                let before := mload(add(known, place))
                let after := mload(add(next, place))
                anyFell := or(anyFell, lt(after, before))
                anyRose := or(anyRose, gt(after, before))
            }
        }
        if (!anyFell && nextBlock >= knownBlock) return Outcome.TAKEN;
        if (!anyRose && nextBlock <= knownBlock) return Outcome.STALE;
        return Outcome.CONTRADICTION;
    }
}
