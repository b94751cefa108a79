// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Several calls in one transaction, for chains where Multicall3 is not deployed; same interface.
/// @notice Holds nothing and is trusted for nothing: roots and records are welcome from anyone.
contract Batch {
    struct Call3 {
        address target;
        bool allowFailure;
        bytes callData;
    }

    struct Result {
        bool success;
        bytes returnData;
    }

    /// @notice Makes the calls in order. A failing one reverts the whole batch with its own error, unless allowed.
    function aggregate3(Call3[] calldata calls) external payable returns (Result[] memory results) {
        results = new Result[](calls.length);
        for (uint256 i; i < calls.length; ++i) {
            (bool success, bytes memory data) = calls[i].target.call(calls[i].callData);
            if (!success && !calls[i].allowFailure) {
                assembly ("memory-safe") {
                    revert(add(data, 32), mload(data))
                }
            }
            results[i] = Result(success, data);
        }
    }
}
