// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Key} from "../../src/records/Records.sol";
import {RecordSource} from "../../src/records/RecordSource.sol";

/// @title A source that proves what it was told was written at a checkpoint, with the checkpoint's time.
contract Checkpoints is RecordSource {
    mapping(bytes32 record => uint64) private _writtenAt;
    mapping(address emitter => uint64[2]) private _newest;

    function checkpoint(address emitter, uint64 blockNumber) external {
        _newest[emitter] = [blockNumber, uint64(block.timestamp)];
    }

    function vouch(Key calldata key, uint128[6] calldata fields, uint64 blockNumber) external {
        _writtenAt[keccak256(abi.encode(key, fields, blockNumber))] = uint64(block.timestamp);
    }

    function prove(Key calldata key, uint128[6] calldata fields, bytes calldata proof)
        external
        view
        returns (uint64 blockNumber, uint64 timestamp)
    {
        blockNumber = abi.decode(proof, (uint64));
        timestamp = _writtenAt[keccak256(abi.encode(key, fields, blockNumber))];
        require(timestamp > 0, "never written");
    }

    function newest(uint256, address emitter) external view returns (uint64, uint64) {
        return (_newest[emitter][0], _newest[emitter][1]);
    }
}
