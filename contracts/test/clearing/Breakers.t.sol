// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";
import {Breakers} from "../../src/clearing/Breakers.sol";
import {Clearing} from "../../src/clearing/Clearing.sol";
import {Ledgers} from "../../src/clearing/Ledger.sol";
import {Limits} from "../../src/clearing/Limits.sol";
import {Liquidation} from "../../src/clearing/Liquidation.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {Outages} from "../../src/clearing/Outages.sol";
import {Misfits} from "../../src/clearing/Misfits.sol";
import {Cause, Peers} from "../../src/clearing/Peers.sol";
import {PricePolicy} from "../../src/price/Prices.sol";
import {Outcome, Record} from "../../src/records/Records.sol";
import {Checkpoint} from "../../src/roots/CommitteeRoots.sol";
import {Blobs} from "../Blobs.sol";
import {World} from "../World.sol";
import {Aging} from "./Aging.sol";
import {Far} from "./Far.sol";

contract BreakersTest is Aging, Far {
    bytes32 private constant THIRD = bytes32(uint256(3));

    function setUp() public override(World, Far) {
        Far.setUp();
    }

    function _parameters() internal pure override(World, Aging) returns (bytes memory) {
        return Aging._parameters();
    }

    /// @dev Whether the remote venue gives new risk.
    function _givesRisk() private returns (bool done) {
        uint256 state = vm.snapshotState();
        vm.prank(keeper.addr);
        (done,) = address(clearing).call(abi.encodeCall(clearing.raiseLimits, (k, 1, 1e18, 0)));
        vm.revertToState(state);
    }

    function _count(Vm.Log[] memory logs, bytes32 selector) private pure returns (uint256 count) {
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == selector) ++count;
        }
    }

    function _hearVenue() private returns (Outcome) {
        return _learn(_heardBy(REMOTE_VENUE, block.timestamp));
    }

    /* AGE */

    function test_BRK_01_a_peer_heard_of_again_after_its_trip_age_trips() public {
        assertTrue(_givesRisk());
        _later(TRIP);
        assertFalse(_givesRisk(), "late beyond its tripAge, before anyone says so");
        vm.recordLogs();
        _hearVenue();
        assertEq(_count(vm.getRecordedLogs(), Peers.BreakerTripped.selector), 1);
        assertFalse(_givesRisk(), "the first message is no recovery");
    }

    function test_BRK_01_a_second_below_the_trip_age_trips_nothing() public {
        _hearVenue();
        _later(TRIP - 1);
        _hearVenue();
        assertTrue(_givesRisk());
    }

    /// @dev Statements about this chain are true here too, so that its own vault can be made to hear it, once in a while.
    function test_BRK_01_who_has_a_local_peer_hear_its_own_chain_trips_nothing() public {
        bytes memory blob = Blobs.amended(_parameters(), VAULT - 1, 64, CALM, 32);
        clearing.setParameters(Blobs.amended(blob, VAULT - 1, 161, TRIP, 32));
        _later(3 hours);
        Checkpoint memory checkpoint = Checkpoint(
            0, block.chainid, address(clearing), uint64(block.number), uint64(block.timestamp), "hash", "root"
        );
        roots.submit(checkpoint, signers, _sign(checkpoint, 3));
        vault.hear(block.chainid, address(clearing));
        _later(30);
        assertEq(clearing.marginOf(a).initialMarginBalance, 160_000e18);
        _raise(alice, 0, 1e18, 0);
    }

    function test_BRK_01_a_peer_is_never_older_than_since_it_was_added() public {
        uint256 added = block.timestamp - 2;
        _learn(_heardBy(REMOTE_VAULT, added - 1 days));
        _grantFar(bob, 1_000e6);
        assertEq(clearing.marginOf(b).maintenanceMarginBalance, 170_000e18 + 970e18);
    }

    function test_BRK_01_a_peer_without_parameters_trips_nothing() public {
        clearing.addVault(REMOTE, address(0xA9));
        _later(TRIP);
        vm.recordLogs();
        _learn(_heardBy(address(0xA9), block.timestamp));
        assertEq(_count(vm.getRecordedLogs(), Peers.BreakerTripped.selector), 0);
    }

    function test_MRG_08_before_the_first_parameters_nothing_is_heard_or_judged() public {
        clearing = new Clearing(roots, 10, pyth, PricePolicy(60, 60, 0.01e18), address(this));
        clearing.addVault(REMOTE, REMOTE_VAULT);
        Record[] memory records = new Record[](1);
        records[0] = _heardBy(REMOTE_VAULT, block.timestamp);
        bytes[] memory proofs = new bytes[](1);
        proofs[0] = _attest(records[0], address(clearing));
        vm.expectRevert(Ledgers.NoParameters.selector);
        clearing.learn(records, proofs);
        vm.expectRevert(Ledgers.NoParameters.selector);
        clearing.marginOf(a);
    }

    /* NO NEW RISK */

    function test_BRK_02_a_tripped_venue_gives_only_what_shrinks_and_moves_no_maintenance() public {
        _hearVenue();
        _tradeFar(10e18, 20_000e18);
        Margin memory before = clearing.marginOf(a);
        clearing.freeze(REMOTE, REMOTE_VENUE, uint64(block.timestamp + 1 hours));
        Margin memory margin = clearing.marginOf(a);
        assertEq(margin.maintenanceMargin, before.maintenanceMargin);
        assertEq(margin.maintenanceMarginBalance, before.maintenanceMarginBalance);
        assertGt(margin.initialMargin, before.initialMargin, "its legs are charged as if they stood alone");
        vm.startPrank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Limits.NoNewRisk.selector, 1));
        clearing.raiseLimits(a, 1, 1e18, 0);
        clearing.raiseLimits(a, 1, 0, 1e18);
    }

    function test_MRG_31_a_late_venues_leg_is_charged_by_its_age_for_maintenance_too() public {
        _hearVenue();
        uint256 heard = block.timestamp;
        _tradeFar(10e18, 20_000e18);
        assertEq(clearing.marginOf(a).maintenanceMargin, 1_050e18, "5 % of its risk while it is heard of");
        _later(heard + 1950 - block.timestamp);
        Margin memory margin = clearing.marginOf(a);
        // Half of the way from late to dead; for new risk it has tripped.
        assertEq(margin.maintenanceMargin, 1_000e18 + 525e18);
        assertEq(margin.initialMargin, 2_000e18 + 2_000e18);
    }

    function test_BRK_02_what_is_at_a_tripped_vault_counts_nothing_for_new_risk() public {
        _grantFar(bob, 1_000e6);
        _hearVault();
        Margin memory before = clearing.marginOf(b);
        clearing.freeze(REMOTE, REMOTE_VAULT, uint64(block.timestamp + 1 hours));
        Margin memory margin = clearing.marginOf(b);
        assertEq(margin.initialMarginBalance, before.initialMarginBalance - 950e18);
        assertEq(margin.maintenanceMarginBalance, before.maintenanceMarginBalance);
    }

    function test_BRK_02_a_vault_on_this_chain_trips_too() public {
        clearing.freeze(block.chainid, address(vault), uint64(block.timestamp + 1 hours));
        assertEq(clearing.marginOf(a).initialMarginBalance, 0);
        assertEq(clearing.marginOf(a).maintenanceMarginBalance, 170_000e18);
    }

    /* RECOVERY */

    function test_BRK_03_a_breaker_resets_once_it_has_been_healthy_for_long_enough() public {
        _later(TRIP);
        _hearVenue();
        uint256 tripped = block.timestamp;
        bytes memory error = abi.encodeWithSelector(Breakers.CannotReset.selector, REMOTE, REMOTE_VENUE);
        _later(RESTORE / 2);
        _hearVenue();
        _later(tripped + RESTORE - 1 - block.timestamp);
        vm.expectRevert(error);
        clearing.resetBreaker(REMOTE, REMOTE_VENUE);
        assertFalse(_givesRisk());
        _later(1);
        _hearVenue();
        assertTrue(_givesRisk());
        vm.expectRevert(error);
        clearing.resetBreaker(REMOTE, REMOTE_VENUE);
    }

    function test_BRK_03_anyone_resets_it_but_not_while_the_peer_is_late() public {
        _later(TRIP);
        _hearVenue();
        _later(RESTORE);
        vm.prank(bob.addr);
        vm.expectRevert(abi.encodeWithSelector(Breakers.CannotReset.selector, REMOTE, REMOTE_VENUE));
        clearing.resetBreaker(REMOTE, REMOTE_VENUE);
        _hearVenue();
        _later(RESTORE / 2);
        _hearVenue();
        _later(RESTORE / 2);
        vm.prank(bob.addr);
        clearing.resetBreaker(REMOTE, REMOTE_VENUE);
        assertTrue(_givesRisk());
    }

    /* DISPERSION */

    /// @dev The remote vault's USDC has a second feed, which says so many hundredths of a cent.
    function _disperse(int64 price, uint256 apart) private {
        vm.warp(block.timestamp + 60);
        bytes[] memory updates = new bytes[](2);
        updates[0] = _report(USD, 1e8, 1e4, block.timestamp);
        updates[1] = _report(THIRD, price * 1e4, 1e4, block.timestamp - apart);
        uint256[] memory feeds = new uint256[](2);
        (feeds[0], feeds[1]) = (1, 2);
        clearing.poke(feeds, updates);
    }

    function _giveSecondFeed() private {
        clearing.addFeed(THIRD);
        clearing.setParameters(Blobs.amended(_parameters(), CAPS, 8, 2 | 1 << 8, 16));
    }

    function test_BRK_04_two_feeds_that_differ_trip_the_vault() public {
        _giveSecondFeed();
        _disperse(9901, 0);
        vm.expectPartialRevert(Breakers.PricesAgree.selector);
        clearing.tripDispersed(1);
        _disperse(9900, 0);
        vm.expectEmit();
        emit Peers.BreakerTripped(true, 1, Cause.DISPERSION);
        vm.prank(bob.addr);
        clearing.tripDispersed(1);
        _grantFar(bob, 1_000e6);
        assertEq(_counted(b, 1), 0);
        _hearVault();
        vm.warp(block.timestamp + RESTORE / 2);
        _hearVault();
        vm.warp(block.timestamp + RESTORE / 2);
        clearing.resetBreaker(REMOTE, REMOTE_VAULT);
        clearing.count(b, 1);
        assertEq(_counted(b, 1), 1_000e6);
    }

    function test_BRK_04_an_old_report_of_one_feed_beside_a_new_one_of_the_other_trips_nothing() public {
        _giveSecondFeed();
        _disperse(9900, 6);
        (uint256 first, uint256 second) = (block.timestamp, block.timestamp - 6);
        vm.expectRevert(abi.encodeWithSelector(Breakers.PricesApart.selector, 1, first, second));
        clearing.tripDispersed(1);
        _disperse(9900, 5);
        clearing.tripDispersed(1);
    }

    function test_BRK_04_without_a_second_feed_nothing_disperses() public {
        vm.expectRevert(abi.encodeWithSelector(Breakers.NoSecondFeed.selector, 1));
        clearing.tripDispersed(1);
        vm.expectRevert(abi.encodeWithSelector(Breakers.NoSecondFeed.selector, 2));
        clearing.tripDispersed(2);
    }

    /* FREEZE */

    function test_BRK_05_a_freeze_stops_what_goes_out_and_what_counts_but_never_learning() public {
        uint256 index = _grantFar(bob, 1_000e6);
        _learn(_grantOf(a, bob.addr, 500e6));
        _hearVault();
        uint64 until = uint64(block.timestamp + 1 hours);
        clearing.freeze(REMOTE, REMOTE_VAULT, until);
        bytes memory error = abi.encodeWithSelector(Peers.VaultFrozen.selector, REMOTE, REMOTE_VAULT, until);
        vm.prank(bob.addr);
        vm.expectRevert(error);
        clearing.release(b, index, 1e6);
        vm.expectRevert(error);
        clearing.releaseUnopened(a, remote, bob.addr);
        _learn(_grantOf(b, bob.addr, 3_000e6));
        assertEq(_units(b, index), 3_000e6, "it is learned");
        assertEq(_counted(b, index), 1_000e6, "and does not count");
        vm.warp(until);
        vm.prank(bob.addr);
        clearing.release(b, index, 1e6);
        clearing.releaseUnopened(a, remote, bob.addr);
    }

    function test_BRK_05_units_of_a_frozen_vault_settle_no_debt() public {
        _pay(bob, alice, 100);
        vm.prank(bob.addr);
        clearing.putUp(b);
        uint64 until = uint64(block.timestamp + 1 hours);
        clearing.freeze(block.chainid, address(vault), until);
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Peers.VaultFrozen.selector, block.chainid, address(vault), until));
        clearing.buyUnits(b, 0, 0.1e18, a);
    }

    function test_BRK_05_a_frozen_breaker_recovers_only_after_the_freeze() public {
        uint64 until = uint64(block.timestamp + 1 hours);
        clearing.freeze(REMOTE, REMOTE_VENUE, until);
        for (uint256 i; block.timestamp < until; ++i) {
            _later(TRIP / 2);
            _hearVenue();
        }
        _later(until + RESTORE - 1 - block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(Breakers.CannotReset.selector, REMOTE, REMOTE_VENUE));
        clearing.resetBreaker(REMOTE, REMOTE_VENUE);
        _hearVenue();
        _later(1);
        clearing.resetBreaker(REMOTE, REMOTE_VENUE);
    }

    function test_BRK_05_a_shorter_freeze_ends_no_longer_one_and_only_its_end_does() public {
        uint256 index = _grantFar(bob, 1_000e6);
        uint64 until = uint64(block.timestamp + 30 days);
        clearing.freeze(REMOTE, REMOTE_VAULT, until);
        clearing.freeze(REMOTE, REMOTE_VAULT, uint64(block.timestamp + 1));
        vm.warp(block.timestamp + 2);
        vm.prank(bob.addr);
        vm.expectRevert(abi.encodeWithSelector(Peers.VaultFrozen.selector, REMOTE, REMOTE_VAULT, until));
        clearing.release(b, index, 1e6);
        clearing.freeze(REMOTE, REMOTE_VAULT, uint64(block.timestamp));
        vm.prank(bob.addr);
        clearing.release(b, index, 1e6);
    }

    function test_BRK_05_only_the_owner_freezes() public {
        vm.prank(bob.addr);
        vm.expectRevert();
        clearing.freeze(REMOTE, REMOTE_VENUE, uint64(block.timestamp + 1));
    }

    /* THE END */

    function test_BRK_06_a_peer_that_contradicted_itself_gives_no_new_risk_for_ever() public {
        uint256 index = _grantFar(bob, 1_000e6);
        assertEq(uint8(_learn(_heardBy(REMOTE_VAULT, block.timestamp + 1))), uint8(Outcome.CONTRADICTION));
        assertEq(clearing.marginOf(b).initialMarginBalance, 160_000e18);
        vm.expectRevert(abi.encodeWithSelector(Breakers.PeerIsOver.selector, REMOTE, REMOTE_VAULT));
        clearing.freeze(REMOTE, REMOTE_VAULT, uint64(block.timestamp + 1));
        vm.warp(block.timestamp + 3650 days);
        vm.expectRevert(abi.encodeWithSelector(Breakers.CannotReset.selector, REMOTE, REMOTE_VAULT));
        clearing.resetBreaker(REMOTE, REMOTE_VAULT);
        vm.prank(bob.addr);
        clearing.release(b, index, 1_000e6);
        assertEq(_units(b, index), 0, "what it still gives back may go home");
    }

    function test_BRK_06_time_alone_resets_no_peer_that_contradicted_itself() public {
        clearing.setParameters(Blobs.amended(_parameters(), 2, 128, 60, 32));
        _hearVault();
        assertEq(uint8(_learn(_heardBy(REMOTE_VAULT, block.timestamp + 1))), uint8(Outcome.CONTRADICTION));
        vm.warp(block.timestamp + TRIP - 1);
        vm.expectRevert(abi.encodeWithSelector(Breakers.CannotReset.selector, REMOTE, REMOTE_VAULT));
        clearing.resetBreaker(REMOTE, REMOTE_VAULT);
    }

    function test_BRK_06_a_contradiction_ends_no_freeze() public {
        // Whoever can forge a grant can forge a contradiction beside it.
        _learn(_grantOf(a, bob.addr, 500e6));
        uint64 until = uint64(block.timestamp + 1 hours);
        clearing.freeze(REMOTE, REMOTE_VAULT, until);
        assertEq(uint8(_learn(_heardBy(REMOTE_VAULT, block.timestamp + 1))), uint8(Outcome.CONTRADICTION));
        vm.expectRevert(abi.encodeWithSelector(Peers.VaultFrozen.selector, REMOTE, REMOTE_VAULT, until));
        clearing.releaseUnopened(a, remote, bob.addr);
        // What the guardians see to be right they can still lift.
        clearing.freeze(REMOTE, REMOTE_VAULT, uint64(block.timestamp));
        clearing.releaseUnopened(a, remote, bob.addr);
        vm.warp(block.timestamp + 3650 days);
        vm.expectRevert(abi.encodeWithSelector(Breakers.CannotReset.selector, REMOTE, REMOTE_VAULT));
        clearing.resetBreaker(REMOTE, REMOTE_VAULT);
    }

    function test_BRK_07_what_a_peer_heard_is_one_record_and_never_falls() public {
        Record memory record = _heardBy(REMOTE_VAULT, 1);
        record.account = a;
        assertEq(uint8(_learn(record)), uint8(Outcome.CONTRADICTION), "one an account would let a liar age at will");
        assertTrue(clearing.ended(REMOTE, REMOTE_VAULT));
    }

    /* OUTAGE */

    /// @dev Fifteen minutes without a price are an outage, and give an hour.
    function _noticeOutages() private {
        clearing.setParameters(Blobs.amended(_parameters(), 2, 160, 900, 32));
        _later(60);
    }

    function test_BRK_08_after_an_outage_nobody_is_liquidated_for_a_while() public {
        _noticeOutages();
        _trade(400e18, 2000e18);
        vm.warp(block.timestamp + 960);
        _setPrice(1700);
        uint256 until = block.timestamp + 1 hours;
        vm.expectRevert(abi.encodeWithSelector(Outages.OutageGrace.selector, until, block.timestamp));
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        while (block.timestamp + 50 < until) {
            vm.warp(block.timestamp + 49);
            _setPrice(1700);
        }
        vm.warp(until - 2);
        _setPrice(1700);
        vm.expectPartialRevert(Outages.OutageGrace.selector);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        _setPrice(1700);
        vm.expectEmit(true, true, false, false);
        emit Liquidation.Liquidated(a, k, 0, 0, clearing.marginOf(a), 0);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
    }

    /// @dev The outage made every remote vault late, and its first word after it trips its breaker.
    function test_BRK_08_a_top_up_at_a_vault_that_the_outage_tripped_counts_within_the_grace() public {
        _noticeOutages();
        _trade(400e18, 2000e18);
        uint256 index = _grantFar(alice, 0);
        vm.warp(block.timestamp + 960);
        _setPrice(1700);
        uint256 until = block.timestamp + 1 hours;
        _hearVault();
        _learn(_grantOf(a, alice.addr, 1_000_000e6));
        assertEq(_counted(a, index), 0);
        while (block.timestamp < until) {
            vm.warp(block.timestamp + 49);
            _setPrice(1700);
            _hearVault();
            clearing.count(a, index);
        }
        assertEq(_counted(a, index), 1_000_000e6);
        vm.expectPartialRevert(Limits.NotLiquidatable.selector);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
    }

    function test_BRK_08_a_poke_without_a_price_neither_hides_an_outage_nor_starts_its_grace() public {
        _noticeOutages();
        uint256 last = block.timestamp;
        for (uint256 i; i < 4; ++i) {
            vm.warp(block.timestamp + 300);
            vm.prank(bob.addr);
            clearing.poke(new uint256[](0), new bytes[](0));
        }
        vm.expectEmit();
        emit Outages.Resumed(uint64(last), uint64(block.timestamp + 1));
        _setPrice(2000);
    }

    function testFuzz_BRK_08_while_prices_are_fresh_there_is_no_outage(uint8[16] memory waits) public {
        // The shortest that the parameters allow: a second above the oldest price and the step of noticing.
        clearing.setParameters(Blobs.amended(_parameters(), 2, 160, 121, 32));
        vm.recordLogs();
        for (uint256 i; i < 16; ++i) {
            _later(bound(waits[i], 1, 60));
        }
        assertEq(_count(vm.getRecordedLogs(), Outages.Resumed.selector), 0);
        bytes memory blob = Blobs.amended(_parameters(), 2, 160, 120, 32);
        vm.expectRevert(abi.encodeWithSelector(Misfits.BadParameters.selector, "general", 0));
        clearing.setParameters(blob);
    }

    /* LATE IS NOT FROZEN */

    function test_BRK_09_units_at_a_late_vault_go_home_from_a_healthy_account() public {
        uint256 index = _grantFar(alice, 1_000e6);
        _trade(10e18, 2000e18);
        _later(DEAD);
        venue.accrue(0);
        _pullMarket();
        assertEq(clearing.marginOf(a).maintenanceMarginBalance, 170_000e18, "they count nothing");
        vm.startPrank(alice.addr);
        clearing.release(a, index, 1_000e6);
        assertEq(_units(a, index), 0);
        vm.expectPartialRevert(Ledgers.BelowInitialMargin.selector);
        clearing.release(a, 0, 99e18);
    }
}
