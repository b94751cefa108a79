// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PythErrors} from "@pythnetwork/pyth-sdk-solidity/PythErrors.sol";
import {PythStructs} from "@pythnetwork/pyth-sdk-solidity/PythStructs.sol";
import {Test} from "forge-std/Test.sol";
import {VmSafe} from "forge-std/Vm.sol";
import {Ledgers} from "../../src/clearing/Ledger.sol";
import {Prices} from "../../src/price/Prices.sol";
import {World} from "../World.sol";

contract PricesTest is World {
    function _poke(bytes memory update) private {
        bytes[] memory updates = new bytes[](1);
        updates[0] = update;
        clearing.poke(new uint256[](1), updates);
    }

    function _index() private view returns (uint256) {
        return clearing.indexPrice(0).price;
    }

    function test_PRC_01_a_zero_or_negative_price_is_refused() public {
        vm.warp(block.timestamp + 1);
        for (int64 price = -1; price <= 0; ++price) {
            bytes memory update = _report(ETH, price, 0, block.timestamp);
            vm.expectRevert(abi.encodeWithSelector(Prices.PriceNotPositive.selector, ETH, price));
            _poke(update);
        }
        assertEq(_index(), 2000e18);
    }

    function test_PRC_01_a_stale_price_is_refused() public {
        uint256 time = block.timestamp + 1;
        vm.warp(time + 61);
        bytes memory update = _report(ETH, 2100e8, 1e6, time);
        vm.expectRevert(abi.encodeWithSelector(Prices.PriceTooOld.selector, ETH, time, block.timestamp));
        _poke(update);
        assertEq(_index(), 2000e18);
    }

    function test_PRC_01_a_price_from_the_future_is_refused() public {
        uint256 time = block.timestamp + 61;
        bytes memory update = _report(ETH, 2100e8, 1e6, time);
        vm.expectRevert(abi.encodeWithSelector(Prices.PriceFromTheFuture.selector, ETH, time, block.timestamp));
        _poke(update);
    }

    function test_PRC_01_an_uncertain_price_is_refused() public {
        vm.warp(block.timestamp + 1);
        bytes memory update = _report(ETH, 2000e8, 20e8 + 1, block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(Prices.PriceTooUncertain.selector, ETH, 2000e8, 20e8 + 1));
        _poke(update);
        _poke(_report(ETH, 2100e8, 21e8, block.timestamp));
        assertEq(_index(), 2100e18, "a hundredth is still certain enough");
    }

    function test_PRC_01_the_fee_is_sent_exactly() public {
        vm.deal(address(this), 1);
        vm.expectRevert(abi.encodeWithSelector(Prices.WrongFee.selector, 1, 0));
        clearing.poke{value: 1}(new uint256[](0), new bytes[](0));
    }

    function test_PRC_02_the_publish_time_never_decreases() public {
        vm.warp(block.timestamp + 30);
        _poke(_report(ETH, 2100e8, 1e6, block.timestamp));
        uint64 time = clearing.indexPrice(0).publishTime;
        _poke(_report(ETH, 1500e8, 1e6, block.timestamp - 10));
        assertEq(_index(), 2100e18);
        assertEq(clearing.indexPrice(0).publishTime, time);
    }

    function test_PRC_02_nor_does_it_if_pyth_itself_goes_back() public {
        uint64 time = clearing.indexPrice(0).publishTime;
        vm.warp(block.timestamp + 10);
        PythStructs.Price memory older = PythStructs.Price(1500e8, 1e6, -8, time - 1);
        vm.mockCall(address(pyth), abi.encodeCall(pyth.getPriceUnsafe, (ETH)), abi.encode(older));
        clearing.poke(new uint256[](1), new bytes[](0));
        assertEq(_index(), 2000e18);
        assertEq(clearing.indexPrice(0).publishTime, time);
    }

    function test_PRC_01_a_report_of_the_future_widens_nothing() public {
        bytes[] memory updates = new bytes[](1);
        updates[0] = _report(ETH, 2100e8, 1e6, block.timestamp + 1);
        vm.expectRevert(PythErrors.PriceFeedNotFoundWithinRange.selector);
        clearing.widenIndex(0, updates);
        updates[0] = _report(ETH, 2100e8, 1e6, block.timestamp);
        clearing.widenIndex(0, updates);
    }

    function test_PRC_03_exponents_round_down_and_nothing_rounds_to_zero() public {
        vm.warp(block.timestamp + 1);
        _poke(pyth.createPriceFeedUpdateData(ETH, 123, 0, -20, 123, 0, uint64(block.timestamp), 0));
        assertEq(_index(), 1, "1.23e-18 dollars");
        vm.warp(block.timestamp + 1);
        bytes memory dust = pyth.createPriceFeedUpdateData(ETH, 9, 0, -20, 9, 0, uint64(block.timestamp), 0);
        vm.expectRevert(abi.encodeWithSelector(Prices.PriceOutOfRange.selector, ETH, int64(9), int32(-20)));
        _poke(dust);
        bytes memory positive = pyth.createPriceFeedUpdateData(ETH, 9, 0, 1, 9, 0, uint64(block.timestamp), 0);
        vm.expectRevert(abi.encodeWithSelector(Prices.PriceOutOfRange.selector, ETH, int64(9), int32(1)));
        _poke(positive);
    }

    /// @dev The publisher sends so much along, and 1.5 million more, of which Pyth, which checks signatures, takes its part.
    function test_PRC_04_the_first_poke_of_a_month_takes_less_than_what_a_feed_is_given() public {
        uint256[] memory feeds = new uint256[](20);
        bytes[] memory updates = new bytes[](20);
        vm.warp(700 * 30 days);
        for (uint256 i; i < 20; ++i) {
            bytes32 id = bytes32(1000 + i);
            clearing.addFeed(id);
            feeds[i] = 2 + i;
            updates[i] = _report(id, 1e8, 1e4, block.timestamp - 1);
        }
        clearing.poke(feeds, updates);
        vm.warp(block.timestamp + 30 days);
        for (uint256 i; i < 20; ++i) {
            updates[i] = _report(bytes32(1000 + i), 1.001e8, 1e4, block.timestamp);
        }
        vm.cool(address(clearing));
        clearing.poke(feeds, updates);
        assertLt(vm.lastCallGas().gasTotalUsed, 20 * 200_000);
    }

    function test_MRG_05_a_margin_check_refuses_an_old_price_and_calls_nobody() public {
        _fund(alice, 10e18);
        vm.startStateDiffRecording();
        clearing.marginOf(a);
        VmSafe.AccountAccess[] memory accesses = vm.stopAndReturnStateDiff();
        uint256 calls;
        for (uint256 i; i < accesses.length; ++i) {
            if (accesses[i].kind <= VmSafe.AccountAccessKind.StaticCall) ++calls;
        }
        assertEq(calls, 1, "the check itself; the parameter blob is looked at, not called");
        vm.warp(block.timestamp + 61);
        uint64 time = clearing.indexPrice(0).publishTime;
        vm.expectRevert(abi.encodeWithSelector(Ledgers.IndexTooOld.selector, 0, time, block.timestamp));
        clearing.marginOf(a);
    }
}

/// @title The extremes kept of a feed.
contract ExtremesTest is Test {
    using Prices for Prices.Extremes;

    Prices.Extremes private extremes;
    uint96[] private prices;
    uint256[] private times;

    function testFuzz_PRC_04_extremes_cover_every_price_of_the_window(uint32[12] memory gaps, uint64[12] memory drawn)
        public
    {
        vm.warp(1_700_000_000);
        uint96 last = 1;
        for (uint256 i; i < 12; ++i) {
            vm.warp(block.timestamp + bound(gaps[i], 1, 40 hours));
            uint96 next = uint96(bound(drawn[i], 1, type(uint64).max));
            extremes.widen(block.timestamp, i == 0 ? next : last, next);
            prices.push(next);
            times.push(block.timestamp);
            last = next;
        }
        for (uint256 from; from < 12; ++from) {
            (uint256 low, uint256 high) = extremes.within(times[from], last);
            for (uint256 i = from; i < 12; ++i) {
                assertTrue(low <= prices[i] && prices[i] <= high);
            }
        }
    }

    /// @dev Whatever came before, however long ago the window began.
    function testFuzz_PRC_04_a_window_is_too_wide_by_a_minute_at_most(uint32 age, uint32 before) public {
        uint256 since = 1_700_000_000 + bound(before, 0, 7 days);
        uint256 start = since - since % 1 minutes;
        extremes.widen(start - 1, 1, 1_000);
        extremes.widen(since, 100, 101);
        vm.warp(since + bound(age, 0, 100 days));
        (uint256 low, uint256 high) = extremes.within(since, 101);
        assertEq(low, 100);
        assertEq(high, 101);
    }

    /// @dev Else who shows a report before anyone pokes hides the price that fills of the time were made at.
    function test_PRC_04_a_report_that_is_shown_first_hides_no_price_that_still_held() public {
        vm.warp(1_700_000_040);
        extremes.widen(block.timestamp, 100, 100);
        vm.warp(block.timestamp + 1 minutes);
        extremes.widen(block.timestamp, 200, 200);
        extremes.widen(block.timestamp, 100, 200);
        (uint256 low,) = extremes.within(block.timestamp, 200);
        assertEq(low, 100);
    }

    /// @dev Else a fill of a limit that has stood for long takes more gas than roles send along, and those of sixteen feeds more
    /// than a liquidation has. A minute after a month of spans began is the worst.
    function test_PRC_04_a_window_of_years_takes_little_gas() public {
        uint256 since = 656 * 30 days + 1 minutes;
        vm.warp(since + 3 * 365 days);
        uint256 before = gasleft();
        extremes.within(since, 100);
        assertLt(before - gasleft(), 300_000);
    }

    function test_PRC_04_a_window_without_a_move_is_the_price_itself() public {
        vm.warp(1_700_000_000);
        extremes.widen(block.timestamp, 100, 100);
        vm.warp(block.timestamp + 3 days);
        (uint256 low, uint256 high) = extremes.within(block.timestamp - 1 hours, 100);
        assertEq(low, 100);
        assertEq(high, 100);
    }
}
