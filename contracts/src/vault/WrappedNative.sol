// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What the vault asks of its chain's wrapped native coin, as WETH9 has it.
interface WrappedNative {
    function deposit() external payable;

    /// @notice Burns `amount` of the caller's and sends it as much of the coin.
    function withdraw(uint256 amount) external;
}
