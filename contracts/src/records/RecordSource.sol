// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Key} from "./Records.sol";

/// @title Whatever makes one chain believe a record of another: a committee today, other proofs behind the same door.
interface RecordSource {
    /// @notice Proves that the record `key` held `fields` at a checkpoint of its writer.
    /// @return blockNumber The checkpoint's block on the writer's chain: the order of what is learned.
    /// @return timestamp The checkpoint's time in seconds: how fresh it is, never its order.
    /// @dev Reverts, with the reason as a typed error, if it does not prove.
    function prove(Key calldata key, uint128[6] calldata fields, bytes calldata proof)
        external
        view
        returns (uint64 blockNumber, uint64 timestamp);

    /// @notice The newest checkpoint accepted of an emitter; zeros if there is none.
    function newest(uint256 chainId, address emitter) external view returns (uint64 blockNumber, uint64 timestamp);
}
