// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Breakers} from "../../src/clearing/Breakers.sol";
import {Closings} from "../../src/clearing/Closings.sol";
import {Outages} from "../../src/clearing/Outages.sol";
import {Misfits} from "../../src/clearing/Misfits.sol";
import {Record} from "../../src/records/Records.sol";
import {Blobs} from "../Blobs.sol";
import {Far} from "./Far.sol";

/// @title What an outage of the clearing's chain must not end, and what it must not keep open either.
contract OutageTest is Far {
    uint256 private constant OUTAGE_AFTER = 900;
    uint256 private constant OUTAGE_GRACE = 1 hours;

    function setUp() public override {
        super.setUp();
        clearing.setParameters(_with(OUTAGE_AFTER, OUTAGE_GRACE));
        vm.warp(block.timestamp + 60);
        _setPrice(2000);
        _hear();
    }

    function _with(uint256 outageAfter, uint256 outageGrace) private pure returns (bytes memory) {
        return Blobs.amended(Blobs.amended(_parameters(), 2, 160, outageAfter, 32), 2, 192, outageGrace, 32);
    }

    /// @dev Blocks, prices and roots stop for so long, and then there is a price again.
    function _standStill(uint256 time) private returns (uint256 resumedAt) {
        vm.warp(block.timestamp + time - 1);
        _setPrice(2000);
        return block.timestamp;
    }

    /// @dev Prices go on, at most `step` seconds apart, up to that time.
    function _pokeUpTo(uint256 time, uint256 step) private {
        while (block.timestamp + step < time) {
            vm.warp(block.timestamp + step - 1);
            _setPrice(2000);
        }
        vm.warp(time - 1);
        _setPrice(2000);
    }

    function _close() private {
        vm.prank(bob.addr);
        clearing.closeVenue(1);
    }

    function _closeRefused(uint256 silence) private {
        vm.expectRevert(abi.encodeWithSelector(Closings.VenueIsAlive.selector, 1, silence, DEAD_AGE));
        _close();
    }

    /* NO LIVE VENUE DIES OF IT */

    function test_CLO_12_an_outage_closes_no_venue_that_is_heard_after_it() public {
        uint256 resumedAt = _standStill(10 * DEAD_AGE);
        _closeRefused(0);
        _pokeUpTo(resumedAt + DEAD_AGE - 1, 800);
        _closeRefused(DEAD_AGE - 1);
        _hear();
        uint256 heardAt = block.timestamp;
        _pokeUpTo(heardAt + DEAD_AGE - 1, 800);
        _closeRefused(DEAD_AGE - 1);
        assertFalse(clearing.ended(REMOTE, REMOTE_VENUE));
    }

    function test_CLO_12_nor_does_who_comes_before_the_first_price_close_it() public {
        vm.warp(block.timestamp + 10 * DEAD_AGE);
        _closeRefused(0);
        vm.expectRevert(
            abi.encodeWithSelector(Outages.OutageGrace.selector, block.timestamp + OUTAGE_GRACE, block.timestamp)
        );
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        // A poke that brings no price is no way round.
        clearing.poke(new uint256[](0), new bytes[](0));
        _closeRefused(0);
    }

    /// @dev Whatever passes for no outage is no death of a venue that spoke as long before it.
    function testFuzz_CLO_12_a_gap_that_is_no_outage_closes_no_venue(uint256 quiet, uint256 gap) public {
        clearing.setParameters(_with(DEAD_AGE / 2, DEAD_AGE));
        _pokeUpTo(block.timestamp + bound(quiet, 1, DEAD_AGE / 2), 800);
        vm.warp(block.timestamp + bound(gap, 1, DEAD_AGE / 2 - 1));
        vm.expectPartialRevert(Closings.VenueIsAlive.selector);
        _close();
        // Nor does the first price after it make it one.
        _setPrice(2000);
        vm.expectPartialRevert(Closings.VenueIsAlive.selector);
        _close();
    }

    function test_CLO_12_parameters_whose_outages_could_pass_for_a_death_are_refused() public {
        clearing.setParameters(_with(DEAD_AGE / 2, DEAD_AGE));
        // Venue 1 may be tripped after ten minutes, and is dead a second too soon.
        bytes memory blob = Blobs.amended(_with(DEAD_AGE / 2, DEAD_AGE), 17, 161, 10 minutes, 32);
        clearing.setParameters(blob);
        _refuse(Blobs.amended(blob, 17, 128, DEAD_AGE - 1, 32), "venues", 1);
        clearing.setParameters(_with(Outages.NO_OUTAGES, 0));
    }

    /// @dev Nor use up the grace of one, nor the hour that a closing price is waited for.
    function test_BRK_08_parameters_whose_grace_no_block_need_see_are_refused() public {
        _refuse(_with(900, 1799), "general", 0);
        _refuse(_with(30 minutes + 1, 2 hours), "general", 0);
        clearing.setParameters(_with(30 minutes, 1 hours));
    }

    /// @dev Else a debtor whose vault the outage tripped could top up there in no second of the grace.
    function test_BRK_08_parameters_whose_grace_ends_before_a_breaker_recovers_are_refused() public {
        bytes memory blob = _with(900, 1 hours);
        clearing.setParameters(Blobs.amended(blob, 2, 128, 1 hours - 1, 32));
        _refuse(Blobs.amended(blob, 2, 128, 1 hours, 32), "general", 0);
        clearing.setParameters(Blobs.amended(_with(Outages.NO_OUTAGES, 0), 2, 128, 1 hours, 32));
    }

    /// @dev Else one outage, and be it the last that there is, would end all liquidations.
    function test_BRK_08_parameters_whose_grace_is_longer_than_a_day_are_refused() public {
        clearing.setParameters(_with(900, 1 days));
        _refuse(_with(900, 1 days + 1), "general", 0);
        _refuse(_with(Outages.NO_OUTAGES, 1 days + 1), "general", 0);
    }

    function _refuse(bytes memory blob, string memory section, uint256 row) private {
        vm.expectRevert(abi.encodeWithSelector(Misfits.BadParameters.selector, section, row));
        clearing.setParameters(blob);
    }

    /* A DEAD ONE STILL ENDS */

    function test_CLO_12_a_venue_that_is_dead_is_closed_its_dead_age_after_the_outage() public {
        uint256 resumedAt = _standStill(3 * DEAD_AGE);
        _pokeUpTo(resumedAt + DEAD_AGE, 800);
        vm.expectEmit();
        emit Closings.VenueClosed(1, remoteBlock, uint64(block.timestamp));
        _close();
    }

    function test_CLO_12_and_not_before_the_grace_that_liquidations_wait_for() public {
        clearing.setParameters(_with(OUTAGE_AFTER, 2 * DEAD_AGE));
        uint256 resumedAt = _standStill(3 * DEAD_AGE);
        uint256 until = resumedAt + 2 * DEAD_AGE;
        _pokeUpTo(until - 1, 800);
        vm.expectRevert(abi.encodeWithSelector(Outages.OutageGrace.selector, until, until - 1));
        _close();
        vm.warp(until);
        _close();
    }

    /// @dev Nobody postpones it: an outage takes everybody's silence, and one who pokes is enough to have none.
    function testFuzz_CLO_12_no_pokes_keep_a_dead_venue_open(uint16[32] memory waits) public {
        uint256 resumedAt = _standStill(3 * DEAD_AGE);
        uint256 honest = resumedAt;
        for (uint256 i; i < 32 && block.timestamp < resumedAt + DEAD_AGE; ++i) {
            uint256 next = block.timestamp + bound(waits[i], 1, 900);
            // The one pokes every quarter of an hour less the minute in which no poke is noticed; the others whenever they like.
            if (next >= honest + 840) next = honest += 840;
            vm.warp(next - 1);
            _setPrice(2000);
        }
        if (block.timestamp < resumedAt + DEAD_AGE) _pokeUpTo(resumedAt + DEAD_AGE, 800);
        _close();
    }

    function test_CLO_12_a_contradiction_is_no_silence() public {
        _standStill(3 * DEAD_AGE);
        _learn(_fillsOf(k, _fields(1e18, 0, 2_000e18, 0, 0, 0)));
        _close();
    }

    function test_CLO_12_governance_waits_for_nothing() public {
        _standStill(3 * DEAD_AGE);
        clearing.closeVenue(1);
    }

    /* NOR ANYTHING ELSE THAT IS NOT UNDONE */

    function _expectGrace(uint256 resumedAt) private {
        uint256 until = resumedAt + OUTAGE_GRACE;
        vm.expectRevert(abi.encodeWithSelector(Outages.OutageGrace.selector, until, block.timestamp));
    }

    function test_BRK_08_an_outage_sells_no_debtor_before_he_could_pay() public {
        _win(1_000);
        uint256 resumedAt = _standStill(1 days);
        _expectGrace(resumedAt);
        vm.prank(alice.addr);
        clearing.putUp(b);
        // Himself he may at once.
        vm.prank(bob.addr);
        clearing.putUp(b);
    }

    function test_BRK_08_and_voids_nobodys_limits_before_he_could_top_up() public {
        _trade(400e18, 2000e18);
        _raise(alice, 0, 0, 10e18);
        uint256 resumedAt = _standStill(3 hours);
        _setPrice(1700);
        _expectGrace(resumedAt);
        vm.prank(bob.addr);
        clearing.voidLimits(a, 0);
        vm.prank(alice.addr);
        clearing.voidLimits(a, 0);
    }

    function test_BRK_03_an_outage_is_no_health() public {
        vm.prank(clearing.owner());
        clearing.freeze(block.chainid, address(vault), uint64(block.timestamp + 1));
        vm.warp(block.timestamp + 1);
        uint256 resumedAt = _standStill(1 days);
        vm.expectPartialRevert(Breakers.CannotReset.selector);
        clearing.resetBreaker(block.chainid, address(vault));
        _pokeUpTo(resumedAt + 10 minutes, 800);
        vm.warp(resumedAt + 10 minutes);
        clearing.resetBreaker(block.chainid, address(vault));
    }

    /* THE PRICE */

    function test_CLO_04_an_outage_is_no_hour_in_which_the_first_price_could_have_been_shown() public {
        _tradeFar(10e18, 20_000e18);
        clearing.closeVenue(1);
        _pokeUpTo(block.timestamp + GRACE - 600, 800);
        _setPrice(2000);
        uint256 resumedAt = _standStill(2 hours);
        uint256 wait = resumedAt + 1 hours;
        vm.expectRevert(abi.encodeWithSelector(Closings.NoClosePrice.selector, 1, wait, block.timestamp));
        clearing.settleClosed(a, 1);
        _pokeUpTo(wait, 800);
        _setPrice(2000);
        clearing.settleClosed(a, 1);
    }
}
