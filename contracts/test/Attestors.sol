// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {Checkpoint, Rotation} from "../src/roots/CommitteeRoots.sol";

/// @title A committee's keys, and what they sign.
abstract contract Attestors is Test {
    bytes32 private constant DOMAIN = keccak256(
        abi.encode(keccak256("EIP712Domain(string name,string version)"), keccak256("Omnimargin"), keccak256("1"))
    );
    bytes32 private constant CHECKPOINT = keccak256(
        "Checkpoint(uint64 epoch,uint256 chainId,address emitter,uint64 blockNumber,uint64 timestamp,bytes32 blockHash,bytes32 root)"
    );
    bytes32 private constant ROTATION =
        keccak256("Rotation(bytes32 committee,uint64 epoch,uint40 start,uint40 end,uint8 threshold,address[] signers)");

    uint256[] internal keys;
    address[] internal signers;

    /// @dev Makes `count` keys, in the order of their addresses; another salt makes others.
    function _makeAttestors(uint256 count, uint256 salt) internal {
        (keys, signers) = (new uint256[](0), new address[](0));
        for (uint256 i = 1; i <= count; ++i) {
            keys.push(i * 7919 + salt);
        }
        for (uint256 i; i < count; ++i) {
            for (uint256 j = i + 1; j < count; ++j) {
                if (vm.addr(keys[j]) < vm.addr(keys[i])) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
            signers.push(vm.addr(keys[i]));
        }
    }

    /// @dev Signatures of the first `count` attestors, in order.
    function _sign(Checkpoint memory checkpoint, uint256 count) internal view returns (bytes memory) {
        return _signBy(_digestOf(checkpoint), 0, count);
    }

    function _sign(Rotation memory rotation, bytes32 committee, uint256 count) internal view returns (bytes memory) {
        bytes32 signersHash = keccak256(abi.encodePacked(rotation.signers));
        bytes32 hash = keccak256(
            abi.encode(
                ROTATION, committee, rotation.epoch, rotation.start, rotation.end, rotation.threshold, signersHash
            )
        );
        return _signBy(keccak256(abi.encodePacked(hex"1901", DOMAIN, hash)), 0, count);
    }

    function _digestOf(Checkpoint memory checkpoint) internal pure returns (bytes32) {
        bytes32 hash = keccak256(abi.encode(CHECKPOINT, checkpoint));
        return keccak256(abi.encodePacked(hex"1901", DOMAIN, hash));
    }

    /// @dev Signatures of `count` attestors from number `first` on.
    function _signBy(bytes32 digest, uint256 first, uint256 count) internal view returns (bytes memory signatures) {
        for (uint256 i = first; i < first + count; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[i], digest);
            signatures = bytes.concat(signatures, r, s, bytes1(v));
        }
    }
}
