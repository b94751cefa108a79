// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PythErrors} from "@pythnetwork/pyth-sdk-solidity/PythErrors.sol";
import {Clearing} from "../../src/clearing/Clearing.sol";
import {Closings} from "../../src/clearing/Closings.sol";
import {Ledgers, Outstanding} from "../../src/clearing/Ledger.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {PricePolicy, Prices} from "../../src/price/Prices.sol";
import {RecordBook} from "../../src/records/RecordBook.sol";
import {Kind, Outcome, Record} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {Blobs} from "../Blobs.sol";
import {Far} from "./Far.sol";

contract ClosingTest is Far {
    /// @dev The remote venue is dead and closed.
    function _close() private returns (uint256 until) {
        vm.warp(block.timestamp + DEAD_AGE);
        _setPrice(2000);
        clearing.closeVenue(1);
        return block.timestamp + GRACE;
    }

    /// @dev Closed, the grace over, the cached price that many dollars, and the first one after the grace too.
    function _closeAt(int64 dollars) private {
        uint256 until = _close();
        vm.warp(until + 1);
        _setPrice(dollars);
        _fix(dollars, until, until - 1);
    }

    /// @dev Shows a report of that time, before which the last was at `last`.
    function _fix(int64 dollars, uint256 time, uint256 last) private {
        clearing.priceClosed(1, _firstReport(dollars, 1e6, time, last));
    }

    function _fixRefused(int64 dollars, uint256 time, uint256 last, bytes4 error) private {
        bytes[] memory reports = _firstReport(dollars, 1e6, time, last);
        vm.expectRevert(error);
        clearing.priceClosed(1, reports);
    }

    function _firstReport(int64 dollars, uint64 confidence, uint256 time, uint256 last)
        private
        view
        returns (bytes[] memory reports)
    {
        int64 price = dollars * 1e8;
        reports = new bytes[](1);
        reports[0] =
            pyth.createPriceFeedUpdateData(ETH, price, confidence, -8, price, confidence, uint64(time), uint64(last));
    }

    function _closeRefused(uint256 venue, uint256 silence) private {
        vm.prank(keeper.addr);
        vm.expectRevert(abi.encodeWithSelector(Closings.VenueIsAlive.selector, venue, silence, DEAD_AGE));
        clearing.closeVenue(venue);
    }

    function _endedError() private view returns (bytes memory) {
        return abi.encodeWithSelector(RecordBook.PeerEnded.selector, REMOTE, REMOTE_VENUE);
    }

    function _lie() private returns (Outcome) {
        return _learn(_fillsOf(k, _fields(1e18, 0, 2_000e18, 0, 0, 0)));
    }

    /* WHEN A VENUE IS CLOSED */

    function test_CLO_01_a_venue_is_closed_when_its_newest_root_is_dead_age_old() public {
        _hear();
        uint256 newest = block.timestamp;
        vm.warp(newest + DEAD_AGE - 1);
        _closeRefused(1, DEAD_AGE - 1);
        vm.warp(newest + DEAD_AGE);
        vm.expectEmit();
        emit Closings.VenueClosed(1, remoteBlock, uint64(block.timestamp));
        clearing.closeVenue(1);
        assertTrue(clearing.ended(REMOTE, REMOTE_VENUE));
    }

    function test_CLO_01_old_roots_that_drip_in_keep_no_venue_alive() public {
        uint256 start = block.timestamp;
        vm.warp(start + DEAD_AGE);
        _attestAt(_marketRecord(), address(clearing), ++remoteBlock, uint64(start));
        clearing.closeVenue(1);
    }

    function test_CLO_01_a_root_ahead_of_the_clock_is_silence_of_nothing() public {
        _attestAt(_marketRecord(), address(clearing), ++remoteBlock, uint64(block.timestamp + 60));
        _closeRefused(1, 0);
    }

    function test_CLO_01_a_venue_that_never_spoke_is_silent_since_the_parameters_name_it() public {
        clearing.addVenue(2, address(0xB2));
        // A timelock may take longer than a venue that nobody uses yet may be silent.
        vm.warp(block.timestamp + 2 * DEAD_AGE);
        clearing.setParameters(_withThirdVenue());
        uint256 named = block.timestamp;
        _closeRefused(2, 0);
        vm.warp(named + DEAD_AGE - 1);
        clearing.setParameters(_withThirdVenue());
        _closeRefused(2, DEAD_AGE - 1);
        vm.warp(named + DEAD_AGE);
        clearing.closeVenue(2);
    }

    function _withThirdVenue() private pure returns (bytes memory blob) {
        blob = bytes.concat(
            Blobs.general(2, 1, 2, 3, 2, 0),
            Blobs.listing(0, 18, 0.2e18, 0.15e18, CAP, 0),
            Blobs.listing(1, 6, 0.05e18, 0.03e18, 1e15, 1),
            Blobs.underlying(0, 0.1e18, 0.05e18, 0, 1e30)
        );
        for (uint256 i; i < 2; ++i) {
            blob = bytes.concat(blob, Blobs.market(0, 0.03e18, 0.01e18, 500e18, i));
        }
        blob = bytes.concat(blob, Blobs.venue(0, false), Blobs.venue(0.05e18, true), Blobs.venue(0.05e18, true));
        return bytes.concat(blob, Blobs.vault(false), Blobs.vault(true));
    }

    /// @dev A clearing may have its parameters long before it has a price, and nobody need have carried roots to it meanwhile.
    function test_CLO_01_nor_is_a_venue_silent_before_the_first_price_of_all() public {
        Clearing fresh = new Clearing(roots, 10, pyth, PricePolicy(60, 60, 0.01e18), address(this));
        fresh.addFeed(ETH);
        fresh.addVenue(REMOTE, address(0xB2));
        fresh.setParameters(
            Blobs.amended(
                Blobs.amended(bytes.concat(Blobs.general(0, 0, 0, 1, 0, 0), Blobs.venue(0, true)), 2, 160, 900, 32),
                2,
                192,
                1 hours,
                32
            )
        );
        vm.warp(block.timestamp + 2 * DEAD_AGE);
        clearing = fresh;
        _poke();
        _closeRefused(0, 0);
        uint256 first = block.timestamp;
        while (block.timestamp < first + DEAD_AGE) {
            vm.warp(block.timestamp + 10 minutes);
            _poke();
        }
        clearing.closeVenue(0);
    }

    function _poke() private {
        bytes[] memory updates = new bytes[](1);
        updates[0] = _report(ETH, 2000e8, 1e6, block.timestamp);
        clearing.poke(new uint256[](1), updates);
    }

    function test_CLO_01_a_venue_that_contradicted_itself_is_closed_at_once() public {
        assertEq(uint8(_lie()), uint8(Outcome.CONTRADICTION));
        clearing.closeVenue(1);
    }

    function test_CLO_01_a_venue_on_this_chain_is_closed_by_no_silence() public {
        uint256 silence = 100 days;
        vm.warp(block.timestamp + silence);
        _closeRefused(0, silence);
    }

    function test_CLO_01_a_venue_is_closed_once_and_only_if_there_is_one() public {
        _close();
        vm.expectRevert(abi.encodeWithSelector(Closings.ClosedBefore.selector, 1));
        clearing.closeVenue(1);
        vm.expectRevert(abi.encodeWithSelector(Closings.UnknownVenue.selector, 2));
        clearing.closeVenue(2);
    }

    /* WHAT IS STILL LEARNED */

    function test_CLO_02_only_the_last_roots_records_are_learned_and_for_the_grace() public {
        _raise(alice, 1, 10e18, 0);
        _raise(bob, 1, 0, 10e18);
        Record memory early = _fillsOf(a, _fields(1e18, 0, 2_000e18, 0, 0, 0));
        bytes memory earlyProof = _attest(early, address(clearing));
        Record[] memory last = new Record[](3);
        last[0] = _marketRecord();
        last[1] = _fillsOf(a, _fields(10e18, 0, 20_000e18, 0, 0, 0));
        last[2] = _fillsOf(b, _fields(0, 10e18, 0, 20_000e18, 0, 0));
        bytes[] memory proofs = _attestAll(last);
        uint256 until = _close();
        Record memory late = _fillsOf(a, _fields(9e18, 0, 18_000e18, 0, 0, 0));
        _assertNotLearned(late, _attest(late, address(clearing)), _endedError());
        _assertNotLearned(early, earlyProof, _endedError());
        _learnWith(last[0], proofs[0]);
        assertEq(uint8(_learnWith(last[1], proofs[1])), uint8(Outcome.TAKEN));
        vm.warp(until);
        _setPrice(2000);
        vm.warp(until);
        assertEq(uint8(_learnWith(last[2], proofs[2])), uint8(Outcome.TAKEN));
        assertEq(_size(a, 1), 10e18);
        assertEq(_size(b, 1), -10e18);
        vm.warp(until + 1);
        _assertNotLearned(last[2], proofs[2], _endedError());
    }

    function test_CLO_02_what_a_liar_writes_after_its_contradiction_counts_for_nothing() public {
        _raise(alice, 1, 10e18, 0);
        Record[] memory records = new Record[](2);
        records[0] = _marketRecord();
        records[1] = _fillsOf(k, _fields(1e18, 0, 2_000e18, 0, 0, 0));
        assertEq(uint8(_learnAll(records)[1]), uint8(Outcome.CONTRADICTION));
        uint64 lastBlock = remoteBlock;
        // Days later nobody has closed it yet, and its keys sign what suits them.
        vm.warp(block.timestamp + 2 days);
        _setPrice(2000);
        Record memory lie = _fillsOf(a, _fields(10e18, 0, 20_600e18, 0, 0, 0));
        bytes memory proof = _attest(lie, address(clearing));
        vm.expectEmit();
        emit Closings.VenueClosed(1, lastBlock, uint64(block.timestamp));
        clearing.closeVenue(1);
        _assertNotLearned(lie, proof, _endedError());
    }

    function test_CLO_02_a_second_lie_in_the_last_root_changes_nothing() public {
        _raise(alice, 1, 10e18, 0);
        Record[] memory records = new Record[](3);
        records[0] = _marketRecord();
        records[1] = _fillsOf(k, _fields(1e18, 0, 2_000e18, 0, 0, 0));
        records[2] = _fillsOf(a, _fields(10e18, 0, 20_000e18, 0, 0, 0));
        bytes[] memory proofs = _attestAll(records);
        _learnWith(records[1], proofs[1]);
        clearing.closeVenue(1);
        assertEq(uint8(_learnWith(records[1], proofs[1])), uint8(Outcome.CONTRADICTION));
        _learnWith(records[0], proofs[0]);
        assertEq(uint8(_learnWith(records[2], proofs[2])), uint8(Outcome.TAKEN));
        vm.expectRevert(abi.encodeWithSelector(Closings.ClosedBefore.selector, 1));
        clearing.closeVenue(1);
    }

    function test_CLO_02_between_a_contradiction_and_the_closing_nothing_is_learned() public {
        _raise(alice, 1, 10e18, 0);
        _lie();
        Record memory record = _marketRecord();
        _assertNotLearned(record, _attest(record, address(clearing)), _endedError());
    }

    /* THE PRICE */

    function test_CLO_03_nothing_is_settled_before_the_grace_is_over() public {
        _tradeFar(10e18, 20_000e18);
        vm.expectRevert(abi.encodeWithSelector(Closings.NotClosed.selector, 1));
        clearing.settleClosed(a, 1);
        vm.expectRevert(abi.encodeWithSelector(Closings.NotClosed.selector, 1));
        clearing.priceClosed(1, new bytes[](0));
        uint256 until = _close();
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(Closings.GraceNotOver.selector, 1, until, until));
        clearing.settleClosed(a, 1);
        vm.expectRevert(abi.encodeWithSelector(Closings.GraceNotOver.selector, 1, until, until));
        clearing.priceClosed(1, new bytes[](0));
    }

    function test_CLO_03_the_grace_is_the_one_at_the_closing_whatever_the_parameters_say_later() public {
        _tradeFar(10e18, 20_000e18);
        uint256 until = _close();
        clearing.setParameters(Blobs.amended(_parameters(), 2, 32, 0, 32));
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(Closings.GraceNotOver.selector, 1, until, until));
        clearing.settleClosed(a, 1);
        vm.warp(until + 1);
        _fix(2000, until, until - 1);
    }

    function test_CLO_04_the_price_is_the_first_one_after_the_grace_so_nobody_picks_it() public {
        _tradeFar(10e18, 20_000e18);
        uint256 until = _close();
        vm.warp(until + 600);
        // The price of now, one of before the end, and the second after it are refused; only one report is the first.
        _setPrice(3000);
        _fixRefused(3000, block.timestamp, block.timestamp - 1, PythErrors.PriceFeedNotFoundWithinRange.selector);
        _fixRefused(1000, until - 1, until - 2, PythErrors.PriceFeedNotFoundWithinRange.selector);
        _fixRefused(2500, until + 3, until, PythErrors.PriceFeedNotFoundWithinRange.selector);
        bytes[] memory first = _firstReport(2100, 1e6, until + 2, until - 1);
        vm.expectEmit();
        emit Closings.ClosePriceFixed(1, 2100e18, until + 2);
        clearing.priceClosed(1, first);
        vm.expectRevert(abi.encodeWithSelector(Closings.PricedBefore.selector, 1));
        clearing.priceClosed(1, first);
        clearing.settleClosed(a, 1);
        assertEq(_cash(a), 1_000e18, "not at 3,000");
    }

    function test_CLO_04_a_first_price_that_is_too_uncertain_is_not_taken() public {
        _tradeFar(10e18, 20_000e18);
        uint256 until = _close();
        vm.warp(until + 1);
        bytes[] memory reports = _firstReport(2000, 20.1e8, until, until - 1);
        vm.expectRevert(abi.encodeWithSelector(Prices.PriceTooUncertain.selector, ETH, int64(2000e8), uint64(20.1e8)));
        clearing.priceClosed(1, reports);
    }

    function test_CLO_04_if_nobody_shows_it_for_an_hour_the_cached_price_is_taken() public {
        _tradeFar(10e18, 20_000e18);
        uint256 until = _close();
        vm.warp(until + 1 hours - 1);
        _setPrice(1900);
        bytes memory wait = abi.encodeWithSelector(Closings.NoClosePrice.selector, 1, until + 1 hours, until + 1 hours);
        vm.expectRevert(wait);
        clearing.settleClosed(a, 1);
        vm.warp(until + 1 hours + 61);
        vm.expectRevert(
            abi.encodeWithSelector(Ledgers.IndexTooOld.selector, 0, uint64(until + 1 hours), block.timestamp)
        );
        clearing.settleClosed(a, 1);
        _setPrice(1900);
        clearing.settleClosed(a, 1);
        _setPrice(2500);
        clearing.settleClosed(b, 1);
        assertEq(_cash(a), -1_000e18);
        assertEq(_cash(b), 1_000e18, "at the same price");
    }

    /* THE SETTLEMENT */

    function test_CLO_05_positions_become_cash_at_the_price_and_the_house_keeps_the_residue() public {
        // One unit beyond ten ether on either side: each rounds against its account.
        _tradeFar(10e18 + 1, 20_000e18 + 2_000);
        _closeAt(2100);
        vm.expectEmit();
        emit Ledgers.PositionSettled(a, 1, 10e18 + 1, 2100e18);
        clearing.settleClosed(a, 1);
        clearing.settleClosed(b, 1);
        assertEq(_cash(a), 1_000e18 + 100);
        assertEq(_cash(b), -1_000e18 - 100);
        assertEq(_house(), 0);
        assertEq(_size(a, 1), 0);
        assertEq(clearing.accountOf(a).markets, 0);
        vm.expectRevert(abi.encodeWithSelector(Closings.NothingToSettle.selector, a, 1));
        clearing.settleClosed(a, 1);
        assertEq(_allMoney(), 0);
    }

    function testFuzz_CLO_05_money_and_the_house_are_nothing_together(uint112 size, uint256 price) public {
        size = uint112(bound(size, 0.01e18, 100e18));
        price = bound(price, 1500, 2500);
        _tradeFar(size, uint128(uint256(size) * 2000));
        _closeAt(int64(uint64(price)));
        clearing.settleClosed(a, 1);
        assertEq(_allMoney(), 0);
        clearing.settleClosed(b, 1);
        assertEq(_allMoney(), 0);
        assertGe(_house(), 0, "residues are the house's");
        assertLe(_house(), 1);
    }

    function test_CLO_05_the_house_stands_in_for_the_side_that_was_never_shown() public {
        _raise(alice, 1, 10e18, 0);
        _raise(bob, 1, 0, 10e18);
        _learn(_fillsOf(a, _fields(10e18, 0, 20_000e18, 0, 0, 0)));
        _closeAt(2100);
        clearing.settleClosed(a, 1);
        clearing.settleClosed(b, 1);
        assertEq(_cash(a), 1_000e18);
        assertEq(_cash(b), 0, "what was never shown is void");
        assertEq(_house(), -21_000e18, "it paid the position's worth; the 20,000 that Alice paid went to nobody");
    }

    function test_CLO_05_limits_are_charged_until_the_settlement_and_free_after_it() public {
        _tradeFar(10e18, 20_000e18);
        _raise(alice, 1, 5e18, 5e18);
        uint256 required = clearing.marginOf(a).maintenanceMargin;
        uint256 until = _close();
        assertGe(clearing.marginOf(a).maintenanceMargin, required, "E5: still charged");
        vm.prank(alice.addr);
        clearing.voidLimits(a, 1);
        (, Outstanding memory left) = clearing.positionOf(a, 1);
        assertEq(left.buy, 5e18, "the venue will not forfeit them any more");
        vm.warp(until + 1);
        _setPrice(2000);
        _fix(2000, until, until - 1);
        clearing.settleClosed(a, 1);
        (, left) = clearing.positionOf(a, 1);
        assertEq(left.buy, 0);
        assertEq(left.sell, 0);
        assertEq(clearing.accountOf(a).limited, 0);
        assertEq(clearing.marginOf(a).maintenanceMargin, 0);
    }

    /* NOTHING IS WON ON THE WAY */

    /// @dev Long at the dead venue, short as much at the living one.
    function _hedge() private {
        _tradeFar(100e18, 200_000e18);
        _raise(alice, 0, 0, 100e18);
        _raise(bob, 0, 100e18, 0);
        Order memory maker = _order(bob, true, 100e18, 2000e18);
        Order memory taker = _order(alice, false, 100e18, 2000e18);
        venue.fill(maker, _signOrder(bob, maker), taker, _signOrder(alice, taker), 100e18);
        _pullFills();
    }

    function test_CLO_06_a_leg_whose_price_is_fixed_hedges_nothing_any_more() public {
        _hedge();
        _closeAt(2000);
        // The price doubles. The index would show two legs that make up for each other; one of them is worth 2,000 for good.
        _setPrice(4000);
        venue.accrue(0);
        _pullMarket();
        Margin memory margin = clearing.marginOf(a);
        assertGt(margin.initialMarginBalance, int256(margin.initialMargin), "by the index");
        // 99 WETH count 316,800; she has lost 200,000 on the short, and 10 % of 400,000 are required with the loss.
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.BelowInitialMargin.selector, 36_800e18, 40_000e18));
        clearing.release(a, 0, 26e18);
        clearing.payFunding(a);
        assertEq(_size(a, 1), 0, "anyone settles her");
        assertEq(_size(a, 0), -100e18);
    }

    function test_CLO_06_no_limit_and_no_release_while_a_closed_position_has_no_price() public {
        _hedge();
        uint256 until = _close();
        vm.warp(until + 1);
        _setPrice(4000);
        venue.accrue(0);
        _pullMarket();
        bytes memory error = abi.encodeWithSelector(Ledgers.PositionUnpriced.selector, 1, until, block.timestamp);
        vm.startPrank(alice.addr);
        vm.expectRevert(error);
        clearing.release(a, 0, 1);
        vm.expectRevert(error);
        clearing.raiseLimits(a, 0, 1e18, 0);
        vm.stopPrank();
        _fix(4000, until, until - 1);
        vm.prank(alice.addr);
        clearing.release(a, 0, 1);
    }

    function test_CLO_06_a_liquidation_settles_what_has_its_price_first() public {
        _hedge();
        _closeAt(2000);
        _setPrice(11_000);
        Margin memory margin = clearing.marginOf(a);
        assertGe(margin.maintenanceMarginBalance, int256(margin.maintenanceMargin), "by the index");
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        assertEq(_size(k, 1), 0, "no leg of the dead venue moves");
        assertLt(_size(k, 0), 0);
    }

    function test_CLO_07_positions_move_by_liquidation_during_the_grace_and_are_settled_where_they_are() public {
        _tradeFar(400e18, 800_000e18);
        _close();
        _setPrice(1780);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        int256 moved = _size(k, 1);
        assertGt(moved, 0);
        assertEq(_size(a, 1) + moved, 400e18);
        vm.warp(block.timestamp + GRACE + 1 hours);
        _setPrice(1800);
        clearing.settleClosed(a, 1);
        clearing.settleClosed(b, 1);
        clearing.settleClosed(k, 1);
        assertEq(_allMoney(), 0);
        assertGe(_house(), 0);
        assertLe(_house(), 3);
    }

    function test_CLO_08_a_dead_venue_locks_nobody_in() public {
        _tradeFar(10e18, 20_000e18);
        _raise(alice, 1, 1e18, 0);
        vm.warp(block.timestamp + DEAD_AGE);
        _setPrice(2000);
        vm.prank(alice.addr);
        vm.expectRevert();
        clearing.release(a, 0, 1e18);
        _closeAt(2000);
        vm.startPrank(alice.addr);
        clearing.release(a, 0, 100e18);
        vault.withdraw(address(weth), 100e18, alice.addr);
        assertEq(weth.balanceOf(alice.addr), 100e18);
    }

    function test_CLO_09_a_venue_on_this_chain_that_lied_is_closed_and_settled_alike() public {
        _trade(10e18, 2000e18);
        vm.prank(address(venue));
        clearing.push(
            Record(Kind.FILLS, block.chainid, address(venue), k, 0, address(0), _fields(1e18, 0, 2_000e18, 0, 0, 0))
        );
        clearing.closeVenue(0);
        uint256 until = block.timestamp + GRACE;
        Order memory maker = _order(bob, false, 1e18, 2000e18);
        Order memory taker = _order(alice, true, 1e18, 2000e18);
        (bytes memory one, bytes memory two) = (_signOrder(bob, maker), _signOrder(alice, taker));
        vm.expectRevert();
        venue.fill(maker, one, taker, two, 1e18);
        vm.warp(until + 1);
        _setPrice(2200);
        clearing.priceClosed(0, _firstReport(2200, 1e6, until, until - 1));
        clearing.settleClosed(a, 0);
        clearing.settleClosed(b, 0);
        assertEq(_cash(a), 2_000e18);
        assertEq(_cash(b), -2_000e18);
        assertEq(_house(), 0);
    }

    function test_CLO_11_governance_closes_a_venue_that_lives_and_forfeits_nothing() public {
        _tradeFar(10e18, 20_000e18);
        _raise(alice, 1, 30e18, 0);
        vm.prank(alice.addr);
        clearing.voidLimits(a, 1);
        // It goes on saying that it filled ten of forty, and forfeits none.
        _learn(_fillsOf(a, _fields(10e18, 0, 20_000e18, 0, 0, 0)));
        vm.prank(alice.addr);
        vm.expectPartialRevert(Ledgers.BelowInitialMargin.selector);
        clearing.release(a, 0, 99e18);
        _closeRefused(1, 0);
        uint64 lastBlock = remoteBlock;
        vm.expectEmit();
        emit Closings.VenueClosed(1, lastBlock, uint64(block.timestamp));
        clearing.closeVenue(1);
        uint256 until = block.timestamp + GRACE;
        vm.warp(until + 1);
        _setPrice(2000);
        _fix(2000, until, until - 1);
        vm.prank(alice.addr);
        clearing.release(a, 0, 100e18);
        assertEq(_size(a, 1), 0);
    }

    function test_CLO_11_governance_closes_a_venue_on_this_chain_that_answers_nobody() public {
        _trade(10e18, 2000e18);
        _raise(alice, 0, 1e18, 0);
        vm.mockCallRevert(address(venue), bytes(""), "gone");
        vm.warp(block.timestamp + 601);
        uint256[] memory feeds = new uint256[](1);
        bytes[] memory updates = new bytes[](1);
        updates[0] = _report(ETH, 2000e8, 1e6, block.timestamp);
        clearing.poke(feeds, updates);
        vm.prank(alice.addr);
        vm.expectPartialRevert(Ledgers.RecordTooOld.selector);
        clearing.release(a, 0, 1e18);
        clearing.closeVenue(0);
        uint256 until = block.timestamp + GRACE;
        vm.warp(until + 1);
        clearing.priceClosed(0, _firstReport(2000, 1e6, until, until - 1));
        updates[0] = _report(ETH, 2000e8, 1e6, block.timestamp);
        clearing.poke(feeds, updates);
        vm.prank(alice.addr);
        clearing.release(a, 0, 100e18);
    }

    function test_CLO_10_a_peer_that_heard_of_the_future_contradicts_itself() public {
        uint128[6] memory fields = _fields(uint128(block.timestamp + 1), 0, 0, 0, 0, 0);
        Record memory heard = Record(Kind.HEARD, REMOTE, REMOTE_VENUE, 0, 0, address(0), fields);
        uint256 required = clearing.marginOf(a).initialMargin;
        assertEq(uint8(_learn(heard)), uint8(Outcome.CONTRADICTION));
        assertTrue(clearing.ended(REMOTE, REMOTE_VENUE));
        assertEq(clearing.marginOf(a).initialMargin, required);
        heard.writer = REMOTE_VAULT;
        heard.fields[0] = uint128(1) << 32 | uint128(block.timestamp);
        assertEq(uint8(_learn(heard)), uint8(Outcome.CONTRADICTION), "not cut to 32 bits either");
    }
}
