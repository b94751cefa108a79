// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ledgers} from "../../src/clearing/Ledger.sol";
import {Learning} from "../../src/clearing/Learning.sol";
import {Kind, Outcome, Record} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {Far} from "./Far.sol";

contract LedgerFundingTest is Far {
    /// @dev What `Blobs.market` allows a second: 0.1 % an hour of the price, rounded down.
    uint256 private constant CAP_A_SECOND = uint256(0.001e18) / 3600;

    function _market(uint128 byLongs, uint128 byShorts, uint256 accruedUntil) private view returns (Record memory r) {
        r = _marketRecord();
        r.fields = _fields(byLongs, byShorts, uint128(accruedUntil), 0, 0, 0);
    }

    function _contradicts(Record memory record) private {
        bytes32 before = _state();
        assertEq(uint8(_learn(record)), uint8(Outcome.CONTRADICTION));
        assertEq(_state(), before, "a contradiction changes no account");
        assertTrue(clearing.ended(REMOTE, REMOTE_VENUE));
    }

    function _isRefused(Record memory record, uint256 growth, uint256 most) private {
        bytes memory proof = _attest(record, address(clearing));
        _assertNotLearned(record, proof, abi.encodeWithSelector(Learning.FundingAboveCap.selector, 1, growth, most));
        assertFalse(clearing.ended(REMOTE, REMOTE_VENUE));
    }

    /// @dev The most that the index may have grown in that many seconds at that many dollars.
    function _most(uint256 elapsed, uint256 dollars) private pure returns (uint128) {
        return uint128((dollars * 1e18 * CAP_A_SECOND * elapsed + 1e18 - 1) / 1e18);
    }

    function _later(uint256 elapsed) private {
        vm.warp(block.timestamp + elapsed - 1);
        _setPrice(2000);
    }

    /* THE INDEX */

    function test_FND_20_an_index_grows_by_what_is_learned_of_its_market_alone() public {
        _tradeFar(10e18, 20_000e18);
        _trade(10e18, 2000e18);
        _later(1 hours);
        remoteFunding = _fields(0.5e18, 0, uint128(block.timestamp), 0, 0, 0);
        bytes memory proof = _attest(_marketRecord(), address(clearing));
        vm.expectEmit();
        emit Learning.FundingIndexChanged(1, 0.5e18, uint64(block.timestamp));
        _learnWith(_marketRecord(), proof);
        clearing.payFunding(a);
        clearing.payFunding(b);
        assertEq(_cash(a), -5e18, "ten at the remote market, nothing for the ten at the other");
        assertEq(_cash(b), 5e18);
        assertEq(_house(), 0);
    }

    function test_FND_20_shorts_pay_longs_when_their_side_grows() public {
        _tradeFar(10e18, 20_000e18);
        _later(1 hours);
        remoteFunding = _fields(0.1e18, 0.4e18, uint128(block.timestamp), 0, 0, 0);
        _learnMarket();
        clearing.payFunding(a);
        clearing.payFunding(b);
        assertEq(_cash(a), 3e18);
        assertEq(_cash(b), -3e18);
    }

    function test_FND_21_growth_up_to_the_cap_is_learned() public {
        uint256 elapsed = block.timestamp - 1_700_000_000 + 1 hours;
        _later(1 hours);
        assertEq(uint8(_learn(_market(_most(elapsed, 2000), 0, block.timestamp))), uint8(Outcome.TAKEN));
    }

    function test_FND_21_growth_beyond_the_cap_is_refused() public {
        uint256 elapsed = block.timestamp - 1_700_000_000 + 1 hours;
        _later(1 hours);
        uint128 most = _most(elapsed, 2000);
        _isRefused(_market(most - 5, 6, block.timestamp), most + 1, most);
    }

    function test_FND_21_an_index_of_ten_to_the_thirty_is_refused() public {
        // E3: one number would have made a winner of whoever is short.
        _tradeFar(10e18, 20_000e18);
        uint256 elapsed = block.timestamp - 1_700_000_000 + 1 hours;
        _later(1 hours);
        _isRefused(_market(1e30, 0, block.timestamp), 1e30, _most(elapsed, 2000));
        clearing.payFunding(a);
        assertEq(_cash(a), 0);
    }

    /// @dev For an hour without blocks here it stood at twice the price, its premium at two thirds of the cap.
    function _spike() private returns (Record memory spike, uint128 owed) {
        _later(1 hours);
        _fundFar(0);
        vm.warp(block.timestamp + 1 hours - 1);
        owed = _most(1 hours, 4000) * 2 / 3;
        spike = _market(owed, 0, block.timestamp);
    }

    /// @dev Whoever shows that hour alone ends nothing, and an hour later all of it is learned.
    function test_FND_21_an_honest_venue_outlives_a_spike_that_the_clearing_never_saw() public {
        (Record memory spike, uint128 owed) = _spike();
        _setPrice(2000);
        _isRefused(spike, owed, _most(1 hours - 1, 2000));
        _later(1 hours);
        assertEq(uint8(_learn(_market(owed + _most(1 hours, 2000) * 2 / 3, 0, block.timestamp))), uint8(Outcome.TAKEN));
    }

    /// @dev Or at once, if somebody shows the price that was missed.
    function test_FND_21_and_is_learned_at_once_if_the_price_is_shown() public {
        (Record memory spike,) = _spike();
        bytes[] memory reports = new bytes[](1);
        reports[0] = _report(ETH, 4000e8, 1e6, block.timestamp - 30 minutes);
        _setPrice(2000);
        clearing.widenIndex(0, reports);
        assertEq(uint8(_learn(spike)), uint8(Outcome.TAKEN));
    }

    function test_FND_21_a_field_that_no_index_can_hold_is_a_contradiction() public {
        _later(1 hours);
        _contradicts(_market(uint128(1) << 112, 0, block.timestamp));
    }

    function test_FND_21_growth_without_time_is_a_contradiction() public {
        _later(1 hours);
        _fundFar(1e18);
        _contradicts(_market(1e18 + 1, 0, block.timestamp));
    }

    function test_FND_21_an_index_of_the_future_is_a_contradiction() public {
        _contradicts(_market(0, 0, block.timestamp + 1));
    }

    function test_FND_21_a_market_record_of_an_account_is_a_contradiction() public {
        Record memory record = _market(0, 0, block.timestamp);
        record.account = a;
        _contradicts(record);
    }

    function test_FND_21_a_market_record_with_a_holder_is_a_contradiction() public {
        Record memory record = _market(0, 0, block.timestamp);
        record.holder = alice.addr;
        _contradicts(record);
    }

    function test_FND_21_the_first_record_reaches_back_to_when_the_market_was_added_and_no_further() public {
        uint256 added = 1_700_000_000;
        _later(1 days);
        uint256 elapsed = block.timestamp - added;
        uint256 start = vm.snapshotState();
        assertEq(uint8(_learn(_market(_most(elapsed, 2000), 0, block.timestamp))), uint8(Outcome.TAKEN));
        vm.revertToState(start);
        uint128 most = _most(elapsed, 2000);
        _isRefused(_market(most + 1, 0, block.timestamp), most + 1, most);
    }

    function test_FND_21_an_honest_venue_outlives_a_crash() public {
        // Its index was at 4,000 when the funding accrued. Proven again after the crash, without growth, the record is
        // young; what accrued before it still counts at the prices of its time.
        _setPrice(4000);
        _later(3 hours);
        _learnMarket();
        _later(3 hours);
        uint256 elapsed = block.timestamp - 1_700_000_000;
        assertEq(uint8(_learn(_market(_most(elapsed, 4000), 0, block.timestamp))), uint8(Outcome.TAKEN));
    }

    function test_FND_21_growth_needs_a_fresh_price_to_be_judged_by() public {
        uint64 poked = uint64(block.timestamp);
        vm.warp(block.timestamp + 61);
        Record memory record = _market(1, 0, block.timestamp);
        bytes memory proof = _attest(record, address(clearing));
        _assertNotLearned(
            record, proof, abi.encodeWithSelector(Ledgers.IndexTooOld.selector, 0, poked, block.timestamp)
        );
        _learnMarket();
    }

    /* WITH THE FILLS */

    function test_FND_22_fills_without_the_market_record_of_their_checkpoint_are_refused() public {
        // E10: long at an index of 1, the market record withheld: the growth would be a credit out of nothing.
        _raise(alice, 1, 10e18, 0);
        _learnMarket();
        uint64 known = remoteBlock;
        _later(1 hours);
        Record[] memory records = new Record[](2);
        records[0] = _market(1e18, 0, block.timestamp);
        records[1] = _fillsOf(a, _fields(10e18, 0, 20_000e18, 0, 0, 0));
        bytes[] memory proofs = _attestAll(records);
        bytes memory error = abi.encodeWithSelector(Learning.MarketRecordTooOld.selector, 1, known, remoteBlock);
        _assertNotLearned(records[1], proofs[1], error);
        _learnWith(records[0], proofs[0]);
        assertEq(uint8(_learnWith(records[1], proofs[1])), uint8(Outcome.TAKEN));
        clearing.payFunding(a);
        assertEq(_cash(a), 0, "what the longs paid before it is not Alice's");
    }

    function test_FND_22_a_newer_market_record_will_do() public {
        _raise(alice, 1, 10e18, 0);
        Record memory record = _fillsOf(a, _fields(10e18, 0, 20_000e18, 0, 0, 0));
        bytes memory proof = _attest(record, address(clearing));
        _later(1 hours);
        _fundFar(1e18);
        assertEq(uint8(_learnWith(record, proof)), uint8(Outcome.TAKEN));
        clearing.payFunding(a);
        assertEq(_cash(a), 0);
    }

    function test_FND_22_a_record_in_which_nothing_was_filled_needs_none() public {
        _raise(alice, 1, 10e18, 0);
        Record memory record = _fillsOf(a, _fields(0, 0, 0, 0, 1e18, 0));
        assertEq(uint8(_learnWith(record, _attest(record, address(clearing)))), uint8(Outcome.TAKEN));
    }

    /* PAYING */

    function test_FND_23_each_side_rounds_against_itself_and_the_house_keeps_the_unit() public {
        _tradeFar(0.3e18 + 1, 600e18 + 2_000);
        _later(1 hours);
        _fundFar(0.7e18 + 1);
        vm.expectEmit();
        emit Ledgers.FundingPaid(a, 1, 0.21e18 + 2, 0.7e18 + 1);
        clearing.payFunding(a);
        assertEq(_house(), 0.21e18 + 2);
        clearing.payFunding(b);
        assertEq(_cash(b), 0.21e18 + 1);
        assertEq(_house(), 1);
        assertEq(_allMoney(), 0);
        clearing.payFunding(a);
        assertEq(_cash(a), -0.21e18 - 2, "once");
    }

    function testFuzz_FND_23_funding_is_zero_sum_with_the_house(uint112 size, uint128 one, uint128 two) public {
        size = uint112(bound(size, 0.01e18, 100e18));
        (one, two) = (uint128(bound(one, 0, 1.9e18)), uint128(bound(two, 0, 1.9e18)));
        _tradeFar(size, uint128(uint256(size) * 2000));
        _later(1 hours);
        _fundFar(one);
        clearing.payFunding(a);
        assertEq(_allMoney(), 0);
        _later(1 hours);
        _fundFar(one + two);
        clearing.payFunding(b);
        clearing.payFunding(a);
        assertEq(_allMoney(), 0);
        assertGe(_house(), 0);
        assertLe(_house(), 2, "a unit for each payment at most");
    }

    function test_FND_24_a_position_pays_when_it_changes_for_what_it_was() public {
        _tradeFar(10e18, 20_000e18);
        _raise(alice, 1, 5e18, 0);
        _later(1 hours);
        _fundFar(1e18);
        _learn(_fillsOf(a, _fields(15e18, 0, 30_000e18, 0, 0, 0)));
        assertEq(_cash(a), -10e18, "for ten, not for fifteen");
        _later(1 hours);
        _fundFar(2e18);
        clearing.payFunding(a);
        assertEq(_cash(a), -25e18);
    }

    function test_FND_24_a_position_that_moves_on_the_ledger_has_paid_before() public {
        _tradeFar(400e18, 800_000e18);
        _later(1 hours);
        _fundFar(1e18);
        _setPrice(1770);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        int256 money = _cash(k);
        clearing.payFunding(k);
        assertEq(_cash(k), money, "the liquidator owes nothing for the time before");
        assertEq(_house(), 400e18);
        clearing.payFunding(b);
        assertEq(_house(), 0);
        assertEq(_allMoney(), 0);
    }

    function test_FND_25_a_release_is_judged_after_the_funding() public {
        _tradeFar(10e18, 20_000e18);
        _later(1 hours);
        _fundFar(1.9e18);
        vm.prank(alice.addr);
        clearing.release(a, 0, 1e18);
        assertEq(_cash(a), -19e18);
    }

    function test_FND_25_a_limit_is_judged_after_the_funding() public {
        _tradeFar(10e18, 20_000e18);
        _later(1 hours);
        _fundFar(1.9e18);
        _raise(alice, 0, 1e18, 0);
        assertEq(_cash(a), -19e18);
    }

    function test_FND_25_so_is_whether_an_account_is_below_maintenance() public {
        _tradeFar(10e18, 20_000e18);
        _raise(bob, 0, 1e18, 0);
        _later(1 hours);
        _fundFar(1.9e18);
        vm.expectRevert();
        clearing.voidLimits(b, 0);
        assertEq(_cash(b), 0, "undone with the refusal");
        vm.prank(keeper.addr);
        vm.expectRevert();
        clearing.liquidate(a, k);
        clearing.payFunding(k);
        assertEq(_cash(k), 0, "who has no position owes nothing");
    }

    /* WHAT NOBODY HAS SHOWN */

    function test_FND_26_nothing_is_loosened_while_a_position_may_owe_what_is_not_known() public {
        // A quiet market whose premium stands: what its longs owe runs on at the venue, and nobody has written it down.
        _tradeFar(10e18, 20_000e18);
        uint64 accruedUntil = uint64(block.timestamp);
        _fundFar(0);
        vm.warp(accruedUntil + 1 hours - 1);
        _setPrice(2000);
        vm.prank(alice.addr);
        clearing.release(a, 0, 1e18);
        _setPrice(2000);
        bytes memory error = abi.encodeWithSelector(Ledgers.FundingTooOld.selector, 1, accruedUntil, block.timestamp);
        vm.startPrank(alice.addr);
        vm.expectRevert(error);
        clearing.release(a, 0, 1e18);
        vm.expectRevert(error);
        clearing.raiseLimits(a, 0, 1e18, 0);
        vm.stopPrank();
        vm.prank(keeper.addr);
        clearing.release(k, 0, 1e18);
        _fundFar(1.9e18);
        vm.prank(alice.addr);
        clearing.release(a, 0, 1e18);
        assertEq(_cash(a), -19e18);
    }

    function test_FND_26_anyone_can_have_a_local_market_accrue() public {
        _trade(10e18, 2000e18);
        vm.warp(block.timestamp + 2 hours);
        _setPrice(2000);
        vm.prank(alice.addr);
        vm.expectRevert();
        clearing.release(a, 0, 1e18);
        venue.accrue(0);
        _pullMarket();
        vm.prank(alice.addr);
        clearing.release(a, 0, 1e18);
    }

    function test_FND_26_who_takes_a_position_over_need_not_wait_for_it() public {
        _tradeFar(400e18, 800_000e18);
        vm.warp(block.timestamp + 2 hours);
        _setPrice(1700);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        assertGt(_size(k, 1), 0);
    }

    function test_FND_27_a_local_fill_pays_by_the_venues_own_record() public {
        // At the band's edge, so that the premium is the cap: half a percent in eight hours.
        _trade(10e18, 2030e18);
        for (uint256 i; i < 60; ++i) {
            vm.warp(block.timestamp + 59);
            _setPrice(2000);
        }
        venue.accrue(0);
        _pullMarket();
        (uint256 byLongs,,) = venue.fundingOf(0);
        assertGt(byLongs, 1.2e18);
        clearing.payFunding(a);
        clearing.payFunding(b);
        assertEq(_cash(a), -int256(byLongs * 10));
        assertEq(_cash(b), int256(byLongs * 10));
        assertEq(_house(), 0);
    }
}
