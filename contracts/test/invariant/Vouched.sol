// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Key} from "../../src/records/Records.sol";
import {RecordSource} from "../../src/records/RecordSource.sol";

/// @title A source that proves what it was told has been written, at every block it was told of, for ever.
/// @notice So that stale, repeated, reordered and withheld records can be delivered at will. Roots have tests of their own.
contract Vouched is RecordSource {
    mapping(bytes32 => uint64) private _writtenAt;

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

    function newest(uint256, address) external view virtual returns (uint64, uint64) {
        return (1, uint64(block.timestamp));
    }
}
