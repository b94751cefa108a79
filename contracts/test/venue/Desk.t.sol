// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";
import {Market, Outstanding, Position} from "../../src/clearing/Ledger.sol";
import {Key, Kind, LocalRecord, Outcome} from "../../src/records/Records.sol";
import {Blobs} from "../Blobs.sol";
import {World} from "../World.sol";
import {Desk} from "./Desk.sol";

/// @title Somebody's own venue under the clearing, from its first limit to its end: docs/venue.md.
contract DeskTest is World {
    uint256 private constant MARKET = 2;
    uint256 private constant VENUE = 2;
    Desk private desk;

    function setUp() public override {
        super.setUp();
        desk = new Desk(clearing, 0, address(this));
        clearing.addVenue(block.chainid, address(desk));
        clearing.addMarket(Market(block.chainid, address(desk), 0));
        clearing.setParameters(_withDesk());
        _fund(alice, 20e18);
        _fund(bob, 100e18);
        _fund(keeper, 200e18);
    }

    function _withDesk() private pure returns (bytes memory blob) {
        blob = bytes.concat(
            Blobs.general(2, 1, 3, 3, 2, 0),
            Blobs.listing(0, 18, 0.2e18, 0.15e18, CAP, 0),
            Blobs.listing(1, 6, 0.05e18, 0.03e18, 1e15, 1),
            Blobs.underlying(0, 0.1e18, 0.05e18, 0, 1e30)
        );
        for (uint256 i; i < 3; ++i) {
            blob = bytes.concat(blob, Blobs.market(0, 0.03e18, 0.01e18, 500e18, i));
        }
        blob = bytes.concat(blob, Blobs.venue(0, false), Blobs.venue(0.05e18, true), Blobs.venue(0, false));
        return bytes.concat(blob, Blobs.vault(false), Blobs.vault(true));
    }

    function _trade(uint128 size) private {
        desk.trade(a, b, size, 2000e18);
    }

    function _limit(uint112 size) private {
        _raise(alice, MARKET, size, 0);
        _raise(bob, MARKET, 0, size);
    }

    /// @dev As relayers, keepers and the clearing itself do: fills behind the record of their market.
    function _pull() private {
        LocalRecord[] memory records = new LocalRecord[](3);
        records[0] = LocalRecord(Kind.MARKET, address(desk), 0, 0, address(0));
        records[1] = LocalRecord(Kind.FILLS, address(desk), a, 0, address(0));
        records[2] = LocalRecord(Kind.FILLS, address(desk), b, 0, address(0));
        Outcome[] memory outcomes = clearing.pull(records);
        for (uint256 i; i < outcomes.length; ++i) {
            assertEq(uint8(outcomes[i]), uint8(Outcome.TAKEN));
        }
    }

    function _left(bytes32 account) private view returns (uint256 buy, uint256 sell) {
        (, Outstanding memory left) = clearing.positionOf(account, MARKET);
        return (left.buy, left.sell);
    }

    function test_a_trade_becomes_two_positions_for_whoever_has_it_pulled() public {
        _limit(10e18);
        _trade(4e18);
        assertEq(_size(a, MARKET), 0, "written, and not learned yet");
        vm.prank(address(0xABCD));
        _pull();
        assertEq(_size(a, MARKET), 4e18);
        assertEq(_size(b, MARKET), -4e18);
        (Position memory bought,) = clearing.positionOf(a, MARKET);
        (Position memory sold,) = clearing.positionOf(b, MARKET);
        assertEq(bought.quote, -8000e18);
        assertEq(sold.quote, 8000e18, "what one pays the other receives");
        (uint256 buy,) = _left(a);
        assertEq(buy, 6e18);
        _trade(6e18);
        _pull();
        assertEq(_size(a, MARKET), 10e18);
    }

    function test_the_first_limit_is_answered_with_zeros_behind_the_record_of_the_market() public {
        vm.recordLogs();
        _raise(alice, MARKET, 1e18, 0);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256[] memory kinds = new uint256[](3);
        uint256 count;
        bytes32 recorded = keccak256("Recorded(uint8,uint256,address,bytes32,bytes32,address,uint128[6],bytes32)");
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter == address(desk) && logs[i].topics[0] == recorded) {
                kinds[count++] = uint256(logs[i].topics[1]);
            }
        }
        assertEq(count, 2);
        assertEq(kinds[0], uint256(Kind.MARKET));
        assertEq(kinds[1], uint256(Kind.FILLS));
    }

    function test_nobody_trades_beyond_a_limit_outside_the_band_or_by_another_hand() public {
        _limit(10e18);
        vm.expectRevert(abi.encodeWithSelector(Desk.LimitExceeded.selector, a, 10e18 + 1, 10e18));
        desk.trade(a, b, 10e18 + 1, 2000e18);
        vm.expectRevert(abi.encodeWithSelector(Desk.BadTrade.selector, 1e18, 2041e18, 2000e18));
        desk.trade(a, b, 1e18, 2041e18);
        vm.expectRevert(abi.encodeWithSelector(Desk.NotAllowed.selector, bob.addr));
        vm.prank(bob.addr);
        desk.trade(a, b, 1e18, 2000e18);
        vm.warp(block.timestamp + 61);
        vm.expectRevert(abi.encodeWithSelector(Desk.BadTrade.selector, 1e18, 2000e18, 2000e18));
        desk.trade(a, b, 1e18, 2000e18);
    }

    function test_what_is_voided_and_not_filled_is_forfeited_in_the_same_transaction() public {
        _limit(10e18);
        _trade(4e18);
        vm.prank(alice.addr);
        clearing.voidLimits(a, MARKET);
        (uint256 buy,) = desk.leftOf(a);
        assertEq(buy, 0);
        vm.expectRevert(abi.encodeWithSelector(Desk.LimitExceeded.selector, a, 1e18, 0));
        _trade(1e18);
        _pull();
        (buy,) = _left(a);
        assertEq(buy, 0, "and charged no more");
        assertEq(_size(a, MARKET), 4e18);
        _raise(alice, MARKET, 2e18, 0);
        (buy,) = desk.leftOf(a);
        assertEq(buy, 2e18, "a new limit is whole");
    }

    function test_a_liquidation_voids_what_is_left_here_and_takes_positions_over() public {
        _limit(100e18);
        _trade(90e18);
        _pull();
        _setPrice(1750);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        assertGt(_size(k, MARKET), 0);
        assertEq(_size(a, MARKET) + _size(k, MARKET), 90e18);
        (uint256 buy,) = desk.leftOf(a);
        assertEq(buy, 0);
    }

    /// @dev As a publisher does; and an account with a position may loosen again.
    function test_a_market_that_accrues_nothing_says_so_when_asked() public {
        _limit(2e18);
        _trade(1e18);
        _pull();
        vm.warp(block.timestamp + 2 hours);
        _setPrice(2000);
        desk.poke(new uint256[](1), new bytes[](0));
        desk.accrue(0);
        _pull();
        _raise(alice, MARKET, 1e18, 0);
    }

    function test_closed_by_governance_it_fills_nothing_and_its_positions_end_in_cash() public {
        _limit(10e18);
        _trade(4e18);
        clearing.closeVenue(VENUE);
        assertTrue(desk.isClosed());
        vm.expectRevert(Desk.Over.selector);
        _trade(1e18);
        _pull();
        vm.prank(alice.addr);
        clearing.voidLimits(a, MARKET);
        LocalRecord[] memory records = new LocalRecord[](1);
        records[0] = LocalRecord(Kind.LIMIT, address(clearing), a, 0, address(0));
        desk.pull(records);
        (uint256 buy,) = desk.leftOf(a);
        assertEq(buy, 0, "what is void is still forfeited");
        vm.warp(block.timestamp + 1 days + 1 hours + 2);
        _setPrice(2100);
        clearing.settleClosed(a, MARKET);
        clearing.settleClosed(b, MARKET);
        assertEq(_size(a, MARKET), 0);
        assertEq(clearing.accountOf(a).cash, 400e18);
        assertEq(clearing.accountOf(b).cash, -400e18);
    }
}
