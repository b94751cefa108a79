// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ages, Lateness} from "../../src/clearing/Lateness.sol";
import {Limits} from "../../src/clearing/Limits.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {Blobs} from "../Blobs.sol";
import {Aging} from "./Aging.sol";

contract LatenessTest is Aging {
    uint256 private constant WAD = 1e18;

    /* THE LAWS */

    function testFuzz_MRG_37_a_haircut_stays_within_one_and_never_falls_with_age(
        uint64 share,
        uint32 age,
        uint32 more,
        uint32 from,
        uint32 span
    ) public pure {
        share = uint64(bound(share, 0, WAD));
        uint256 until = uint256(from) + bound(span, 1, type(uint32).max);
        uint256 one = Lateness.widen(share, Lateness.at(age, from, until));
        uint256 two = Lateness.widen(share, Lateness.at(uint256(age) + more, from, until));
        assertLe(share, one);
        assertLe(one, two);
        assertLe(two, WAD);
        if (age <= from) assertEq(one, share);
        if (age >= until) assertEq(one, WAD);
    }

    function testFuzz_MRG_38_what_is_late_for_maintenance_is_at_least_as_late_for_new_risk(
        uint32 age,
        uint32[4] memory steps,
        uint64 initial,
        uint64 maintenance
    ) public pure {
        (uint256 calm, uint256 warn) = (bound(steps[0], 0, 1e6), 0);
        warn = calm + bound(steps[1], 0, 1e6);
        uint256 dead = warn + bound(steps[2], 1, 1e6);
        uint256 trip = bound(steps[3], calm + 1, dead);
        Ages ages = Ages.wrap(calm | warn << 32 | dead << 64 | 1 << 96 | trip << 97);
        assertTrue(ages.areInOrder());
        initial = uint64(bound(initial, 0, WAD));
        maintenance = uint64(bound(maintenance, 0, initial));
        (uint256 one, uint256 two) = Lateness.atAges(ages, age);
        assertGe(one, two);
        assertGe(Lateness.widen(initial, one), Lateness.widen(maintenance, two));
    }

    /// @dev A second adds at most its part of the way, but for rounding.
    function testFuzz_MRG_39_no_second_makes_a_step(uint64 share, uint32 age, uint32 from, uint32 span) public pure {
        share = uint64(bound(share, 0, WAD));
        uint256 length = bound(span, 1, type(uint32).max);
        uint256 until = from + length;
        uint256 one = Lateness.widen(share, Lateness.at(age, from, until));
        uint256 two = Lateness.widen(share, Lateness.at(uint256(age) + 1, from, until));
        assertLe(two - one, (WAD - share) / length + 2);
    }

    /* AT THE CLEARING */

    function testFuzz_MRG_37_a_line_counts_by_its_vaults_age(uint16 age) public {
        uint256 index = _grantFar(alice, 10_000e6);
        assertEq(index, 0);
        _hearVault();
        uint256 heard = block.timestamp;
        age = uint16(bound(age, 1, 3 hours));
        _later(age);
        assertEq(block.timestamp, heard + age);
        uint256 initial = Lateness.widen(0.05e18, Lateness.at(age, CALM, TRIP));
        uint256 maintenance = Lateness.widen(0.03e18, Lateness.at(age, WARN, DEAD));
        Margin memory margin = clearing.marginOf(a);
        assertEq(margin.initialMarginBalance, int256(10_000 * (WAD - initial)));
        assertEq(margin.maintenanceMarginBalance, int256(10_000 * (WAD - maintenance)));
        assertEq(margin.equity, 10_000e18, "what is owned does not shrink");
    }

    function test_MRG_40_nobody_is_liquidated_for_lateness_before_warn_age() public {
        _grantFar(alice, 10_000e6);
        _fund(bob, 100e18);
        _fund(keeper, 100e18);
        vm.prank(keeper.addr);
        clearing.openLine(k, remote, keeper.addr);
        _hearVault();
        uint256 heard = block.timestamp;
        _trade(36e18, 2000e18);
        _later(heard + WARN - block.timestamp);
        Margin memory margin = clearing.marginOf(a);
        assertEq(margin.initialMarginBalance, 0, "it gives no new risk any more");
        assertEq(margin.maintenanceMarginBalance, 9_700e18);
        vm.startPrank(keeper.addr);
        vm.expectRevert(abi.encodeWithSelector(Limits.NotLiquidatable.selector, 9_700e18, 3_600e18));
        clearing.liquidate(a, k);
        vm.stopPrank();
        // 3,600 dollars are left when 62.9 % of the ramp are over.
        _later(heard + WARN + 3_390 - block.timestamp);
        vm.prank(keeper.addr);
        vm.expectPartialRevert(Limits.NotLiquidatable.selector);
        clearing.liquidate(a, k);
        _later(10);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        assertGt(_size(k, 0), 0);
    }

    function test_MRG_41_parameters_that_outlive_their_life_count_less_for_new_risk_alone() public {
        _fund(alice, 10e18);
        bytes memory blob = Blobs.amended(_parameters(), 2, 64, 1 days, 32);
        clearing.setParameters(Blobs.amended(blob, 2, 96, 10 days, 32));
        uint256 setAt = block.timestamp;
        _later(1 days);
        Margin memory margin = clearing.marginOf(a);
        assertEq(margin.initialMarginBalance, 16_000e18, "up to its life nothing changes");
        _later(5 days);
        margin = clearing.marginOf(a);
        assertEq(block.timestamp, setAt + 6 days);
        assertEq(margin.initialMarginBalance, 8_000e18, "half of the ramp");
        assertEq(margin.maintenanceMarginBalance, 17_000e18);
        _later(5 days);
        assertEq(clearing.marginOf(a).initialMarginBalance, 0);
        assertEq(clearing.marginOf(a).maintenanceMarginBalance, 17_000e18, "nobody is liquidated for it");
        clearing.setParameters(blob);
        assertEq(clearing.marginOf(a).initialMarginBalance, 16_000e18, "set again, they live again");
    }

    function test_MRG_41_parameters_that_outlived_their_life_add_to_what_is_late() public {
        _grantFar(alice, 10_000e6);
        bytes memory blob = Blobs.amended(_parameters(), 2, 64, 60, 32);
        clearing.setParameters(Blobs.amended(blob, 2, 96, 1000, 32));
        _hearVault();
        _later(330);
        // Half of the way from calm to tripped, and of the other half 27 % of the ramp.
        uint256 haircut = Lateness.widen(0.05e18, 0.635e18);
        assertEq(clearing.marginOf(a).initialMarginBalance, int256(10_000 * (WAD - haircut)));
    }
}
