// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ledgers, Market, OpenInterest, Outstanding, Position} from "../../src/clearing/Ledger.sol";
import {Lateness} from "../../src/clearing/Lateness.sol";
import {Learning} from "../../src/clearing/Learning.sol";
import {Limits} from "../../src/clearing/Limits.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {Key, Kind, Outcome, Record} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {Blobs} from "../Blobs.sol";
import {World} from "../World.sol";

contract LimitsTest is World {
    function setUp() public override {
        super.setUp();
        _fund(alice, 100e18);
        _fund(bob, 100e18);
    }

    function test_CLR_04_a_limit_needs_initial_margin_for_its_worst_corner() public {
        vm.prank(alice.addr);
        clearing.raiseLimits(a, 0, 400e18, 0);
        vm.prank(alice.addr);
        clearing.release(a, 0, 1e18);
        // 500 ETH either way at 2,000 dollars need 100,000, and the band on 1,000 ETH 60,000; 99 WETH count 158,400.
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.BelowInitialMargin.selector, 158_400e18, 160_000e18));
        clearing.raiseLimits(a, 0, 100e18, 500e18);
        (, Outstanding memory left) = clearing.positionOf(a, 0);
        assertEq(left.buy, 400e18);
        assertEq(left.sell, 0);
    }

    function test_CLR_04_a_limit_below_the_minimum_or_of_nothing_is_refused() public {
        vm.startPrank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Limits.BelowMinSize.selector, 0.009e18, 0.01e18));
        clearing.raiseLimits(a, 0, 1e18, 0.009e18);
        vm.expectRevert(Limits.NothingToRaise.selector);
        clearing.raiseLimits(a, 0, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(Limits.NoMarketParameters.selector, 2));
        clearing.raiseLimits(a, 2, 1e18, 0);
    }

    function test_CLR_04_the_open_interest_cap_counts_what_could_fill() public {
        _fund(keeper, 200e18);
        _raise(alice, 0, 300e18, 0);
        vm.prank(keeper.addr);
        vm.expectRevert(abi.encodeWithSelector(Limits.OpenInterestCapExceeded.selector, 501e18, 500e18));
        clearing.raiseLimits(k, 0, 201e18, 0);
        _raise(keeper, 0, 200e18, 0);
        vm.prank(alice.addr);
        clearing.voidLimits(a, 0);
        _pullFills();
        (, OpenInterest memory open) = clearing.markets(0);
        assertEq(open.long, 200e18);
    }

    function test_CLR_04_a_new_limit_on_a_stale_fills_record_is_refused() public {
        _raise(alice, 1, 1e18, 0);
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.RecordTooOld.selector, 1, uint64(0), block.timestamp));
        clearing.raiseLimits(a, 0, 1e18, 0);
        _learn(_fillsOf(a, _fields(0, 0, 0, 0, 0, 0)));
        _raise(alice, 0, 1e18, 0);
        uint64 asOf = uint64(block.timestamp);
        vm.warp(block.timestamp + 601);
        _setPrice(2000);
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.RecordTooOld.selector, 1, asOf, block.timestamp));
        clearing.raiseLimits(a, 1, 1e18, 0);
    }

    function test_MRG_07_a_seventeenth_market_is_refused() public {
        bytes memory more;
        for (uint256 i = 1; i <= 15; ++i) {
            clearing.addMarket(Market(REMOTE, REMOTE_VENUE, bytes32(i)));
            more = bytes.concat(more, Blobs.market(0, 0.03e18, 0.01e18, 500e18, 1));
        }
        clearing.setParameters(_parametersWith(more));
        _raise(alice, 0, 0.01e18, 0);
        for (uint256 m = 1; m <= 16; ++m) {
            if (m == 16) {
                vm.prank(alice.addr);
                vm.expectRevert(abi.encodeWithSelector(Ledgers.TooManyMarkets.selector, a));
                clearing.raiseLimits(a, m, 0.01e18, 0);
                continue;
            }
            _raise(alice, m, 0.01e18, 0);
            Record memory record = _fillsOf(a, _fields(0, 0, 0, 0, 0, 0));
            record.item = bytes32(m - 1);
            _learn(record);
        }
    }

    function test_CLR_10_below_maintenance_there_is_no_new_limit_and_no_release() public {
        _trade(400e18, 2000e18);
        _setPrice(1700);
        assertLt(clearing.marginOf(a).maintenanceMarginBalance, int256(clearing.marginOf(a).maintenanceMargin));
        vm.startPrank(alice.addr);
        vm.expectRevert();
        clearing.raiseLimits(a, 0, 0, 10e18);
        vm.expectRevert();
        clearing.release(a, 0, 1);
    }

    function test_CLR_10_anyone_voids_the_limits_of_an_account_below_maintenance() public {
        _trade(390e18, 2000e18);
        _raise(alice, 0, 0, 10e18);
        int256 balance = clearing.marginOf(a).maintenanceMarginBalance;
        uint256 required = clearing.marginOf(a).maintenanceMargin;
        vm.prank(keeper.addr);
        vm.expectRevert(abi.encodeWithSelector(Limits.NotLiquidatable.selector, balance, required));
        clearing.voidLimits(a, 0);
        _setPrice(1700);
        vm.prank(keeper.addr);
        clearing.voidLimits(a, 0);
        _pullFills();
        (, Outstanding memory left) = clearing.positionOf(a, 0);
        assertEq(left.sell, 0);
        vm.prank(alice.addr);
        vm.expectRevert(Limits.NothingToVoid.selector);
        clearing.voidLimits(a, 0);
    }

    function test_CLR_04_between_maintenance_and_initial_only_a_shrinking_limit_is_given() public {
        _trade(400e18, 2000e18);
        _setPrice(1800);
        assertLt(clearing.marginOf(a).initialMarginBalance, int256(clearing.marginOf(a).initialMargin));
        vm.startPrank(alice.addr);
        vm.expectRevert();
        clearing.raiseLimits(a, 0, 1e18, 0);
        vm.expectRevert();
        clearing.raiseLimits(a, 0, 0, 401e18);
        clearing.raiseLimits(a, 0, 0, 100e18);
    }

    function test_CLR_07_sizes_and_cash_sum_to_zero() public {
        _trade(10e18, 2010e18);
        _setPrice(2100);
        _raise(alice, 0, 0, 10e18);
        _raise(bob, 0, 10e18, 0);
        Order memory maker = _order(bob, true, 4e18, 2100e18);
        Order memory taker = _order(alice, false, 4e18, 2100e18);
        venue.fill(maker, _signOrder(bob, maker), taker, _signOrder(alice, taker), 4e18);
        _pullFills();
        (Position memory one,) = clearing.positionOf(a, 0);
        (Position memory two,) = clearing.positionOf(b, 0);
        assertEq(one.size + two.size, 0);
        assertEq(clearing.accountOf(a).cash + clearing.accountOf(b).cash + one.quote + two.quote, 0);
        assertEq(clearing.accountOf(a).cash, 360e18, "4 ETH, 90 dollars each, are realized");
    }

    /* A LYING VENUE */

    function _lieRefused(uint128[6] memory fields) private {
        bytes32 before = _state();
        assertEq(uint8(_learn(_fillsOf(a, fields))), uint8(Outcome.CONTRADICTION));
        assertEq(_state(), before, "a contradiction changes no account");
        assertTrue(clearing.ended(REMOTE, REMOTE_VENUE));
    }

    function test_MRG_23_limits_whose_fills_are_known_of_long_ago_are_charged_more_for_new_risk_alone() public {
        _raise(alice, 1, 10e18, 0);
        Margin memory before = clearing.marginOf(a);
        vm.warp(block.timestamp + 999);
        _setPrice(2000);
        _hear();
        Margin memory aged = clearing.marginOf(a);
        // A thousand seconds old, of which 60 are calm, of the 3,540 until all of 20,000 dollars is charged.
        uint256 band = Lateness.widen(0.03e18, Lateness.at(1000, 60, 3600));
        assertEq(aged.initialMargin - before.initialMargin, (20_000e18 * band + 1e18 - 1) / 1e18 - 600e18);
        assertEq(aged.maintenanceMargin, before.maintenanceMargin);
        _learn(_fillsOf(a, _fields(0, 0, 0, 0, 0, 0)));
        assertEq(clearing.marginOf(a).initialMargin, before.initialMargin);
        (, Outstanding memory left) = clearing.positionOf(a, 1);
        assertEq(left.asOf, block.timestamp);
    }

    function test_MRG_23_raising_more_makes_what_is_known_of_the_fills_no_younger() public {
        _raise(alice, 1, 10e18, 0);
        _learn(_fillsOf(a, _fields(0, 0, 0, 0, 0, 0)));
        uint256 since = block.timestamp;
        vm.warp(block.timestamp + 300);
        _setPrice(2000);
        _hear();
        _raise(alice, 1, 1e18, 0);
        (, Outstanding memory left) = clearing.positionOf(a, 1);
        assertEq(left.asOf, since);
    }

    function test_MRG_23_limits_at_a_venue_on_this_chain_are_charged_the_same_at_any_age() public {
        _raise(alice, 0, 10e18, 0);
        uint256 before = clearing.marginOf(a).initialMargin;
        vm.warp(block.timestamp + 2 hours);
        _setPrice(2000);
        assertEq(clearing.marginOf(a).initialMargin, before);
    }

    function test_MRG_20_fills_beyond_the_limit_are_a_contradiction() public {
        _raise(alice, 1, 10e18, 10e18);
        _lieRefused(_fields(11e18, 0, 22_000e18, 0, 0, 0));
    }

    function test_MRG_20_forfeits_beyond_the_limit_are_a_contradiction() public {
        _raise(alice, 1, 10e18, 10e18);
        _lieRefused(_fields(0, 6e18, 0, 12_000e18, 0, 5e18));
    }

    function _priceRefused(uint128[6] memory fields, uint256 low, uint256 high) private {
        Record memory record = _fillsOf(a, fields);
        bytes memory proof = _attest(record, address(clearing));
        _learnMarket();
        _assertNotLearned(record, proof, abi.encodeWithSelector(Learning.FillOutsideBand.selector, 1, low, high));
        assertFalse(clearing.ended(REMOTE, REMOTE_VENUE), "an honest venue is not ended by a price nobody poked");
    }

    function test_MRG_21_a_price_outside_the_band_is_refused() public {
        _raise(alice, 1, 10e18, 10e18);
        _priceRefused(_fields(10e18, 0, 1, 0, 0, 0), 1940e18, 2060e18);
        _priceRefused(_fields(0, 10e18, 0, 20_600e18 + 1, 0, 0), 1940e18, 2060e18);
        _priceRefused(_fields(10e18, 0, 19_400e18 - 1, 0, 0, 0), 1940e18, 2060e18);
        assertEq(uint8(_learn(_fillsOf(a, _fields(0, 10e18, 0, 20_600e18, 0, 0)))), uint8(Outcome.TAKEN));
    }

    function test_MRG_20_a_payment_for_nothing_is_a_contradiction() public {
        _raise(alice, 1, 10e18, 10e18);
        _lieRefused(_fields(0, 0, 0, 1, 0, 0));
    }

    function test_MRG_21_the_band_is_around_the_extremes_since_the_records_age() public {
        _raise(alice, 1, 10e18, 10e18);
        _learn(_fillsOf(a, _fields(0, 0, 0, 0, 0, 0)));
        _setPrice(1500);
        vm.warp(block.timestamp + 2 hours);
        _setPrice(1800);
        assertEq(uint8(_learn(_fillsOf(a, _fields(5e18, 0, 7_300e18, 0, 0, 0)))), uint8(Outcome.TAKEN));
        assertEq(_size(a, 1), 5e18);
        // Proven again after the hour in which the price rose from 1,500, the record's age leaves that behind.
        vm.warp(block.timestamp + 2 hours);
        _setPrice(1800);
        _learn(_fillsOf(a, _fields(5e18, 0, 7_300e18, 0, 0, 0)));
        vm.warp(block.timestamp + 1 hours);
        _setPrice(1800);
        _priceRefused(_fields(10e18, 0, 14_600e18, 0, 0, 0), 1746e18, 1854e18);
    }

    /// @dev Or a venue and two of its own could take, out of an hour or a day that began with a crash, what no margin was asked for.
    function test_MRG_21_nothing_is_filled_at_a_price_of_before_the_limits_were_given() public {
        _setPrice(2600);
        _setPrice(2000);
        vm.warp(block.timestamp + 3 minutes);
        _setPrice(2000);
        _raise(alice, 1, 10e18, 10e18);
        _priceRefused(_fields(10e18, 0, 26_000e18, 0, 0, 0), 1940e18, 2060e18);
        vm.warp(block.timestamp + 3 days);
        _setPrice(2000);
        _priceRefused(_fields(10e18, 0, 26_000e18, 0, 0, 0), 1940e18, 2060e18);
    }

    /// @dev Else a limit of next to nothing that stands since before a crash lets the venue fill what is added after it at the
    /// prices of before.
    function test_MRG_24_nothing_is_added_to_limits_that_an_index_has_left_behind() public {
        _raise(alice, 1, 1e18, 0);
        _learn(_fillsOf(a, _fields(0, 0, 0, 0, 0, 0)));
        uint256 asOf = block.timestamp;
        vm.warp(block.timestamp + 3 minutes);
        _setPrice(2061);
        vm.warp(block.timestamp + 3 minutes);
        _setPrice(2000);
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Limits.FillsTooOld.selector, 1, asOf, 2000e18, 2061e18));
        clearing.raiseLimits(a, 1, 10e18, 0);
        _raise(alice, 0, 10e18, 0);
        // Proven again it is known that nothing was filled meanwhile.
        vm.warp(block.timestamp + 2 minutes);
        _setPrice(2000);
        _learn(_fillsOf(a, _fields(0, 0, 0, 0, 0, 0)));
        _raise(alice, 1, 10e18, 0);
        _priceRefused(_fields(11e18, 0, 22_672e18, 0, 0, 0), 1940e18, 2060e18);
    }

    function test_MRG_24_within_the_band_or_to_shrink_a_position_it_is() public {
        _raise(alice, 1, 5e18, 0);
        _learn(_fillsOf(a, _fields(5e18, 0, 10_000e18, 0, 0, 0)));
        _raise(alice, 1, 0, 1e18);
        _learn(_fillsOf(a, _fields(5e18, 0, 10_000e18, 0, 0, 0)));
        vm.warp(block.timestamp + 3 minutes);
        _setPrice(1942);
        _raise(alice, 1, 1e18, 0);
        vm.prank(alice.addr);
        clearing.voidLimits(a, 1);
        _learn(_fillsOf(a, _fields(5e18, 0, 10_000e18, 0, 1e18, 1e18)));
        _raise(alice, 1, 0, 1e18);
        _learn(_fillsOf(a, _fields(5e18, 0, 10_000e18, 0, 1e18, 1e18)));
        vm.warp(block.timestamp + 3 minutes);
        _setPrice(1500);
        _raise(alice, 1, 0, 1e18);
        vm.prank(alice.addr);
        vm.expectPartialRevert(Limits.FillsTooOld.selector);
        clearing.raiseLimits(a, 1, 1e18, 0);
    }

    /// @dev Else every outage of those who poke is a price of before it, at which a venue and two of its own may fill what is
    /// given after it.
    function test_MRG_21_nothing_is_filled_at_a_price_that_nobody_has_poked_for_longer_than_it_holds() public {
        _setPrice(2600);
        vm.warp(block.timestamp + 30 minutes);
        _setPrice(2000);
        _hear();
        _raise(alice, 1, 10e18, 10e18);
        _priceRefused(_fields(10e18, 0, 26_000e18, 0, 0, 0), 1940e18, 2060e18);
    }

    /// @dev A venue's own index may be one that this clearing had a moment before the window began, and until a moment after.
    function test_MRG_21_a_price_that_held_when_the_window_began_is_believed() public {
        uint256 minute = block.timestamp - block.timestamp % 1 minutes + 2 minutes;
        vm.warp(minute - 11);
        _setPrice(2100);
        vm.warp(minute + 4);
        _setPrice(2000);
        vm.warp(minute + 60);
        _setPrice(2000);
        _raise(alice, 1, 10e18, 0);
        assertEq(uint8(_learn(_fillsOf(a, _fields(10e18, 0, 21_400e18, 0, 0, 0)))), uint8(Outcome.TAKEN));
    }

    function test_MRG_21_a_signed_report_of_the_past_lets_a_fill_at_its_price_be_learned() public {
        _raise(alice, 1, 10e18, 10e18);
        bytes[] memory missed = new bytes[](1);
        missed[0] = _report(ETH, 2100e8, 1e6, block.timestamp);
        vm.warp(block.timestamp + 120);
        _setPrice(2000);
        _priceRefused(_fields(5e18, 0, 10_500e18, 0, 0, 0), 1940e18, 2060e18);
        clearing.widenIndex(0, missed);
        assertEq(uint8(_learn(_fillsOf(a, _fields(5e18, 0, 10_500e18, 0, 0, 0)))), uint8(Outcome.TAKEN));
        assertEq(clearing.indexPrice(0).price, 2000e18, "the index itself is not moved");
    }

    function test_CLR_04_a_lower_cap_keeps_nobody_from_closing() public {
        _trade(300e18, 2000e18);
        // Both markets' cap down to 100 ETH.
        bytes memory blob = Blobs.amended(Blobs.amended(_parameters(), 12, 152, 100e18, 104), 14, 152, 100e18, 104);
        clearing.setParameters(blob);
        _raise(alice, 0, 0, 300e18);
        vm.prank(bob.addr);
        vm.expectRevert(abi.encodeWithSelector(Limits.OpenInterestCapExceeded.selector, 301e18, 100e18));
        clearing.raiseLimits(b, 0, 0, 1e18);
    }

    function test_CLR_04_a_venue_that_contradicted_itself_gets_no_limit() public {
        _raise(alice, 1, 10e18, 0);
        _lieRefused(_fields(11e18, 0, 22_000e18, 0, 0, 0));
        vm.prank(bob.addr);
        vm.expectRevert(abi.encodeWithSelector(Limits.VenueEnded.selector, REMOTE, REMOTE_VENUE));
        clearing.raiseLimits(b, 1, 1e18, 0);
    }

    function test_MRG_22_a_lying_local_venue_changes_no_account() public {
        _raise(alice, 0, 5e18, 0);
        bytes32 before = _state();
        vm.prank(address(venue));
        Outcome outcome = clearing.push(
            Record(Kind.FILLS, block.chainid, address(venue), a, 0, address(0), _fields(6e18, 0, 12_000e18, 0, 0, 0))
        );
        assertEq(uint8(outcome), uint8(Outcome.CONTRADICTION));
        assertEq(_state(), before);
        assertTrue(clearing.ended(block.chainid, address(venue)));
    }

    function test_MRG_22_a_record_of_an_account_without_limits_is_a_contradiction() public {
        _lieRefused(_fields(1, 0, 2_000, 0, 0, 0));
    }

    function test_CLR_08_limits_and_fills_are_the_records_the_venue_learned() public {
        _trade(10e18, 2000e18);
        Key memory limit =
            Key(Kind.LIMIT, block.chainid, address(clearing), block.chainid, address(venue), a, 0, address(0));
        (uint128[6] memory known,,) = venue.learnedOf(limit);
        assertEq(keccak256(abi.encode(known)), keccak256(abi.encode(clearing.writtenOf(limit))));
        Key memory fills =
            Key(Kind.FILLS, block.chainid, address(venue), block.chainid, address(clearing), a, 0, address(0));
        (known,,) = clearing.learnedOf(fills);
        assertEq(keccak256(abi.encode(known)), keccak256(abi.encode(venue.writtenOf(fills))));
    }
}
