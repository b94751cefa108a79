// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";
import {Liquidation} from "../../src/clearing/Liquidation.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {Blobs} from "../Blobs.sol";
import {Aging} from "./Aging.sol";

/// @title Attacks on what a liquidation takes, and on what is paid for it.
/// @notice Alice is long 60 ETH of Bob's, with ten WETH that count; the keeper has a line for all that she has.
contract LiquidatedTest is Aging {
    uint128 private constant DOLLARS = 5_000e6;
    /// When the vaults were added.
    uint256 private constant START = 1_700_000_000;

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

    /// It counts nothing any more: a keeper that paid for it would heal the debtor with cash for what is gone, at each fall again.
    function test_LIQ_07_no_cash_for_what_is_at_a_dead_vault() public {
        uint256 index = _grantFar(alice, 1_000_000e6);
        _later(DEAD);
        _setPrice(1700);
        assertFalse(_isHealthy(a));
        int256 equity = clearing.marginOf(k).equity;
        (uint256 share, uint256 payment) = _liquidate();
        assertEq(share, 1e18);
        assertEq(payment, 0);
        assertEq(_size(a, 0), 0, "all risk is gone");
        // Alice's ten WETH do not cover her 18,000 dollars of loss and a hundredth of what goes: so many of them do.
        assertEq(1_000_000e6 - _units(a, index), _units(k, 1));
        assertApproxEqAbs(_units(k, 1) * 0.99e12, 18_000e18 - 17_000e18 + 1_190e18, 1e12);
        assertApproxEqAbs(clearing.marginOf(k).equity - equity, int256(_units(k, 1) * 1e12) - 1_000e18, 1);
    }

    function test_LIQ_07_at_a_late_vault_goes_what_still_counts() public {
        uint256 index = _grantFar(alice, DOLLARS);
        _later((WARN + DEAD) / 2);
        _setPrice(1731);
        (uint256 share, uint256 payment) = _liquidate();
        assertGt(payment, 0);
        assertLt(share, 1e18);
        uint256 late = 1e18 * (block.timestamp - START - WARN) / (DEAD - WARN) + 1;
        assertApproxEqAbs(_units(k, 1), DOLLARS * (1e18 - late) / 1e18 * share / 1e18, 1);
        assertEq(_counted(a, index), DOLLARS - _units(k, 1));
        Margin memory margin = clearing.marginOf(a);
        assertApproxEqAbs(margin.maintenanceMarginBalance, int256(margin.maintenanceMargin * 125 / 100), 1e13);
    }

    /// Whatever of it counts, is late or shed, and however far the price fell: who takes over gains the discount on what it takes,
    /// and less only once nothing is left that could pay; what stays is at its target.
    function testFuzz_LIQ_07_who_takes_over_gains_the_discount(
        uint256 uncounted,
        uint256 price,
        uint256 age,
        bool sheds
    ) public {
        uncounted = bound(uncounted, 0, 400e18);
        if (uncounted > 100e18) uncounted = (uncounted - 100e18) * 1000;
        clearing.setParameters(Blobs.amended(_parameters(), 4, 144, 610e18, 112));
        if (uncounted > 0) _fund(alice, uncounted);
        _grantFar(alice, DOLLARS);
        if (sheds) _shed();
        _later(bound(age, 1, DEAD + 60));
        _setPrice(int64(uint64(bound(price, 1_200, 1_782))));
        vm.assume(!_isHealthy(a));
        _liquidateForTheDiscount();
    }

    /// The same, time after time: with debts and with cash, and with what was counted in between since others left room for it.
    function testFuzz_LIQ_07_nor_more_when_it_is_repeated(uint256[12] memory drawn) public {
        clearing.setParameters(Blobs.amended(_parameters(), 4, 144, 2_612e18, 112));
        _fund(keeper, 2_000e18);
        _fund(alice, 20e18);
        _grantFar(alice, DOLLARS);
        uint256 price = 1_850;
        for (uint256 i; i < drawn.length; ++i) {
            price = price * bound(drawn[i] >> 32, 94, 102) / 100;
            vm.warp(block.timestamp + drawn[i] % 600);
            _setPrice(int64(uint64(price)));
            if (drawn[i] & 1 << 20 != 0) _releaseGains();
            if (drawn[i] & 1 << 21 != 0) clearing.count(a, 0);
            if (_isHealthy(a)) continue;
            _liquidateForTheDiscount();
        }
    }

    function _releaseGains() private {
        uint256 gains = _units(k, 0) - 2_100e18;
        if (gains == 0) return;
        venue.accrue(0);
        _pullMarket();
        vm.prank(keeper.addr);
        clearing.release(k, 0, gains);
    }

    function _liquidateForTheDiscount() private {
        Margin memory before = clearing.marginOf(a);
        int256 keepers = clearing.marginOf(k).equity;
        (, uint256 payment) = _liquidate();
        Margin memory after_ = clearing.marginOf(a);
        int256 gained = clearing.marginOf(k).equity - keepers;
        assertApproxEqAbs(before.equity - after_.equity, gained, 1);
        uint256 discount = (before.exposure - after_.exposure) / 100;
        // A share is rounded by 1e-18, and units of USDC by a millionth of a dollar.
        int256 dust = int256(before.exposure / 1e18 + 3e12);
        assertLe(gained, int256(discount) + dust);
        if (gained < int256(discount) - dust) assertEq(after_.exposure, 0, "nothing is left that could pay");
        if (after_.exposure == 0) return;
        // What pays a debt counts whole, so that it may be more than the target by what a hundredth of the payment is.
        int256 above = after_.maintenanceMarginBalance - int256(after_.maintenanceMargin * 125 / 100);
        assertGe(above, -2 * dust);
        assertLe(above, int256(payment / 100) + 2 * dust);
    }

    function _isHealthy(bytes32 account) private view returns (bool) {
        Margin memory margin = clearing.marginOf(account);
        return margin.maintenanceMarginBalance >= int256(margin.maintenanceMargin);
    }
}
