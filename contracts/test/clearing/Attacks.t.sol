// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ledgers, Outstanding} from "../../src/clearing/Ledger.sol";
import {Learning} from "../../src/clearing/Learning.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {Outcome, Record} from "../../src/records/Records.sol";
import {Far} from "./Far.sol";

/// @title The attacks of the design's reviews, each against the rule that answers it. Others are with their rule: E1 in
/// Closing, E2 and H8 in Settlement, E3 and E10 in Funding.
contract AttacksTest is Far {
    function test_MRG_21_H4_two_accounts_of_one_person_pass_no_money_by_an_absurd_price() public {
        // Bob sells ten to Alice at a dollar: 20,000 dollars within limits that are charged a tenth of it.
        _raise(alice, 1, 10e18, 0);
        _raise(bob, 1, 0, 10e18);
        Record[] memory records = new Record[](3);
        records[0] = _marketRecord();
        records[1] = _fillsOf(b, _fields(0, 10e18, 0, 10e18, 0, 0));
        records[2] = _fillsOf(a, _fields(10e18, 0, 10e18, 0, 0, 0));
        bytes[] memory proofs = _attestAll(records);
        _learnWith(records[0], proofs[0]);
        bytes memory error = abi.encodeWithSelector(Learning.FillOutsideBand.selector, 1, 1940e18, 2060e18);
        _assertNotLearned(records[1], proofs[1], error);
        _assertNotLearned(records[2], proofs[2], error);
        // What does pass is at most the band, and both limits were charged it.
        assertGe(clearing.marginOf(b).maintenanceMargin, 10 * 60e18);
    }

    function test_CLR_03_H4_withheld_fills_do_not_turn_into_an_order_that_got_cheaper() public {
        // Alice bought a hundred at 2,000 and shows it to nobody; at 1,700 the limit looks like one for a hundred at 1,700.
        _raise(alice, 1, 100e18, 0);
        _learn(_fillsOf(a, _fields(0, 0, 0, 0, 0, 0)));
        uint64 asOf = uint64(block.timestamp);
        Record memory fills = _fillsOf(a, _fields(100e18, 0, 200_000e18, 0, 0, 0));
        bytes memory proof = _attest(fills, address(clearing));
        vm.warp(block.timestamp + 600);
        _setPrice(1700);
        Margin memory margin = clearing.marginOf(a);
        assertGt(margin.initialMarginBalance, int256(margin.initialMargin), "by what is known");
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.RecordTooOld.selector, 1, asOf, block.timestamp));
        clearing.release(a, 0, 83e18);
        _learnMarket();
        _learnWith(fills, proof);
        _learn(fills);
        _hear();
        // The loss of 30,000 has eaten what 17 WETH count; a tenth and the leg's share of it are required.
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.BelowInitialMargin.selector, -6_880e18, 17_850e18));
        clearing.release(a, 0, 83e18);
    }

    function test_MRG_20_E5_limits_left_open_through_an_outage_stay_backed_after_a_liquidation() public {
        // Long 300 and limits to buy 50 at the remote venue, whose chain stalls. Nothing forfeits the limits.
        _tradeFar(300e18, 600_000e18);
        _raise(alice, 1, 50e18, 0);
        _learn(_fillsOf(a, _fields(300e18, 0, 600_000e18, 0, 0, 0)));
        _setPrice(1630);
        int256 equity = clearing.marginOf(a).equity;
        uint256 exposure = clearing.marginOf(a).exposure;
        Margin memory margin = clearing.marginOf(a);
        while (margin.maintenanceMarginBalance < int256(margin.maintenanceMargin)) {
            vm.prank(keeper.addr);
            clearing.liquidate(a, k);
            margin = clearing.marginOf(a);
        }
        assertGt(_size(k, 1), 0, "a share has moved, and with it none of the limits");
        (, Outstanding memory left) = clearing.positionOf(a, 1);
        assertEq(left.buy, 50e18, "still to be filled by whoever holds them");
        // The corner of fifty at 1,630, at five percent and the leg's share of it, and the band on them are in maintenance, and held.
        uint256 corner = (uint256(_size(a, 1)) + 50e18) * 1630;
        assertApproxEqAbs(margin.maintenanceMargin, corner * 525 / 10_000 + 50 * 48.9e18, 10);
        assertGe(margin.maintenanceMarginBalance, int256(margin.maintenanceMargin));
        assertGe(margin.equity, equity - int256(exposure / 100) - 1, "no share takes more than its discount");
        // The worst that the fifty can do: filled at the top of the band, marked at the index.
        assertGt(margin.equity, 50 * 48.9e18);
    }

    function test_CLR_04_E11_what_shrinks_is_judged_by_the_ledger_and_not_by_the_venue() public {
        // A share of Alice's long has moved to the keeper: the venue has seen her buy four hundred and the keeper nothing.
        _tradeFar(400e18, 800_000e18);
        _setPrice(1700);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        int256 kept = _size(a, 1);
        int256 taken = _size(k, 1);
        assertGt(taken, 0);
        assertLt(kept, 400e18);
        _fund(alice, 15e18);
        // Below initial margin she may sell what she has left, not what the venue saw her buy.
        Margin memory margin = clearing.marginOf(a);
        assertLt(margin.initialMarginBalance, int256(margin.initialMargin));
        vm.startPrank(alice.addr);
        vm.expectRevert();
        clearing.raiseLimits(a, 1, 0, uint112(uint256(kept)) + 1);
        clearing.raiseLimits(a, 1, 0, uint112(uint256(kept)));
        vm.stopPrank();
        // The keeper, below initial margin too, may flatten what it took.
        for (uint256 i; i < 100; ++i) {
            vm.prank(keeper.addr);
            try clearing.release(k, 0, 1e18) {} catch {}
        }
        _setPrice(1660);
        margin = clearing.marginOf(k);
        assertLt(margin.initialMarginBalance, int256(margin.initialMargin));
        vm.startPrank(keeper.addr);
        vm.expectRevert();
        clearing.raiseLimits(k, 1, 0, uint112(uint256(taken)) + 1);
        clearing.raiseLimits(k, 1, 0, uint112(uint256(taken)));
    }

    function test_CLR_04_the_other_leg_of_a_hedge_is_not_bared_at_maintenance_margin() public {
        _hedge();
        // 88,000 count and hold the hedge many times over. One leg alone needs 100,000, and 50,000 of maintenance.
        Margin memory margin = clearing.marginOf(a);
        assertEq(margin.initialMarginBalance, 88_000e18);
        assertEq(margin.initialMargin, 30_000e18);
        vm.startPrank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.BelowInitialMargin.selector, 88_000e18, 135_000e18));
        clearing.raiseLimits(a, 1, 500e18, 0);
        // As much of it as initial margin holds.
        clearing.raiseLimits(a, 1, 300e18, 0);
    }

    function test_CLR_04_below_initial_margin_a_hedge_loses_no_leg() public {
        _hedge();
        // The remote venue is late, and its leg charged for new risk as if it stood alone.
        vm.warp(block.timestamp + 50 minutes);
        _setPrice(2000);
        Margin memory margin = clearing.marginOf(a);
        assertGt(margin.initialMargin, 88_000e18);
        assertEq(margin.maintenanceMarginBalance, 93_500e18);
        // Either leg alone would meet its 50,000 of maintenance, with 30,000 for the band. A quarter of it is charged already,
        // in case a venue is lost: so far the hedge is unwound, one side after the other.
        vm.startPrank(alice.addr);
        vm.expectPartialRevert(Ledgers.BelowInitialMargin.selector);
        clearing.raiseLimits(a, 0, 0, 500e18);
        vm.expectPartialRevert(Ledgers.BelowInitialMargin.selector);
        clearing.raiseLimits(a, 0, 0, 125.01e18);
        vm.expectPartialRevert(Ledgers.BelowInitialMargin.selector);
        clearing.raiseLimits(a, 1, 125.01e18, 0);
        clearing.raiseLimits(a, 0, 0, 125e18);
        // The next one would bare more together with it.
        vm.expectPartialRevert(Ledgers.BelowInitialMargin.selector);
        clearing.raiseLimits(a, 0, 0, 0.01e18);
        clearing.raiseLimits(a, 1, 125e18, 0);
    }

    /// @dev Alice is long 500 at the local venue and short 500 at the remote one, with 55 WETH.
    function _hedge() private {
        _trade(500e18, 2000e18);
        _raise(alice, 1, 0, 500e18);
        _raise(bob, 1, 500e18, 0);
        Record[] memory records = new Record[](3);
        records[0] = _marketRecord();
        records[1] = _fillsOf(a, _fields(0, 500e18, 0, 1_000_000e18, 0, 0));
        records[2] = _fillsOf(b, _fields(500e18, 0, 1_000_000e18, 0, 0, 0));
        _learnAll(records);
        vm.prank(alice.addr);
        clearing.release(a, 0, 45e18);
    }

    function test_MRG_20_no_order_of_delivery_uses_a_limit_twice() public {
        _raise(alice, 1, 10e18, 0);
        Record memory one = _fillsOf(a, _fields(4e18, 0, 8_000e18, 0, 0, 0));
        Record memory two = _fillsOf(a, _fields(7e18, 0, 14_000e18, 0, 3e18, 0));
        bytes memory first = _attest(one, address(clearing));
        bytes memory second = _attest(two, address(clearing));
        _learnMarket();
        assertEq(uint8(_learnWith(two, second)), uint8(Outcome.TAKEN));
        assertEq(uint8(_learnWith(one, first)), uint8(Outcome.STALE));
        assertEq(uint8(_learnWith(two, second)), uint8(Outcome.TAKEN));
        assertEq(_size(a, 1), 7e18);
        (, Outstanding memory left) = clearing.positionOf(a, 1);
        assertEq(left.buy, 0);
    }
}
