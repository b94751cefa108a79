// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Claims} from "../records/Claims.sol";
import {Key, Records} from "../records/Records.sol";
import {RecordSource} from "../records/RecordSource.sol";

/// A statement about one emitter at one finalized checkpoint block of its chain. True everywhere, so its
/// signatures name no destination.
struct Checkpoint {
    uint64 epoch;
    uint256 chainId;
    address emitter;
    uint64 blockNumber;
    uint64 timestamp;
    bytes32 blockHash;
    bytes32 root;
}

/// The next committee, as the current one signs it.
struct Rotation {
    uint64 epoch;
    uint40 start;
    uint40 end;
    uint8 threshold;
    address[] signers;
}

/// @title Roots vouched for by k of n attestors.
/// @notice Trusted for safety up to k - 1 dishonest attestors, for liveness up to n - k silent ones. Nobody owns it.
/// @dev spec/records.md, ROOT-01 to ROOT-09. The newest 32 roots of an emitter stay provable: each holds every record,
/// so an evicted one loses nothing.
contract CommitteeRoots is RecordSource {
    /// One slot, so that a root costs one read less. The signers' hash is cut to 208 bits: finding another list with
    /// the same takes 2^208 tries, and two lists with one hash would both have to be signed for by the epoch before.
    struct Epoch {
        bytes26 signers;
        uint40 end;
        uint8 threshold;
    }

    struct Newest {
        uint64 blockNumber;
        uint64 timestamp;
        uint64 count;
        bool ended;
    }

    uint256 public constant RING = 32;
    /// @notice How far a checkpoint's time may be ahead of this chain's, in seconds.
    uint64 public constant MAX_SKEW = 60;
    /// @notice How long after its end an epoch's signatures are still taken, in seconds.
    uint64 public constant GRACE = 1 hours;
    /// @notice How long after its end an epoch can still name the next, in seconds: this chain may stand still at its end.
    uint64 public constant SUCCESSION = 30 days;

    bytes32 private constant DOMAIN = keccak256(
        abi.encode(keccak256("EIP712Domain(string name,string version)"), keccak256("Omnimargin"), keccak256("1"))
    );
    bytes32 private constant CHECKPOINT = keccak256(
        "Checkpoint(uint64 epoch,uint256 chainId,address emitter,uint64 blockNumber,uint64 timestamp,bytes32 blockHash,bytes32 root)"
    );
    bytes32 private constant ROTATION =
        keccak256("Rotation(bytes32 committee,uint64 epoch,uint40 start,uint40 end,uint8 threshold,address[] signers)");
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Names this committee through all its rotations, so that a rotation of one is not one of another.
    bytes32 public immutable committee;
    /// @notice The number of the newest epoch.
    uint64 public currentEpoch;
    mapping(uint64 epoch => Epoch) public epochs;
    mapping(bytes32 emitter => Newest) private _newest;
    mapping(bytes32 emitter => bytes32[RING]) private _ring;

    event EpochStarted(uint64 indexed epoch, uint40 start, uint40 end, uint8 threshold, address[] signers);
    event RootAccepted(
        uint256 indexed chainId,
        address indexed emitter,
        uint64 blockNumber,
        uint64 timestamp,
        bytes32 blockHash,
        bytes32 root,
        uint256 position
    );
    event EmitterContradicted(uint256 indexed chainId, address indexed emitter, uint64 blockNumber);

    /// n < 4, k < floor(2n/3) + 1, or k > n.
    error WeakCommittee(uint256 threshold, uint256 signers);
    /// Signers must be non-zero, unique and sorted.
    error UnsortedSigners(address signer);
    /// The signers given are not those of the epoch.
    error WrongSigners(uint64 epoch);
    /// The signatures are not `threshold` of 65 bytes each.
    error WrongSignatureCount(uint256 length, uint256 threshold);
    /// Forged, high-s, not of the epoch's signers, or not in their order.
    error BadSignature(uint256 index);
    /// The statement lies at or after the epoch's end, or the grace after it is over.
    error EpochOver(uint64 epoch, uint40 end);
    /// A rotation names the next epoch, has started and not ended, and comes at most `SUCCESSION` after the current one's end.
    error WrongRotation(uint64 epoch, uint40 start, uint40 end);
    error RootTooOld(uint64 blockNumber, uint64 newest);
    error RootFromTheFuture(uint64 timestamp, uint256 now_);
    /// A newer block cannot have an earlier time.
    error TimestampFell(uint64 timestamp, uint64 newest);
    error EmitterEnded(uint256 chainId, address emitter);
    /// Two checkpoints contradict each other if they are of one emitter and block, and differ.
    error NoContradiction();
    /// The root in the proof is not among the newest 32 accepted of the record's writer.
    error UnknownRoot();
    /// The record is not under the root.
    error NotProven();

    constructor(address[] memory signers, uint8 threshold, uint40 end) {
        committee = keccak256(abi.encode(signers, threshold, end));
        _start(Rotation(0, uint40(block.timestamp), end, threshold, signers));
    }

    /// @notice Accepts a checkpoint's root. The same one again is a no-op; a different one of the same block ends
    /// the emitter's generation, which is kept and therefore does not revert.
    /// @param signers All signers of the checkpoint's epoch, sorted.
    /// @param signatures `threshold` signatures of 65 bytes (r, s, v), in the signers' order.
    function submit(Checkpoint calldata checkpoint, address[] calldata signers, bytes calldata signatures) external {
        bytes32 emitter = _emitterOf(checkpoint.chainId, checkpoint.emitter);
        Newest memory newest_ = _newest[emitter];
        require(!newest_.ended, EmitterEnded(checkpoint.chainId, checkpoint.emitter));
        require(checkpoint.blockNumber >= newest_.blockNumber, RootTooOld(checkpoint.blockNumber, newest_.blockNumber));
        require(
            checkpoint.timestamp <= block.timestamp + MAX_SKEW, RootFromTheFuture(checkpoint.timestamp, block.timestamp)
        );
        bytes32 accepted = _acceptedOf(checkpoint.blockNumber, checkpoint.timestamp, checkpoint.root);
        if (newest_.count > 0 && checkpoint.blockNumber == newest_.blockNumber) {
            if (_ring[emitter][(newest_.count - 1) % RING] == accepted) return;
            _requireSigned(checkpoint, signers, signatures);
            return _end(emitter, checkpoint);
        }
        require(checkpoint.timestamp >= newest_.timestamp, TimestampFell(checkpoint.timestamp, newest_.timestamp));
        _requireSigned(checkpoint, signers, signatures);
        uint256 position = newest_.count % RING;
        _ring[emitter][position] = accepted;
        _newest[emitter] = Newest(checkpoint.blockNumber, checkpoint.timestamp, newest_.count + 1, false);
        emit RootAccepted(
            checkpoint.chainId,
            checkpoint.emitter,
            checkpoint.blockNumber,
            checkpoint.timestamp,
            checkpoint.blockHash,
            checkpoint.root,
            position
        );
    }

    /// @notice Shows two different checkpoints of one emitter and block, both signed: its generation is over.
    function showContradiction(
        Checkpoint calldata one,
        address[] calldata oneSigners,
        bytes calldata oneSignatures,
        Checkpoint calldata other,
        address[] calldata otherSigners,
        bytes calldata otherSignatures
    ) external {
        require(
            one.chainId == other.chainId && one.emitter == other.emitter && one.blockNumber == other.blockNumber
                && (one.root != other.root || one.timestamp != other.timestamp || one.blockHash != other.blockHash),
            NoContradiction()
        );
        _requireSigned(one, oneSigners, oneSignatures);
        _requireSigned(other, otherSigners, otherSignatures);
        _end(_emitterOf(one.chainId, one.emitter), one);
    }

    /// @notice Starts the next epoch, on signatures of the current one. The current one then ends at its start, if it has not
    /// ended before: one that is over names its successor, and says nothing else.
    function rotate(Rotation calldata rotation, address[] calldata signers, bytes calldata signatures) external {
        Epoch storage current = epochs[currentEpoch];
        uint40 end = current.end;
        require(
            rotation.epoch == currentEpoch + 1 && rotation.start <= block.timestamp
                && block.timestamp < uint256(end) + SUCCESSION && rotation.end > block.timestamp,
            WrongRotation(rotation.epoch, rotation.start, rotation.end)
        );
        bytes32 statement = keccak256(
            abi.encode(
                ROTATION,
                committee,
                rotation.epoch,
                rotation.start,
                rotation.end,
                rotation.threshold,
                keccak256(abi.encodePacked(rotation.signers))
            )
        );
        _requireQuorum(currentEpoch, statement, signers, signatures);
        if (rotation.start < end) current.end = rotation.start;
        currentEpoch = rotation.epoch;
        _start(rotation);
    }

    /// @inheritdoc RecordSource
    /// @param proof abi.encode(ring position, block number, timestamp, root, siblings from the root down).
    function prove(Key calldata key, uint128[6] calldata fields, bytes calldata proof)
        external
        view
        returns (uint64 blockNumber, uint64 timestamp)
    {
        bytes32 root;
        bytes32[] memory siblings;
        uint8 position;
        (position, blockNumber, timestamp, root, siblings) =
            abi.decode(proof, (uint8, uint64, uint64, bytes32, bytes32[]));
        bytes32 emitter = _emitterOf(key.writerChain, key.writer);
        require(position < RING && _ring[emitter][position] == _acceptedOf(blockNumber, timestamp, root), UnknownRoot());
        bytes32 hash = Records.hashOf(key);
        require(Claims.rootOf(hash, Records.leafOf(hash, fields), siblings) == root, NotProven());
    }

    /// @inheritdoc RecordSource
    function newest(uint256 chainId, address emitter) external view returns (uint64 blockNumber, uint64 timestamp) {
        Newest storage newest_ = _newest[_emitterOf(chainId, emitter)];
        return (newest_.blockNumber, newest_.timestamp);
    }

    /// @notice The ring position that the next root accepted of an emitter will have, for a proof sent along with it.
    function nextPosition(uint256 chainId, address emitter) external view returns (uint256) {
        return _newest[_emitterOf(chainId, emitter)].count % RING;
    }

    /// @notice Whether an emitter's generation is over.
    function ended(uint256 chainId, address emitter) external view returns (bool) {
        return _newest[_emitterOf(chainId, emitter)].ended;
    }

    function _start(Rotation memory rotation) private {
        uint256 count = rotation.signers.length;
        uint256 threshold = rotation.threshold;
        require(count >= 4 && threshold >= 2 * count / 3 + 1 && threshold <= count, WeakCommittee(threshold, count));
        address last;
        for (uint256 i; i < count; ++i) {
            require(rotation.signers[i] > last, UnsortedSigners(rotation.signers[i]));
            last = rotation.signers[i];
        }
        bytes26 signers = bytes26(keccak256(abi.encodePacked(rotation.signers)));
        epochs[rotation.epoch] = Epoch(signers, rotation.end, rotation.threshold);
        emit EpochStarted(rotation.epoch, rotation.start, rotation.end, rotation.threshold, rotation.signers);
    }

    function _end(bytes32 emitter, Checkpoint calldata checkpoint) private {
        _newest[emitter].ended = true;
        emit EmitterContradicted(checkpoint.chainId, checkpoint.emitter, checkpoint.blockNumber);
    }

    function _requireSigned(Checkpoint calldata checkpoint, address[] calldata signers, bytes calldata signatures)
        private
        view
    {
        uint40 end = epochs[checkpoint.epoch].end;
        require(checkpoint.timestamp < end && block.timestamp < uint256(end) + GRACE, EpochOver(checkpoint.epoch, end));
        // A checkpoint is static, so its encoding is the struct hash's own.
        _requireQuorum(checkpoint.epoch, keccak256(abi.encode(CHECKPOINT, checkpoint)), signers, signatures);
    }

    /// @dev Signers and signatures are in one order, so each signer is matched at most once.
    function _requireQuorum(
        uint64 epochNumber,
        bytes32 statement,
        address[] calldata signers,
        bytes calldata signatures
    ) private view {
        Epoch storage epoch = epochs[epochNumber];
        uint256 threshold = epoch.threshold;
        require(_hashOf(signers) == epoch.signers, WrongSigners(epochNumber));
        require(signatures.length == threshold * 65, WrongSignatureCount(signatures.length, threshold));
        bytes32 message = keccak256(abi.encodePacked(hex"1901", DOMAIN, statement));
        uint256 next;
        unchecked {
            for (uint256 i; i < threshold; ++i) {
                address signer = _recover(message, signatures, i);
                do {
                    if (next == signers.length) revert BadSignature(i);
                } while (signers[next++] != signer);
            }
        }
    }

    /// @dev The first 26 bytes of keccak256(abi.encodePacked(signers)), straight from the calldata, which holds just these words.
    function _hashOf(address[] calldata signers) private pure returns (bytes26) {
        bytes32 hash;
        assembly ("memory-safe") {
            let start := mload(0x40)
            let length := shl(5, signers.length)
            calldatacopy(start, signers.offset, length)
            hash := keccak256(start, length)
        }
        return bytes26(hash);
    }

    /// @dev The signer of the i-th signature, which the caller has checked to be there: r, s, v in 65 bytes.
    function _recover(bytes32 message, bytes calldata signatures, uint256 i) private pure returns (address signer) {
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            let signature := add(signatures.offset, mul(i, 65))
            r := calldataload(signature)
            s := calldataload(add(signature, 32))
            v := byte(0, calldataload(add(signature, 64)))
        }
        require(uint256(s) <= HALF_ORDER, BadSignature(i));
        signer = ecrecover(message, v, r, s);
        require(signer != address(0), BadSignature(i));
    }

    function _emitterOf(uint256 chainId, address emitter) private pure returns (bytes32) {
        return keccak256(abi.encode(chainId, emitter));
    }

    function _acceptedOf(uint64 blockNumber, uint64 timestamp, bytes32 root) private pure returns (bytes32) {
        return keccak256(abi.encode(blockNumber, timestamp, root));
    }
}
