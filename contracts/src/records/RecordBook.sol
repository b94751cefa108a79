// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Book, Books} from "./Books.sol";
import {Key, Kind, LocalRecord, Outcome, Record, Records} from "./Records.sol";
import {RecordSource} from "./RecordSource.sol";

/// The checkpoint a record is learned from; for a record of this chain, the block it is learned in.
struct Seen {
    uint64 blockNumber;
    uint64 timestamp;
}

/// @title The records a contract has written and those it has learned: the one way chains speak to each other here.
/// @notice Vault, clearing and venue each are a book. A peer on the same chain is read where it stands (`pull`), or pushes
/// its record in the transaction that writes it; one on another chain is believed through `source`. All end in `_learn`.
/// @dev spec/records.md, REC-01 to REC-18.
abstract contract RecordBook {
    using Books for Book;

    /// @notice Who vouches for the records of other chains.
    RecordSource public immutable source;
    /// @notice The least time between two `HEARD` records to one peer, in seconds.
    uint64 public immutable heartbeat;
    Book internal _book;

    event RecordLearned(
        Kind indexed kind,
        uint256 writerChain,
        address indexed writer,
        bytes32 indexed account,
        bytes32 item,
        address holder,
        uint128[6] fields,
        uint64 blockNumber,
        uint64 asOf
    );
    event PeerContradicted(uint256 indexed chainId, address indexed peer, bytes32 key);

    /// The lists handed to `learn` differ in length.
    error LengthMismatch(uint256 records, uint256 proofs);
    /// A field that this kind does not use is not zero.
    error UnusedField(Kind kind, uint256 field);
    /// This contract does not read this kind of record from this writer.
    error UnknownPeer(Kind kind, uint256 chainId, address writer);
    /// The writer contradicted itself before, or was closed; its generation is over.
    error PeerEnded(uint256 chainId, address peer);
    /// A writer on this chain is read where it stands (`pull`); a proof of its record is refused.
    error PeerIsLocal(address writer);
    /// Only the writer of a record, on its own chain, can push it.
    error NotTheWriter(address caller, address writer);
    /// The last `HEARD` to this peer is younger than the heartbeat, or no newer root has been accepted since.
    error NothingNewHeard(uint64 lastHeard, uint64 newest);

    constructor(RecordSource source_, uint64 heartbeat_) {
        source = source_;
        heartbeat = heartbeat_;
    }

    /// @notice Learns records of peers on other chains. Anyone may call it; a stale record changes nothing.
    /// @return outcomes What each record did. A contradiction does not revert, since it has to be remembered.
    function learn(Record[] calldata records, bytes[] calldata proofs) external returns (Outcome[] memory outcomes) {
        require(records.length == proofs.length, LengthMismatch(records.length, proofs.length));
        outcomes = new Outcome[](records.length);
        for (uint256 i; i < records.length; ++i) {
            Record calldata record = records[i];
            require(record.writerChain != block.chainid, PeerIsLocal(record.writer));
            Key memory key = _keyToLearn(record);
            (uint64 blockNumber, uint64 timestamp) = source.prove(key, record.fields, proofs[i]);
            outcomes[i] = _learn(key, record.fields, Seen(blockNumber, timestamp));
        }
    }

    /// @notice Learns records of writers on this chain as they stand there now, as if proven from a checkpoint at this block.
    /// Anyone may call it. Fills go behind the record of their market, in the same call.
    function pull(LocalRecord[] calldata records) external returns (Outcome[] memory outcomes) {
        outcomes = new Outcome[](records.length);
        for (uint256 i; i < records.length; ++i) {
            LocalRecord calldata record = records[i];
            Key memory key =
                _keyFrom(record.kind, block.chainid, record.writer, record.account, record.item, record.holder);
            outcomes[i] = _learn(key, RecordBook(record.writer).writtenOf{gas: Books.READ_GAS}(key), _here());
        }
    }

    /// @notice Takes a record from a writer on this chain, in the transaction that writes it.
    function push(Record calldata record) external returns (Outcome) {
        require(
            record.writer == msg.sender && record.writerChain == block.chainid, NotTheWriter(msg.sender, record.writer)
        );
        return _learn(_keyToLearn(record), record.fields, _here());
    }

    /// @notice Writes down, for the peer to read, the time of the newest root accepted from it.
    function hear(uint256 chainId, address peer) external {
        require(_reads(Kind.HEARD, chainId, peer), UnknownPeer(Kind.HEARD, chainId, peer));
        require(!_book.ended[Books.peerOf(chainId, peer)], PeerEnded(chainId, peer));
        (, uint64 timestamp) = source.newest(chainId, peer);
        Key memory key = Books.keyTo(Kind.HEARD, chainId, peer, 0, 0, address(0));
        uint128[6] memory fields = _book.writtenOf(key);
        uint64 last = uint64(fields[0]);
        require(timestamp >= last + heartbeat && timestamp > last, NothingNewHeard(last, timestamp));
        fields[0] = timestamp;
        _write(key, fields);
    }

    /// @notice keccak chain over every write; an attestor signs only if its replay of the logs gives the same.
    function digest() external view returns (bytes32) {
        return _book.digest;
    }

    /// @notice Whether a peer contradicted itself or was closed: nothing more is learned from it, but what it leaves behind.
    function ended(uint256 chainId, address peer) external view returns (bool) {
        return _book.ended[Books.peerOf(chainId, peer)];
    }

    /// @notice The fields this contract has written under a key of its own.
    function writtenOf(Key calldata key) external view returns (uint128[6] memory) {
        return _book.writtenOf(key);
    }

    /// @notice What this contract has learned under a key, and from which checkpoint: block 0 if nothing yet.
    function learnedOf(Key calldata key)
        external
        view
        returns (uint128[6] memory fields, uint64 blockNumber, uint64 asOf)
    {
        return _book.learnedOf(key);
    }

    /// @dev Whether this contract reads records of this kind from this writer.
    function _reads(Kind kind, uint256 chainId, address writer) internal view virtual returns (bool);

    /// @dev Whether an honest writer could have written this; false is a contradiction. Must not change state.
    function _isConsistent(Key memory key, uint128[6] memory known, uint128[6] memory next, Seen memory seen)
        internal
        view
        virtual
        returns (bool);

    /// @dev Whether nothing of an ended peer is learned from a checkpoint any more.
    function _isOver(bytes32, uint64) internal view virtual returns (bool) {
        return true;
    }

    /// @dev Writes a record; apart, so that a large contract can have a library do it.
    function _write(Key memory key, uint128[6] memory fields) internal virtual {
        _book.write(key, fields);
    }

    /// @dev Acts on a peer's contradiction.
    function _end(bytes32 peer) internal virtual {}

    /// @dev Acts on a record that has been taken.
    function _apply(Key memory key, uint128[6] memory known, uint128[6] memory next, uint64 blockNumber)
        internal
        virtual;

    function _keyToLearn(Record calldata record) private view returns (Key memory) {
        return _keyFrom(record.kind, record.writerChain, record.writer, record.account, record.item, record.holder);
    }

    function _keyFrom(Kind kind, uint256 chainId, address writer, bytes32 account, bytes32 item, address holder)
        private
        view
        returns (Key memory)
    {
        require(_reads(kind, chainId, writer), UnknownPeer(kind, chainId, writer));
        return Books.keyFrom(kind, chainId, writer, account, item, holder);
    }

    /// @dev This block, for records of this chain.
    function _here() private view returns (Seen memory) {
        return Seen(uint64(block.number), uint64(block.timestamp));
    }

    function _learn(Key memory key, uint128[6] memory next, Seen memory seen) private returns (Outcome outcome) {
        for (uint256 i = Records.fieldCount(key.kind); i < 6; ++i) {
            require(next[i] == 0, UnusedField(key.kind, i));
        }
        bytes32 peer = Books.peerOf(key.writerChain, key.writer);
        require(!_book.ended[peer] || !_isOver(peer, seen.blockNumber), PeerEnded(key.writerChain, key.writer));
        bytes32 hash = Records.hashOf(key);
        (uint128[6] memory known, uint64 knownBlock, uint64 knownAsOf) =
            _book.learnedAt(hash, Records.fieldCount(key.kind));
        outcome = Records.compare(known, knownBlock, next, seen.blockNumber);
        if (outcome == Outcome.TAKEN && !_isConsistent(key, known, next, seen)) {
            outcome = Outcome.CONTRADICTION;
        }
        if (outcome == Outcome.CONTRADICTION) {
            _book.ended[peer] = true;
            _end(peer);
            emit PeerContradicted(key.writerChain, key.writer, hash);
        }
        if (outcome != Outcome.TAKEN) return outcome;
        uint64 asOf = seen.timestamp > knownAsOf ? seen.timestamp : knownAsOf;
        _book.keepLearned(hash, known, next, seen.blockNumber, asOf);
        emit RecordLearned(
            key.kind, key.writerChain, key.writer, key.account, key.item, key.holder, next, seen.blockNumber, asOf
        );
        _apply(key, known, next, seen.blockNumber);
    }
}
