// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Key, Kind, Record, Records} from "./Records.sol";
import {RecordBook} from "./RecordBook.sol";

/// One slot for a record of a single field; fields 1 to 5 follow, two to a slot.
struct Learned {
    uint128 first;
    uint64 blockNumber;
    uint64 asOf;
    uint128[5] rest;
}

/// The records a contract has written and those it has learned, by the hash of their key.
struct Book {
    /// The keccak chain over every write.
    bytes32 digest;
    /// Peers that contradicted themselves.
    mapping(bytes32 peer => bool) ended;
    mapping(bytes32 key => uint128[6]) written;
    mapping(bytes32 key => Learned) learned;
}

/// @title Reading and writing a book.
library Books {
    event Recorded(
        Kind indexed kind,
        uint256 readerChain,
        address indexed reader,
        bytes32 indexed account,
        bytes32 item,
        address holder,
        uint128[6] fields,
        bytes32 digest
    );

    /// @notice Stores the fields, steps the digest, and hands the record to a reader on this chain.
    /// @dev The last thing a function does with a record: the push runs the reader's code.
    function write(Book storage book, Key memory key, uint128[6] memory fields) internal {
        bytes32 hash = Records.hashOf(key);
        uint128[6] storage stored = book.written[hash];
        uint256 count = Records.fieldCount(key.kind);
        for (uint256 i; i < count; ++i) {
            uint128 known = stored[i];
            assert(fields[i] >= known);
            if (fields[i] != known) stored[i] = fields[i];
        }
        bytes32 digest = Records.step(book.digest, hash, fields);
        book.digest = digest;
        emit Recorded(key.kind, key.readerChain, key.reader, key.account, key.item, key.holder, fields, digest);
        if (key.readerChain == block.chainid && !book.ended[peerOf(key.readerChain, key.reader)]) {
            RecordBook(key.reader)
                .push(Record(key.kind, key.writerChain, key.writer, key.account, key.item, key.holder, fields));
        }
    }

    /// @notice Adds to one field of a record this contract writes.
    function add(Book storage book, Key memory key, uint256 field, uint128 amount) internal {
        uint128[6] memory fields = writtenOf(book, key);
        fields[field] += amount;
        write(book, key, fields);
    }

    function writtenOf(Book storage book, Key memory key) internal view returns (uint128[6] memory fields) {
        uint128[6] storage stored = book.written[Records.hashOf(key)];
        uint256 count = Records.fieldCount(key.kind);
        for (uint256 i; i < count; ++i) {
            fields[i] = stored[i];
        }
    }

    function learnedOf(Book storage book, Key memory key)
        internal
        view
        returns (uint128[6] memory fields, uint64 blockNumber, uint64 asOf)
    {
        Learned storage stored = book.learned[Records.hashOf(key)];
        (fields[0], blockNumber, asOf) = (stored.first, stored.blockNumber, stored.asOf);
        uint256 count = Records.fieldCount(key.kind);
        for (uint256 i = 1; i < count; ++i) {
            fields[i] = stored.rest[i - 1];
        }
    }

    /// @notice The key of a record that this contract writes for a peer.
    function keyTo(Kind kind, uint256 readerChain, address reader, bytes32 account, bytes32 item, address holder)
        internal
        view
        returns (Key memory)
    {
        return Key(kind, block.chainid, address(this), readerChain, reader, account, item, holder);
    }

    /// @notice The key of a record that this contract learns from a peer.
    function keyFrom(Kind kind, uint256 writerChain, address writer, bytes32 account, bytes32 item, address holder)
        internal
        view
        returns (Key memory)
    {
        return Key(kind, writerChain, writer, block.chainid, address(this), account, item, holder);
    }

    function peerOf(uint256 chainId, address peer) internal pure returns (bytes32) {
        return keccak256(abi.encode(chainId, peer));
    }
}
