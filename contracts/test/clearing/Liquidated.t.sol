// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";
import {Liquidation} from "../../src/clearing/Liquidation.sol";
import {Blobs} from "../Blobs.sol";
import {Aging} from "./Aging.sol";

/// @title Attacks on what a liquidation takes, and on what is paid for it.
/// @notice Alice is long 60 ETH of Bob's, with ten WETH that count; the keeper has a line for all that she has.
contract LiquidatedTest is Aging {
    uint128 private constant DOLLARS = 5_000e6;

    function setUp() public override {
        super.setUp();
        _fund(alice, 10e18);
        _fund(bob, 500e18);
        _fund(keeper, 100e18);
        _trade(60e18, 2000e18);
        vm.prank(keeper.addr);
        clearing.openLine(k, remote, keeper.addr);
    }

    /// @dev As the event says.
    function _liquidate() private returns (uint256 share, uint256 payment) {
        vm.recordLogs();
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != Liquidation.Liquidated.selector) continue;
            (share, payment) = abi.decode(logs[i].data, (uint256, uint256));
        }
    }

    /// @dev Both haircuts of the remote USDC become 1.
    function _shed() private {
        clearing.setParameters(Blobs.amended(Blobs.amended(_parameters(), 7, 16, 1e18, 64), 7, 80, 1e18, 64));
    }

    /// It has no price here, so nothing would be paid for it; elsewhere it may be worth all it ever was.
    function test_LIQ_07_what_is_shed_is_not_taken_for_nothing() public {
        uint256 index = _grantFar(alice, DOLLARS);
        _shed();
        _setPrice(1782);
        (uint256 share,) = _liquidate();
        assertGt(share, 0.1e18);
        assertLt(share, 1e18);
        assertEq(_units(a, index), DOLLARS);
        assertEq(_counted(a, index), DOLLARS);
    }

    function test_LIQ_07_nor_kept_by_who_leaves_debts_behind() public {
        uint256 index = _grantFar(alice, DOLLARS);
        _shed();
        _setPrice(1700);
        (uint256 share, uint256 payment) = _liquidate();
        assertEq(share, 1e18);
        assertEq(payment, 0);
        assertEq(_units(a, index), 0);
        assertEq(_units(k, 1), DOLLARS);
    }
}
