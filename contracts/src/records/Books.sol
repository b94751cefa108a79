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
    /// Peers that contradicted themselves, or were closed.
    mapping(bytes32 peer => bool) ended;
    mapping(bytes32 key => uint128[6]) written;
    mapping(bytes32 key => Learned) learned;
}

/// @title Reading and writing a book.
library Books {
    /// @notice What a reader on this chain is given to take a record that must not wait for it; it needs less than two thirds.
    uint256 internal constant PUSH_GAS = 200_000;
    /// @dev Of which a call is given 63 parts of 64, after what it costs to make it.
    uint256 private constant LEAST_GAS = PUSH_GAS * 64 / 63 + 20_000;
    /// @notice What a writer on this chain is given to say what it has written; it needs a tenth.
    uint256 internal constant READ_GAS = 100_000;

    /// The call has not enough left for a reader to hear: give it more.
    error TooLittleGas(uint256 left, uint256 least);

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

    /// @notice Stores the fields, steps the digest, and hands a record that is pushed to a reader on this chain.
    /// @dev The last thing a function does with a record: the push runs the reader's code.
    function write(Book storage book, Key memory key, uint128[6] memory fields) internal {
        bytes32 hash = Records.hashOf(key);
        writeOver(book, key, hash, writtenAt(book, hash, Records.fieldCount(key.kind)), fields);
    }

    /// @notice `write`, for who has hashed the key and read the record (`writtenAt`) already.
    function writeOver(
        Book storage book,
        Key memory key,
        bytes32 hash,
        uint128[6] memory known,
        uint128[6] memory fields
    ) internal {
        _store(book, key, hash, known, fields);
        if (_isPushed(book, key)) RecordBook(key.reader).push(_recordOf(key, fields));
    }

    /// @notice `write`, whatever the reader on this chain makes of it: one that refuses, or burns what gas it is given, stops
    /// nothing, and can still pull the record. For what must not wait for a reader.
    function writeUnheard(Book storage book, Key memory key, uint128[6] memory fields) internal {
        bytes32 hash = Records.hashOf(key);
        _store(book, key, hash, writtenAt(book, hash, Records.fieldCount(key.kind)), fields);
        tell(book, key);
    }

    /// @notice Adds to one field of a record this contract writes, and hands it over as `write` does.
    function add(Book storage book, Key memory key, uint256 field, uint128 amount) internal {
        keep(book, key, field, amount);
        push(book, key);
    }

    /// @notice Adds to one field of a record and hands it to nobody: that is for `push` or `tell`, once all else is done.
    function keep(Book storage book, Key memory key, uint256 field, uint128 amount) internal {
        bytes32 hash = Records.hashOf(key);
        uint128[6] memory known = writtenAt(book, hash, Records.fieldCount(key.kind));
        uint128[6] memory fields = copyOf(known);
        fields[field] += amount;
        _store(book, key, hash, known, fields);
    }

    /// @notice Hands a record as it stands to a reader on this chain, and reverts if that refuses it.
    function push(Book storage book, Key memory key) internal {
        if (_isPushed(book, key)) RecordBook(key.reader).push(_recordOf(key, writtenOf(book, key)));
    }

    /// @notice `push`, whatever the reader makes of it, and even to one that is over: it may still have something to forfeit.
    function tell(Book storage book, Key memory key) internal {
        if (key.readerChain != block.chainid || !Records.isPushed(key.kind)) return;
        call(key.reader, abi.encodeCall(RecordBook.push, (_recordOf(key, writtenOf(book, key)))));
    }

    /// @notice Calls a contract that is not waited for: it has all of its gas, or nothing is done, and may do with it what it
    /// likes.
    function call(address peer, bytes memory data) internal {
        require(gasleft() >= LEAST_GAS, TooLittleGas(gasleft(), LEAST_GAS));
        uint256 gasLimit = PUSH_GAS;
        assembly ("memory-safe") {
            // What it answers is not even copied.
            pop(call(gasLimit, peer, 0, add(data, 0x20), mload(data), 0, 0))
        }
    }

    function _store(Book storage book, Key memory key, bytes32 hash, uint128[6] memory known, uint128[6] memory fields)
        private
    {
        uint128[6] storage stored = book.written[hash];
        bool fell;
        assembly ("memory-safe") {
            // As in `writtenAt`: 0 and 2, 1 and 3, 4 and 5.
            for { let i := 0 } lt(i, 3) { i := add(i, 1) } {
                let last := eq(i, 2)
                let place := shl(5, add(i, shl(1, last)))
                let other := add(place, shl(5, sub(2, last)))
                let left := mload(add(fields, place))
                let right := mload(add(fields, other))
                let knownLeft := mload(add(known, place))
                let knownRight := mload(add(known, other))
                fell := or(fell, or(lt(left, knownLeft), lt(right, knownRight)))
                if or(xor(left, knownLeft), xor(right, knownRight)) {
                    sstore(add(stored.slot, i), or(left, shl(128, right)))
                }
            }
        }
        assert(!fell);
        bytes32 digest = Records.step(book.digest, hash, fields);
        book.digest = digest;
        emit Recorded(key.kind, key.readerChain, key.reader, key.account, key.item, key.holder, fields, digest);
    }

    function _isPushed(Book storage book, Key memory key) private view returns (bool) {
        if (key.readerChain != block.chainid || !Records.isPushed(key.kind)) return false;
        return !book.ended[peerOf(key.readerChain, key.reader)];
    }

    function _recordOf(Key memory key, uint128[6] memory fields) private pure returns (Record memory) {
        return Record(key.kind, key.writerChain, key.writer, key.account, key.item, key.holder, fields);
    }

    function writtenOf(Book storage book, Key memory key) internal view returns (uint128[6] memory) {
        return writtenAt(book, Records.hashOf(key), Records.fieldCount(key.kind));
    }

    /// @notice The first `count` fields written under a key's hash, each slot read once: two a slot, those that change
    /// together, which are 0 and 2 (of fills what was bought and paid), 1 and 3, 4 and 5.
    function writtenAt(Book storage book, bytes32 hash, uint256 count)
        internal
        view
        returns (uint128[6] memory fields)
    {
        uint128[6] storage stored = book.written[hash];
        assembly ("memory-safe") {
            for { let i := 0 } and(lt(i, 3), lt(add(i, shl(1, eq(i, 2))), count)) { i := add(i, 1) } {
                let last := eq(i, 2)
                let both := sload(add(stored.slot, i))
                let place := add(fields, shl(5, add(i, shl(1, last))))
                mstore(place, shr(128, shl(128, both)))
                mstore(add(place, shl(5, sub(2, last))), shr(128, both))
            }
        }
    }

    function learnedOf(Book storage book, Key memory key)
        internal
        view
        returns (uint128[6] memory fields, uint64 blockNumber, uint64 asOf)
    {
        return learnedAt(book, Records.hashOf(key), Records.fieldCount(key.kind));
    }

    /// @notice The first `count` fields learned under a key's hash, and from which checkpoint; each slot read once.
    function learnedAt(Book storage book, bytes32 hash, uint256 count)
        internal
        view
        returns (uint128[6] memory fields, uint64 blockNumber, uint64 asOf)
    {
        Learned storage stored = book.learned[hash];
        (fields[0], blockNumber, asOf) = (stored.first, stored.blockNumber, stored.asOf);
        uint128[5] storage rest = stored.rest;
        assembly ("memory-safe") {
            for { let i := 1 } lt(i, count) { i := add(i, 2) } {
                let both := sload(add(rest.slot, shr(1, i)))
                let place := add(fields, shl(5, i))
                mstore(place, shr(128, shl(128, both)))
                if lt(i, 5) { mstore(add(place, 0x20), shr(128, both)) }
            }
        }
    }

    /// @notice How old what has been learned under a key may be, in the writer's seconds.
    function learnedAsOf(Book storage book, Key memory key) internal view returns (uint64) {
        return book.learned[Records.hashOf(key)].asOf;
    }

    /// @notice One field learned under a key's hash.
    function learnedFieldAt(Book storage book, bytes32 hash, uint256 field) internal view returns (uint128) {
        Learned storage stored = book.learned[hash];
        return field == 0 ? stored.first : stored.rest[field - 1];
    }

    /// @notice Keeps what has been learned under a key's hash, over `known`, which it held before.
    function keepLearned(
        Book storage book,
        bytes32 hash,
        uint128[6] memory known,
        uint128[6] memory fields,
        uint64 blockNumber,
        uint64 asOf
    ) internal {
        Learned storage stored = book.learned[hash];
        (stored.first, stored.blockNumber, stored.asOf) = (fields[0], blockNumber, asOf);
        uint128[5] storage rest = stored.rest;
        assembly ("memory-safe") {
            for { let i := 1 } lt(i, 6) { i := add(i, 2) } {
                let place := shl(5, i)
                let left := mload(add(fields, place))
                let changed := xor(left, mload(add(known, place)))
                let right := 0
                if lt(i, 5) {
                    right := mload(add(add(fields, place), 0x20))
                    changed := or(changed, xor(right, mload(add(add(known, place), 0x20))))
                }
                if changed { sstore(add(rest.slot, shr(1, i)), or(left, shl(128, right))) }
            }
        }
    }

    /// @notice A list of fields of one's own to change.
    function copyOf(uint128[6] memory fields) internal pure returns (uint128[6] memory copy) {
        assembly ("memory-safe") {
            mcopy(copy, fields, 0xc0)
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
