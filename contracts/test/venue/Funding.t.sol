// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";
import {PricePolicy} from "../../src/price/Prices.sol";
import {Books} from "../../src/records/Books.sol";
import {Key, Kind, Record} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {MarketTerms, Venue} from "../../src/venue/Venue.sol";
import {Vouched} from "../invariant/Vouched.sol";
import {World} from "../World.sol";

/// @title Funding at a venue whose clearing is elsewhere; at one of this chain where that makes a difference.
contract FundingTest is World {
    address private constant FAR_CLEARING = address(0xD1);
    uint128 private constant LIMIT = 1_000_000e18;

    Vouched private source;
    Venue private far;
    uint64 private nonce;

    function setUp() public override {
        super.setUp();
        source = new Vouched();
        far = _makeVenue(PERIOD);
    }

    function _makeVenue(uint32 period) private returns (Venue made) {
        MarketTerms[] memory terms = new MarketTerms[](1);
        terms[0] = MarketTerms(ETH, BAND, MAX_PREMIUM, period, 0.01e18);
        made = new Venue(source, 10, REMOTE, FAR_CLEARING, 3600, pyth, PricePolicy(60, 60, 0.01e18), terms);
        far = made;
        _index(2000);
    }

    function _index(int64 dollars) private {
        bytes[] memory updates = new bytes[](1);
        updates[0] = _report(ETH, dollars * 1e8, 1e6, block.timestamp);
        far.poke(new uint256[](1), updates);
    }

    function _learnLimit(bytes32 account) private {
        uint128[6] memory fields = _fields(LIMIT, LIMIT, 0, 0, 0, 0);
        source.vouch(
            Key(Kind.LIMIT, REMOTE, FAR_CLEARING, block.chainid, address(far), account, 0, address(0)), fields, 1
        );
        (Record[] memory records, bytes[] memory proofs) = (new Record[](1), new bytes[](1));
        records[0] = Record(Kind.LIMIT, REMOTE, FAR_CLEARING, account, 0, address(0), fields);
        proofs[0] = abi.encode(uint64(1));
        far.learn(records, proofs);
    }

    function _trade(uint96 price) private {
        (uint256 left,) = far.leftOf(a, 0);
        if (left == 0) {
            _learnLimit(a);
            _learnLimit(b);
        }
        Order memory maker = Order(b, 0, false, 0.01e18, price, type(uint64).max, ++nonce);
        Order memory taker = Order(a, 0, true, 0.01e18, price, type(uint64).max, nonce);
        far.fill(maker, _signFar(bob, maker), taker, _signFar(alice, taker), 0.01e18);
    }

    function _signFar(Vm.Wallet memory who, Order memory order) private returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(who, far.hashOrder(order));
        return abi.encodePacked(r, s, v);
    }

    function _written() private view returns (uint128[6] memory) {
        return far.writtenOf(Key(Kind.MARKET, block.chainid, address(far), REMOTE, FAR_CLEARING, 0, 0, address(0)));
    }

    /// @dev What a premium of `ppm` millionths of an index costs a base unit in that many seconds, USD at 1e18.
    function _owed(uint256 index, uint256 ppm, uint256 elapsed) private pure returns (uint256) {
        return index * ppm * 1e12 * elapsed / PERIOD;
    }

    function _assertFunding(uint256 byLongs, uint256 byShorts, string memory why) private view {
        (uint256 longs, uint256 shorts,) = far.fundingOf(0);
        assertEq(longs, byLongs, why);
        assertEq(shorts, byShorts, why);
    }

    function _skip(uint256 elapsed) private {
        vm.warp(block.timestamp + elapsed);
    }

    function test_FND_01_the_premium_is_clamped_both_ways() public {
        int256 premium;
        _trade(2001e18);
        (,, premium) = far.fundingOf(0);
        assertEq(premium, 0.0005e18);
        _trade(2040e18);
        (,, premium) = far.fundingOf(0);
        assertEq(premium, int256(uint256(MAX_PREMIUM)));
        _trade(1960e18);
        (,, premium) = far.fundingOf(0);
        assertEq(premium, -int256(uint256(MAX_PREMIUM)));
    }

    function test_FND_02_longs_pay_above_the_index_and_shorts_below() public {
        _trade(2001e18);
        _skip(50);
        _assertFunding(_owed(2000, 500, 50), 0, "longs pay");
        _index(2000);
        _trade(1998e18);
        _skip(50);
        _assertFunding(_owed(2000, 500, 50), _owed(2000, 1000, 50), "shorts pay");
        _index(2000);
        _trade(2000e18);
        _skip(50);
        _assertFunding(_owed(2000, 500, 50), _owed(2000, 1000, 50), "nobody pays at the index");
    }

    function test_FND_02_nothing_accrues_while_the_index_is_stale() public {
        _trade(2001e18);
        _skip(600);
        _assertFunding(_owed(2000, 500, 60), 0, "for the age the index may have, and no longer");
        _index(3000);
        _assertFunding(_owed(2000, 500, 60), 0, "a new index does not fill the gap");
        _skip(60);
        _assertFunding(_owed(2000, 500, 60) + _owed(3000, 500, 60), 0, "it goes on from there");
    }

    function test_FND_03_a_markets_record_goes_ahead_of_the_first_of_its_fills() public {
        vm.recordLogs();
        _learnLimit(a);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        (uint256 market, uint256 fills) = (type(uint256).max, type(uint256).max);
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != Books.Recorded.selector) continue;
            if (uint256(logs[i].topics[1]) == uint256(Kind.MARKET)) market = i;
            else fills = i;
        }
        assertLt(market, fills);
        assertLt(fills, logs.length);
        assertEq(_written()[2], block.timestamp);
    }

    function test_FND_03_a_fill_writes_the_record_once_it_is_due_ahead_of_its_own() public {
        _trade(2001e18);
        uint256 first = block.timestamp;
        for (uint256 i; i < 11; ++i) {
            _skip(50);
            _index(2000);
            _trade(2001e18);
        }
        assertEq(_written()[2], first, "not due yet");
        _skip(50);
        _index(2000);
        vm.recordLogs();
        _trade(2001e18);
        assertEq(_written()[0], 12 * _owed(2000, 500, 50));
        assertEq(_written()[2], block.timestamp);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(uint256(logs[0].topics[1]), uint256(Kind.MARKET));
        assertEq(uint256(logs[2].topics[1]), uint256(Kind.FILLS));
    }

    function test_FND_03_anyone_has_the_record_written_at_any_time() public {
        _trade(2001e18);
        _skip(7);
        vm.prank(address(0xE0E));
        far.accrue(0);
        assertEq(_written()[0], _owed(2000, 500, 7));
        assertEq(_written()[1], 0);
        assertEq(_written()[2], block.timestamp);
    }

    function test_FND_03_a_local_clearing_has_learned_the_market_before_its_fills() public {
        _fund(alice, 100e18);
        _fund(bob, 100e18);
        _trade(5e18, 2000e18);
        (uint128[6] memory learned,,) = clearing.learnedOf(
            Key(Kind.MARKET, block.chainid, address(venue), block.chainid, address(clearing), 0, 0, address(0))
        );
        assertEq(learned[2], block.timestamp);
    }

    /// @dev Fills, pokes and accruals at any time: record and running part together are the sum of what each stretch owed.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_FND_04_what_has_accrued_is_never_lost(uint256 seed) public {
        _trade(2001e18);
        (uint256 longs, uint256 shorts) = (0, 0);
        (int64 index, int256 premium) = (2000, 0.0005e18);
        for (uint256 i; i < 30; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 elapsed = seed % 61;
            uint256 owed = uint256(int256(index)) * 1e18 * uint256(premium < 0 ? -premium : premium) * elapsed
                / (1e18 * uint256(PERIOD));
            (longs, shorts) = premium > 0 ? (longs + owed, shorts) : (longs, shorts + owed);
            _skip(elapsed);
            uint128[6] memory before = _written();
            if (seed >> 32 & 1 == 1) far.accrue(0);
            index = int64(2000 + int256(seed >> 64 & 15) - 7);
            if (elapsed > 0) _index(index);
            else index = int64(int256(_cachedIndex() / 1e18));
            if (seed >> 33 & 1 == 1) _trade(uint96(1990e18 + (seed >> 128 & 15) * 1e18));
            (,, premium) = far.fundingOf(0);
            _assertFunding(longs, shorts, "record and running part");
            for (uint256 j; j < 3; ++j) {
                assertGe(_written()[j], before[j], "a record only grows");
            }
        }
        far.accrue(0);
        assertEq(_written()[0], longs);
        assertEq(_written()[1], shorts);
    }

    function _cachedIndex() private view returns (uint256 price) {
        (price,) = far.indexPrice(0);
    }

    function test_FND_04_what_outgrows_the_slot_goes_into_the_record() public {
        _makeVenue(1);
        _trade(2010e18);
        _skip(60);
        _index(2000);
        assertEq(_written()[0], 600e18, "ten dollars a second: more than 64 bits hold");
        _assertFunding(600e18, 0, "and nothing twice");
    }

    /// @dev The clearing's check: the record alone, its own third field as the time.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_FND_05_a_record_grows_no_faster_than_the_cap(uint96[20] calldata prices, uint256 steps) public {
        _trade(2000e18);
        uint128[6] memory last = _written();
        for (uint256 i; i < 20; ++i) {
            _trade(uint96(bound(prices[i], 1960e18, 2040e18)));
            _skip(steps >> (8 * i) & 255);
            _index(2000);
            far.accrue(0);
            uint128[6] memory next = _written();
            uint256 growth = next[0] + next[1] - last[0] - last[1];
            assertLe(growth * PERIOD, 2000 * uint256(MAX_PREMIUM) * (next[2] - last[2]));
            assertLe(next[2], block.timestamp);
            last = next;
        }
    }

    function test_FND_06_a_fill_accrues_under_the_premium_that_stood() public {
        _trade(2001e18);
        _skip(60);
        _trade(1960e18);
        _assertFunding(_owed(2000, 500, 60), 0, "the new premium reaches back for nothing");
    }

    function test_FND_07_a_poke_accrues_under_the_index_that_stood() public {
        _trade(2001e18);
        _skip(30);
        _index(1000);
        _assertFunding(_owed(2000, 500, 30), 0, "half at the old index");
        _skip(30);
        _assertFunding(_owed(2000, 500, 30) + _owed(1000, 500, 30), 0, "half at the new one");
    }

    function test_FND_08_an_unknown_market_does_not_accrue() public {
        vm.expectRevert(abi.encodeWithSelector(Venue.UnknownMarket.selector, 1));
        far.accrue(1);
        vm.expectRevert(abi.encodeWithSelector(Venue.UnknownMarket.selector, 1));
        far.fundingOf(1);
        assertEq(far.digest(), 0);
    }

    function test_FND_08_terms_that_cannot_be_are_refused() public {
        MarketTerms[] memory terms = new MarketTerms[](2);
        terms[0] = MarketTerms(ETH, BAND, MAX_PREMIUM, PERIOD, 0.01e18);
        terms[1] = MarketTerms(ETH, BAND, MAX_PREMIUM, 0, 0.01e18);
        vm.expectRevert(abi.encodeWithSelector(Venue.BadTerms.selector, 1));
        this.make(terms);
        terms[1] = MarketTerms(ETH, BAND, 1e18 + 1, PERIOD, 0.01e18);
        vm.expectRevert(abi.encodeWithSelector(Venue.BadTerms.selector, 1));
        this.make(terms);
    }

    /// @dev A call of its own: a `new` that reverts as expected ends the test that makes it.
    function make(MarketTerms[] memory terms) external {
        new Venue(source, 10, REMOTE, FAR_CLEARING, 3600, pyth, PricePolicy(60, 60, 0.01e18), terms);
    }

    /// @dev The worst wash trading: the smallest fill, at the band's edge, again after each honest one, poked all along.
    function test_FND_09_a_wash_trade_at_the_bands_edge_yields_the_cap_while_it_stands() public {
        _trade(2040e18);
        _runAnHour();
        uint256 most = 60 * _owed(2000, 5000, 60);
        _assertFunding(most, 0, "0.5 % of the index in eight hours, though it stood 2 % above");
        assertApproxEqAbs(most, 1.25e18, 60, "on a short of 100 ETH: 125 USD an hour, out of 200,000");
        _trade(2000e18);
        _runAnHour();
        _assertFunding(most, 0, "the smallest honest fill ends it");
        _trade(2040e18);
        _trade(2000e18);
        _runAnHour();
        _assertFunding(most, 0, "one that stands for no time moves nothing");
    }

    function _runAnHour() private {
        for (uint256 i; i < 60; ++i) {
            _skip(60);
            _index(2000);
        }
    }
}
