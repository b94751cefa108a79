// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Batch} from "../../src/batch/Batch.sol";
import {Ledgers, Outstanding} from "../../src/clearing/Ledger.sol";
import {Learning} from "../../src/clearing/Learning.sol";
import {Key, Kind, LocalRecord, Outcome, Record} from "../../src/records/Records.sol";
import {RecordBook} from "../../src/records/RecordBook.sol";
import {Order} from "../../src/venue/Orders.sol";
import {Venue} from "../../src/venue/Venue.sol";
import {Far} from "./Far.sol";

/// @title What a venue on the clearing's chain fills is written there, and learned when somebody pulls it.
contract LocalFillsTest is Far {
    uint64 private _nonce = 1;

    /// @dev A fill that nobody pulls.
    function _fillUnseen(uint128 size, uint96 price) private {
        bytes memory call = _fillCall(size, price);
        (bool success,) = address(venue).call(call);
        assertTrue(success);
    }

    function _fillCall(uint128 size, uint96 price) private returns (bytes memory) {
        Order memory maker = _order(bob, false, size, price);
        Order memory taker = _order(alice, true, size, price);
        (maker.nonce, taker.nonce) = (++_nonce, _nonce);
        return abi.encodeCall(Venue.fill, (maker, _signOrder(bob, maker), taker, _signOrder(alice, taker), size));
    }

    function _limitBoth(uint112 size) private {
        _raise(alice, 0, size, 0);
        _raise(bob, 0, 0, size);
    }

    function _key(Kind kind, bytes32 account) private view returns (Key memory) {
        return Key(kind, block.chainid, address(venue), block.chainid, address(clearing), account, 0, address(0));
    }

    /// @dev From now on the venue says this of an account's fills.
    function _lie(bytes32 account, uint128[6] memory fields) private {
        bytes memory question = abi.encodeCall(RecordBook.writtenOf, (_key(Kind.FILLS, account)));
        vm.mockCall(address(venue), question, abi.encode(fields));
    }

    /// @dev From now on the venue answers nobody.
    function _silence() private {
        vm.mockCallRevert(address(venue), abi.encodeWithSelector(RecordBook.writtenOf.selector), "gone");
    }

    function _ended() private view returns (bool) {
        return clearing.ended(block.chainid, address(venue));
    }

    function _pullOf(bytes32 account) private returns (Outcome) {
        LocalRecord[] memory records = new LocalRecord[](2);
        records[0] = LocalRecord(Kind.MARKET, address(venue), 0, 0, address(0));
        records[1] = _localFillsOf(account);
        return clearing.pull(records)[1];
    }

    /* PULLING */

    function test_REC_18_a_fill_only_writes_and_anyone_has_it_learned_later() public {
        _limitBoth(10e18);
        bytes32 before = _outcomeOf();
        _fillUnseen(10e18, 2000e18);
        assertEq(_outcomeOf(), before, "the clearing has not heard of it");
        vm.roll(block.number + 5);
        vm.prank(address(0xABCD));
        Outcome[] memory outcomes = _pullFills();
        for (uint256 i; i < 3; ++i) {
            assertEq(uint8(outcomes[i]), uint8(Outcome.TAKEN));
        }
        assertEq(_size(a, 0), 10e18);
        assertEq(_size(b, 0), -10e18);
        (, uint64 blockNumber, uint64 asOf) = clearing.learnedOf(_key(Kind.FILLS, a));
        assertEq(blockNumber, block.number, "as from a checkpoint at this block");
        assertEq(asOf, block.timestamp);
    }

    function test_REC_18_a_fill_calls_no_clearing_so_nobody_sees_half_of_it() public {
        _limitBoth(10e18);
        vm.expectCall(address(clearing), "", 0);
        _fillUnseen(10e18, 2000e18);
    }

    function _outcomeOf() private view returns (bytes32) {
        (, Outstanding memory left) = clearing.positionOf(a, 0);
        return keccak256(abi.encode(_size(a, 0), _size(b, 0), _allMoney(), left, clearing.digest()));
    }

    function test_REC_18_more_fills_of_the_same_block_are_taken_and_the_same_again_only_refreshes() public {
        _limitBoth(10e18);
        _fillUnseen(4e18, 2000e18);
        _pullFills();
        _fillUnseen(6e18, 2001e18);
        assertEq(uint8(_pullFills()[1]), uint8(Outcome.TAKEN));
        assertEq(_size(a, 0), 10e18);
        vm.warp(block.timestamp + 10);
        bytes32 before = _state();
        assertEq(uint8(_pullFills()[1]), uint8(Outcome.TAKEN));
        assertEq(_state(), before);
        (,, uint64 asOf) = clearing.learnedOf(_key(Kind.FILLS, a));
        assertEq(asOf, block.timestamp);
    }

    /// @dev In whatever portions it is learned, the same has been filled.
    function testFuzz_REC_18_pulling_between_fills_changes_nothing_in_the_end(uint8 pulls, uint64[4] memory sizes)
        public
    {
        _limitBoth(40e18);
        uint256 snapshot = vm.snapshotState();
        bytes32[2] memory ends;
        for (uint256 run; run < 2; ++run) {
            for (uint256 i; i < 4; ++i) {
                _fillUnseen(uint128(bound(sizes[i], 0.01e18, 10e18)), 2000e18);
                if (run == 1 && pulls >> i & 1 == 1) _pullFills();
                if (pulls >> (4 + i) & 1 == 1) vm.roll(block.number + 1);
            }
            _pullFills();
            ends[run] = keccak256(abi.encode(_outcomeOf(), clearing.accountOf(a), clearing.accountOf(b)));
            vm.revertToState(snapshot);
        }
        assertEq(ends[0], ends[1]);
    }

    function test_REC_18_a_fill_and_its_pull_fit_in_one_transaction() public {
        _limitBoth(5e18);
        LocalRecord[] memory records = new LocalRecord[](3);
        records[0] = LocalRecord(Kind.MARKET, address(venue), 0, 0, address(0));
        (records[1], records[2]) = (_localFillsOf(a), _localFillsOf(b));
        Batch.Call3[] memory calls = new Batch.Call3[](2);
        calls[0] = Batch.Call3(address(venue), false, _fillCall(5e18, 2000e18));
        calls[1] = Batch.Call3(address(clearing), false, abi.encodeCall(RecordBook.pull, (records)));
        new Batch().aggregate3(calls);
        assertEq(_size(a, 0), 5e18);
    }

    function test_REC_18_a_stranger_and_a_record_for_another_reader_are_not_pulled() public {
        _limitBoth(5e18);
        LocalRecord[] memory records = new LocalRecord[](1);
        records[0] = LocalRecord(Kind.FILLS, address(vault), a, 0, address(0));
        bytes memory error =
            abi.encodeWithSelector(RecordBook.UnknownPeer.selector, Kind.FILLS, block.chainid, address(vault));
        vm.expectRevert(error);
        clearing.pull(records);
        // What the clearing wrote for the venue is nothing that the venue wrote for the clearing.
        records[0] = LocalRecord(Kind.LIMIT, address(venue), a, 0, address(0));
        vm.expectRevert(
            abi.encodeWithSelector(RecordBook.UnknownPeer.selector, Kind.LIMIT, block.chainid, address(venue))
        );
        clearing.pull(records);
    }

    function test_REC_18_what_a_vault_could_not_honor_is_pulled_again() public {
        LocalRecord[] memory records = new LocalRecord[](1);
        bytes32 item = bytes32(uint256(uint160(address(weth))));
        records[0] = LocalRecord(Kind.LEDGER, address(clearing), a, item, alice.addr);
        vm.prank(alice.addr);
        clearing.release(a, 0, 1e18);
        assertEq(uint8(vault.pull(records)[0]), uint8(Outcome.TAKEN));
        assertEq(vault.free(alice.addr, address(weth)), 1e18, "once");
    }

    function test_FND_22_local_fills_come_behind_their_markets_record_too() public {
        _limitBoth(5e18);
        _fillUnseen(5e18, 2000e18);
        vm.roll(block.number + 1);
        LocalRecord[] memory records = new LocalRecord[](1);
        records[0] = _localFillsOf(a);
        vm.expectRevert(abi.encodeWithSelector(Learning.MarketRecordTooOld.selector, 0, 0, block.number));
        clearing.pull(records);
    }

    /* LIES */

    function test_REC_13_a_local_venue_whose_word_shrinks_between_two_pulls_is_over() public {
        _limitBoth(10e18);
        _fillUnseen(10e18, 2000e18);
        _pullFills();
        vm.roll(block.number + 1);
        _lie(a, _fields(9e18, 0, 18_000e18, 0, 0, 0));
        bytes32 before = _state();
        assertEq(uint8(_pullOf(a)), uint8(Outcome.CONTRADICTION));
        assertTrue(_ended());
        assertEq(_state(), before);
    }

    function test_MRG_20_a_local_venue_that_says_more_than_the_limit_is_over() public {
        _limitBoth(10e18);
        _lie(a, _fields(10e18 + 1, 0, 20_000e18, 0, 0, 0));
        assertEq(uint8(_pullOf(a)), uint8(Outcome.CONTRADICTION));
        assertTrue(_ended());
        vm.clearMockedCalls();
        vm.expectRevert(abi.encodeWithSelector(RecordBook.PeerEnded.selector, block.chainid, address(venue)));
        this.pullAgain();
    }

    function pullAgain() external {
        _pullFills();
    }

    function test_REC_04_a_local_record_with_a_field_that_its_kind_has_not_is_refused() public {
        bytes memory question = abi.encodeCall(RecordBook.writtenOf, (_key(Kind.MARKET, 0)));
        vm.mockCall(address(venue), question, abi.encode(_fields(0, 0, 0, 1, 0, 0)));
        vm.expectRevert(abi.encodeWithSelector(RecordBook.UnusedField.selector, Kind.MARKET, 3));
        this.pullAgain();
    }

    /* WHO DECIDES PULLS FIRST */

    function test_CLR_12_a_release_knows_what_was_just_filled() public {
        _limitBoth(100e18);
        _fillUnseen(100e18, 2000e18);
        vm.roll(block.number + 1);
        // A hundred ETH ask for 20,000: thirteen WETH count 20,800.
        vm.prank(alice.addr);
        clearing.release(a, 0, 87e18);
        assertEq(_size(a, 0), 100e18);
        (, Outstanding memory left) = clearing.positionOf(a, 0);
        assertEq(left.buy, 0, "the band on it is not charged any more");
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.BelowInitialMargin.selector, 19_200e18, 20_000e18));
        clearing.release(a, 0, 1e18);
    }

    function test_CLR_12_a_new_limit_knows_what_was_just_filled() public {
        _limitBoth(100e18);
        _fillUnseen(100e18, 2000e18);
        _raise(alice, 0, 0, 100e18);
        assertEq(_size(a, 0), 100e18);
        _raise(bob, 1, 1e18, 0);
        assertEq(_size(b, 0), -100e18, "at whatever venue");
    }

    function test_CLR_12_a_loss_that_nobody_pulled_is_in_the_release_that_it_forbids() public {
        // Bought at the top of the venue's band, a hundred cost 4,000 at once.
        _limitBoth(100e18);
        _fillUnseen(100e18, 2040e18);
        int256 known = clearing.marginOf(a).initialMarginBalance;
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.BelowInitialMargin.selector, 16_800e18, 20_000e18));
        clearing.release(a, 0, 87e18);
        assertEq(clearing.marginOf(a).initialMarginBalance, known);
    }

    function test_CLR_12_a_liquidator_is_judged_by_its_own_newest_fills() public {
        _trade(400e18, 2000e18);
        _raise(keeper, 0, 0, 50e18);
        _raise(alice, 0, 50e18, 0);
        Order memory maker = _order(keeper, false, 50e18, 2000e18);
        Order memory taker = _order(alice, true, 50e18, 2000e18);
        (maker.nonce, taker.nonce) = (5, 5);
        venue.fill(maker, _signOrder(keeper, maker), taker, _signOrder(alice, taker), 50e18);
        _setPrice(1700);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        (uint128[6] memory known,,) = clearing.learnedOf(_key(Kind.FILLS, k));
        assertEq(known[1], 50e18);
        (known,,) = clearing.learnedOf(_key(Kind.FILLS, a));
        assertEq(known[0], 450e18, "and so is who is liquidated");
        assertEq(_size(a, 0) + _size(b, 0) + _size(k, 0), 0);
    }

    function test_CLR_03_a_local_record_that_cannot_be_pulled_is_believed_for_its_age_only() public {
        _limitBoth(10e18);
        _pullFills();
        uint64 asOf = uint64(block.timestamp);
        _silence();
        vm.warp(block.timestamp + 600);
        _setPriceAtClearing();
        vm.prank(alice.addr);
        clearing.release(a, 0, 1e18);
        vm.warp(block.timestamp + 1);
        vm.startPrank(alice.addr);
        bytes memory error = abi.encodeWithSelector(Ledgers.RecordTooOld.selector, 0, asOf, block.timestamp);
        vm.expectRevert(error);
        clearing.release(a, 0, 1e18);
        vm.expectRevert(error);
        clearing.raiseLimits(a, 1, 1e18, 0);
    }

    function test_CLR_03_a_local_venue_that_contradicts_itself_while_it_is_asked_makes_no_record_younger() public {
        _limitBoth(10e18);
        _pullFills();
        uint64 asOf = uint64(block.timestamp);
        _lie(a, _fields(10e18 + 1, 0, 20_000e18, 0, 0, 0));
        vm.warp(block.timestamp + 601);
        _setPriceAtClearing();
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.RecordTooOld.selector, 0, asOf, block.timestamp));
        clearing.release(a, 0, 1e18);
    }

    /// @dev Without the second that a poke takes, and without the venue.
    function _setPriceAtClearing() private {
        bytes[] memory updates = new bytes[](2);
        updates[0] = _report(ETH, 2000e8, 1e6, block.timestamp);
        updates[1] = _report(USD, 1e8, 1e4, block.timestamp);
        uint256[] memory feeds = new uint256[](2);
        feeds[1] = 1;
        clearing.poke(feeds, updates);
    }

    function test_CLR_12_a_venue_that_answers_nobody_keeps_nobody_from_being_liquidated() public {
        _trade(400e18, 2000e18);
        _raise(alice, 0, 10e18, 0);
        _setPrice(1700);
        _silence();
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        assertGt(_size(k, 0), 0);
        (, Outstanding memory left) = clearing.positionOf(a, 0);
        assertEq(left.buy, 10e18, "charged until it is shown forfeited");
    }

    function test_MRG_21_a_local_fill_outside_the_clearings_band_waits_for_the_report_it_was_made_at() public {
        _limitBoth(5e18);
        _pullFills();
        // Only the venue hears of the new price.
        vm.warp(block.timestamp + 1);
        bytes[] memory updates = new bytes[](1);
        updates[0] = _report(ETH, 2200e8, 1e6, block.timestamp);
        venue.poke(new uint256[](1), updates);
        _fillUnseen(5e18, 2200e18);
        bytes32 before = _state();
        vm.expectRevert(abi.encodeWithSelector(Learning.FillOutsideBand.selector, 0, 1940e18, 2060e18));
        this.pullAgain();
        assertEq(_state(), before);
        assertFalse(_ended(), "an honest venue is not ended by a race");
        clearing.widenIndex(0, updates);
        _pullFills();
        assertEq(_size(a, 0), 5e18);
        assertEq(_size(b, 0), -5e18);
    }

    /* THE END */

    function test_CLO_09_what_nobody_pulled_before_a_local_venue_ended_is_void_for_both_sides() public {
        _limitBoth(10e18);
        _fillUnseen(4e18, 2000e18);
        _pullFills();
        _fillUnseen(6e18, 2000e18);
        _lie(k, _fields(1, 0, 2000, 0, 0, 0));
        assertEq(uint8(_pullOf(k)), uint8(Outcome.CONTRADICTION));
        vm.expectRevert(abi.encodeWithSelector(RecordBook.PeerEnded.selector, block.chainid, address(venue)));
        this.pullAgain();
        clearing.closeVenue(0);
        vm.expectRevert(abi.encodeWithSelector(RecordBook.PeerEnded.selector, block.chainid, address(venue)));
        this.pullAgain();
        vm.warp(block.timestamp + GRACE + 2 hours);
        _setPrice(2200);
        clearing.settleClosed(a, 0);
        clearing.settleClosed(b, 0);
        assertEq(_cash(a), 800e18, "four of the ten");
        assertEq(_cash(b), -800e18);
        assertEq(_house(), 0);
        (, Outstanding memory left) = clearing.positionOf(a, 0);
        assertEq(left.buy, 0);
        vm.prank(alice.addr);
        clearing.release(a, 0, 100e18);
    }
}
