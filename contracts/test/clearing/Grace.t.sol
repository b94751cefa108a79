// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Outstanding} from "../../src/clearing/Ledger.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {RecordBook} from "../../src/records/RecordBook.sol";
import {Kind, LocalRecord, Outcome} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {Venue} from "../../src/venue/Venue.sol";
import {Far} from "./Far.sol";
import {Burner} from "./Hostile.t.sol";

/// @title What goes on at a venue on the clearing's chain between its closing by governance and the end of the grace.
contract GraceTest is Far {
    function _priceAt(int64 dollars, uint256 until) private {
        bytes[] memory reports = new bytes[](1);
        int64 price = dollars * 1e8;
        reports[0] = pyth.createPriceFeedUpdateData(ETH, price, 1e6, -8, price, 1e6, uint64(until), uint64(until - 1));
        clearing.priceClosed(0, reports);
    }

    function _pullOf(bytes32 account) private returns (Outcome) {
        LocalRecord[] memory records = new LocalRecord[](1);
        records[0] = _localFillsOf(account);
        return clearing.pull(records)[0];
    }

    /// Else who trades with himself in the last second would pull what he won, and nobody have the time to pull what he lost.
    function test_CLO_11_a_fill_in_the_last_second_of_the_grace_leaves_no_half_to_the_house() public {
        _raise(alice, 0, 100e18, 0);
        _raise(bob, 0, 0, 100e18);
        clearing.closeVenue(0);
        uint256 until = block.timestamp + GRACE;
        vm.warp(until - 1);
        _setPrice(2000);
        assertEq(block.timestamp, until, "the last second");
        Order memory maker = _order(bob, false, 100e18, 1961e18);
        Order memory taker = _order(alice, true, 100e18, 1961e18);
        bytes memory makerSignature = _signOrder(bob, maker);
        bytes memory takerSignature = _signOrder(alice, taker);
        vm.expectPartialRevert(RecordBook.PeerEnded.selector);
        venue.fill(maker, makerSignature, taker, takerSignature, 100e18);
        _pullMarket();
        _pullOf(a);
        vm.warp(until + 1);
        _setPrice(2000);
        _priceAt(2000, until);
        if (clearing.accountOf(a).markets & 1 == 1) clearing.settleClosed(a, 0);
        if (clearing.accountOf(b).markets & 1 == 1) clearing.settleClosed(b, 0);
        assertEq(_cash(a) + _cash(b), 0, "two accounts of one owner won of each other");
        assertGe(_house(), 0, "the house pays the winner");
    }

    /// Else a position would owe what is not known, and its account be released of what it owes.
    function test_CLO_11_nothing_accrues_in_the_grace() public {
        _trade(100e18, 2010e18);
        clearing.closeVenue(0);
        // Two hours, in which somebody pokes the venue.
        for (uint256 i; i < 130; ++i) {
            vm.warp(block.timestamp + 58);
            _setPrice(2000);
        }
        Margin memory margin = clearing.marginOf(a);
        uint256 free = uint256(margin.initialMarginBalance) - margin.initialMargin;
        vm.prank(alice.addr);
        try clearing.release(a, 0, free * 1e18 / 1600e18) {} catch {}
        vm.expectPartialRevert(RecordBook.PeerEnded.selector);
        venue.accrue(0);
        _pullMarket();
        clearing.payFunding(a);
        margin = clearing.marginOf(a);
        assertGe(margin.initialMarginBalance, int256(margin.initialMargin), "released what was owed");
    }

    /// Before its closing a contradiction ends a venue at once; after it, the same lie stops nothing.
    function test_CLO_02_a_closed_venue_that_contradicts_itself_is_not_read_any_more() public {
        _raise(alice, 0, 10e18, 0);
        _raise(keeper, 0, 1e18, 0);
        clearing.closeVenue(0);
        _pullMarket();
        bytes4 question = RecordBook.writtenOf.selector;
        vm.mockCall(address(venue), abi.encodePacked(question), abi.encode(_fields(2e18, 0, 4000e18, 0, 0, 0)));
        assertEq(uint8(_pullOf(k)), uint8(Outcome.CONTRADICTION), "more than its limit");
        vm.mockCall(address(venue), abi.encodePacked(question), abi.encode(_fields(10e18, 0, 19_600e18, 0, 0, 0)));
        LocalRecord[] memory records = new LocalRecord[](1);
        records[0] = _localFillsOf(a);
        vm.expectRevert(abi.encodeWithSelector(RecordBook.PeerEnded.selector, block.chainid, address(venue)));
        clearing.pull(records);
    }

    /// What is void is still forfeited, as at an open venue on this chain (CLR-10).
    function test_CLO_11_a_liquidation_in_the_grace_stops_if_voiding_limits_is_enough() public {
        _trade(400e18, 2000e18);
        _raise(alice, 0, 0, 60e18);
        clearing.closeVenue(0);
        _setPrice(1724);
        Margin memory margin = clearing.marginOf(a);
        assertLt(margin.maintenanceMarginBalance, int256(margin.maintenanceMargin), "by the reserve of its limit");
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        assertEq(_size(a, 0), 400e18, "taken over, though without its limit it was above maintenance");
    }

    function test_VEN_12_only_its_clearing_closes_a_venue() public {
        vm.expectRevert(abi.encodeWithSelector(Venue.NotTheClearing.selector, address(this)));
        venue.close();
        vm.expectEmit();
        emit Venue.Closed();
        clearing.closeVenue(0);
        assertTrue(venue.isClosed());
    }

    function test_VEN_12_an_owner_voids_what_is_left_at_a_closed_venue() public {
        _raise(alice, 0, 10e18, 0);
        clearing.closeVenue(0);
        vm.prank(alice.addr);
        clearing.voidLimits(a, 0);
        LocalRecord[] memory records = new LocalRecord[](1);
        records[0] = LocalRecord(Kind.LIMIT, address(clearing), a, 0, address(0));
        venue.pull(records);
        _pullMarket();
        _pullOf(a);
        (, Outstanding memory left) = clearing.positionOf(a, 0);
        assertEq(left.buy, 0);
    }

    function test_CLO_11_a_venue_that_burns_all_gas_is_closed_all_the_same() public {
        vm.etch(address(venue), address(new Burner()).code);
        clearing.closeVenue{gas: 1_000_000}(0);
        assertTrue(clearing.ended(block.chainid, address(venue)));
    }
}
