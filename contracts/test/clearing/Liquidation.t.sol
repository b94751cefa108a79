// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ledgers, Line, Position} from "../../src/clearing/Ledger.sol";
import {Limits} from "../../src/clearing/Limits.sol";
import {Lines} from "../../src/clearing/Lines.sol";
import {Liquidation} from "../../src/clearing/Liquidation.sol";
import {Transfers} from "../../src/clearing/Transfers.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {Key, Kind} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {Blobs} from "../Blobs.sol";
import {Vm} from "forge-std/Vm.sol";
import {World} from "../World.sol";

contract LiquidationTest is World {
    function setUp() public override {
        super.setUp();
        _fund(alice, 10e18);
        _fund(bob, 100e18);
        _fund(keeper, 100e18);
        _trade(60e18, 2000e18);
    }

    function _liquidate() private {
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
    }

    function _cashAndQuotes() private view returns (int256 total) {
        bytes32[3] memory all = [a, b, k];
        for (uint256 i; i < 3; ++i) {
            (Position memory position,) = clearing.positionOf(all[i], 0);
            total += int256(clearing.accountOf(all[i]).cash) + position.quote;
        }
    }

    function _ledgerOf(bytes32 account, address holder) private view returns (uint128[6] memory) {
        return clearing.writtenOf(
            Key(
                Kind.LEDGER,
                block.chainid,
                address(clearing),
                block.chainid,
                address(vault),
                account,
                bytes32(uint256(uint160(address(weth)))),
                holder
            )
        );
    }

    function test_LIQ_01_a_healthy_account_cannot_be_liquidated() public {
        Margin memory margin = clearing.marginOf(a);
        bytes32 before = _state();
        vm.prank(keeper.addr);
        vm.expectRevert(
            abi.encodeWithSelector(
                Limits.NotLiquidatable.selector, margin.maintenanceMarginBalance, margin.maintenanceMargin
            )
        );
        clearing.liquidate(a, k);
        assertEq(_state(), before);
    }

    function test_LIQ_01_nor_on_a_stale_price() public {
        _setPrice(1780);
        uint64 time = clearing.indexPrice(0).publishTime;
        vm.warp(block.timestamp + 61);
        vm.prank(keeper.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.IndexTooOld.selector, 0, time, block.timestamp));
        clearing.liquidate(a, k);
    }

    function test_LIQ_02_the_account_ends_at_its_target() public {
        _setPrice(1800);
        _liquidate();
        Margin memory after_ = clearing.marginOf(a);
        assertApproxEqAbs(after_.maintenanceMarginBalance, int256(after_.maintenanceMargin * 125 / 100), 1e6);
        assertGe(after_.maintenanceMarginBalance, int256(after_.maintenanceMargin));
    }

    function testFuzz_LIQ_03_liquidation_conserves(uint256 price) public {
        price = bound(price, 1500, 1840);
        _setPrice(int64(uint64(price)));
        vm.assume(clearing.marginOf(a).maintenanceMarginBalance < int256(clearing.marginOf(a).maintenanceMargin));
        uint256 units = _units(a, 0) + _units(k, 0);
        _liquidate();
        assertEq(_units(a, 0) + _units(k, 0), units);
        assertEq(_size(a, 0) + _size(k, 0) + _size(b, 0), 0);
        assertEq(_cashAndQuotes(), 0);
    }

    /// @dev Alice sells 10 of her 60 ETH back, which realizes what they have gained or lost since 2,000 dollars.
    function _sellBack(uint96 price) private {
        _setPrice(int64(uint64(price / 1e18)));
        _raise(alice, 0, 0, 10e18);
        _raise(bob, 0, 10e18, 0);
        Order memory maker = _order(bob, true, 10e18, price);
        Order memory taker = _order(alice, false, 10e18, price);
        venue.fill(maker, _signOrder(bob, maker), taker, _signOrder(alice, taker), 10e18);
        _pullFills();
    }

    /// @dev The share of what the account has and the payment for it, as the event says.
    function _liquidateAndRead() private returns (uint256 share, uint256 payment) {
        vm.recordLogs();
        _liquidate();
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != Liquidation.Liquidated.selector) continue;
            (share, payment) = abi.decode(logs[i].data, (uint256, uint256));
        }
    }

    /// @dev Positions move at their quotes, so cash moves by its share and the payment alone; the account's own may get a
    /// unit that its remaining quote is rounded by, and cash and quote together get none.
    function _assertCashMovesWithTheShare(int256 cash) private {
        assertEq(clearing.accountOf(a).cash, cash);
        (Position memory before,) = clearing.positionOf(a, 0);
        (uint256 share, uint256 payment) = _liquidateAndRead();
        assertGt(share, 0);
        assertLt(share, 1e18);
        assertGt(payment, 0);
        int256 moved = cash * int256(share) / 1e18;
        assertNotEq(moved, 0);
        assertEq(clearing.accountOf(k).cash, moved - int256(payment), "the liquidator's");
        assertApproxEqAbs(clearing.accountOf(a).cash, cash - moved + int256(payment), 1, "the account's");
        (Position memory left,) = clearing.positionOf(a, 0);
        int256 quoteMoved = int256(before.quote) * int256(share) / 1e18;
        assertEq(
            int256(clearing.accountOf(a).cash) + left.quote,
            cash - moved + int256(payment) + before.quote - quoteMoved,
            "the account's, with its quote"
        );
    }

    function test_LIQ_03_negative_cash_moves_with_the_share() public {
        _sellBack(1950e18);
        _setPrice(1790);
        _assertCashMovesWithTheShare(-500e18);
    }

    function test_LIQ_03_positive_cash_moves_with_the_share() public {
        _sellBack(2050e18);
        _setPrice(1770);
        _assertCashMovesWithTheShare(500e18);
    }

    function test_LIQ_04_a_liquidator_below_initial_margin_is_refused() public {
        _setPrice(1800);
        vm.prank(keeper.addr);
        clearing.release(k, 0, 99.9e18);
        vm.prank(keeper.addr);
        vm.expectRevert();
        clearing.liquidate(a, k);
        assertEq(_size(k, 0), 0);
        assertEq(_size(a, 0), 60e18);
    }

    function test_LIQ_04_a_liquidator_without_the_line_is_refused() public {
        _setPrice(1800);
        bytes32 fresh = bytes32(uint256(k) | 1);
        vm.prank(keeper.addr);
        vm.expectRevert(abi.encodeWithSelector(Transfers.LineNotOpen.selector, fresh, 0));
        clearing.liquidate(a, fresh);
    }

    function test_LIQ_04_nobody_liquidates_itself() public {
        _setPrice(1800);
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Liquidation.SelfLiquidation.selector, a));
        clearing.liquidate(a, a);
    }

    function test_LIQ_04_a_liquidator_with_a_stale_fills_record_is_refused() public {
        _raise(keeper, 1, 1e18, 0);
        _setPrice(1800);
        vm.prank(keeper.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.RecordTooOld.selector, 1, uint64(0), block.timestamp));
        clearing.liquidate(a, k);
    }

    /// A line is for ever: dust of fifteen others' listings, and the keeper's account takes over nobody with a sixteenth.
    function test_LIQ_04_a_further_account_takes_over_what_the_first_has_no_line_left_for() public {
        _learn(_grantOf(a, alice.addr, 1));
        vm.prank(alice.addr);
        clearing.openLine(a, remote, alice.addr);
        for (uint256 i = 1; i < 16; ++i) {
            vm.prank(keeper.addr);
            clearing.openLine(k, local, vm.addr(1000 + i));
        }
        // Of a dollar's millionth nothing moves but by the whole account.
        _setPrice(1700);
        vm.startPrank(keeper.addr);
        vm.expectRevert(abi.encodeWithSelector(Lines.TooManyLines.selector, k));
        clearing.openLine(k, remote, keeper.addr);
        vm.expectRevert(abi.encodeWithSelector(Transfers.LineNotOpen.selector, k, 1));
        clearing.liquidate(a, k);
        bytes32 next = bytes32(uint256(k) | 1);
        weth.mint(keeper.addr, 100e18);
        weth.approve(address(vault), 100e18);
        clearing.openLine(next, local, keeper.addr);
        clearing.openLine(next, remote, keeper.addr);
        vault.depositAndGrant(address(weth), 100e18, block.chainid, address(clearing), next);
        clearing.liquidate(a, next);
        assertEq(_size(next, 0), 60e18);
    }

    /// Were it asked to know them, a venue that is not heard of would lock out whoever has ever taken over a leg there.
    function test_LIQ_04_debts_of_funding_that_are_not_known_keep_no_liquidator_out() public {
        _raise(keeper, 1, 1e18, 0);
        _learn(_fillsOf(k, _fields(1e18, 0, 2_000e18, 0, 0, 0)));
        vm.warp(block.timestamp + 1 hours);
        _setPrice(1800);
        vm.prank(keeper.addr);
        vm.expectPartialRevert(Ledgers.FundingTooOld.selector);
        clearing.release(k, 0, 1);
        _liquidate();
        assertGt(_size(k, 0), 0);
    }

    /// @dev Alice has so much more than counts of her listing, and is just below maintenance at 1,782 dollars.
    function _addUncounted(uint256 units) private {
        clearing.setParameters(Blobs.amended(_parameters(), 4, 144, 210e18, 112));
        _fund(alice, units);
        _setPrice(1782);
        assertEq(clearing.marginOf(a).exposure, (units + 70e18) * 1782);
    }

    function _line(bytes32 account) private view returns (Line memory line) {
        (line,) = clearing.lineOf(account, 0);
    }

    /// Caps keep them out of margin; a liquidator that paid for them would let them in, and take no risk over.
    function test_LIQ_07_units_that_do_not_count_are_not_sold_to_the_liquidator() public {
        _addUncounted(1_000_000e18);
        (uint256 share, uint256 payment) = _liquidateAndRead();
        assertGt(share, 0.1e18);
        assertGt(payment, 0);
        assertEq(_line(a).units - _line(a).counted, 1_000_000e18, "all that does not count stays");
        assertEq(_line(k).units - 100e18, 10e18 * share / 1e18);
        assertEq(_line(k).counted, _line(k).units);
        assertEq(_size(k, 0), int256(60e18 * share / 1e18));
        Margin memory after_ = clearing.marginOf(a);
        assertApproxEqAbs(after_.maintenanceMarginBalance, int256(after_.maintenanceMargin * 125 / 100), 1e6);
    }

    function test_LIQ_07_with_them_or_without_the_share_and_the_payment_are_the_same() public {
        uint256 snapshot = vm.snapshotState();
        _setPrice(1782);
        (uint256 share, uint256 payment) = _liquidateAndRead();
        vm.revertToState(snapshot);
        _addUncounted(500e18);
        (uint256 shareWith, uint256 paymentWith) = _liquidateAndRead();
        assertEq(shareWith, share);
        assertEq(paymentWith, payment);
    }

    /// Else a debtor would be rid of its debts and keep them.
    function test_LIQ_07_once_what_counts_is_worth_nothing_they_make_up_for_it() public {
        _addUncounted(500e18);
        _setPrice(1700);
        (int256 equity, int256 keepers) = (clearing.marginOf(a).equity, clearing.marginOf(k).equity);
        (uint256 share, uint256 payment) = _liquidateAndRead();
        assertEq(share, 1e18);
        assertEq(payment, 0);
        assertEq(_size(a, 0), 0);
        // Alice's ten WETH less what she lost, and one hundredth of them, of what makes up for it, and of her 60 ETH.
        int256 moved = int256(500e18 - _units(a, 0));
        int256 taken = 1700 * (10e18 + moved) - 60 * 300e18;
        assertApproxEqAbs(taken, (1700 * (70e18 + moved)) / 100, 1e6);
        assertEq(clearing.marginOf(k).equity - keepers, taken);
        assertEq(equity - clearing.marginOf(a).equity, taken);
        assertEq(_line(a).counted, 0);
    }

    /// All of the risk goes at either side of it, and no cash comes in for what caps keep out.
    function test_LIQ_07_no_step_where_what_counts_loses_its_price() public {
        _addUncounted(100_000e18);
        uint256 snapshot = vm.snapshotState();
        _setPrice(1732);
        (uint256 share, uint256 payment) = _liquidateAndRead();
        assertGt(share, 0.99e18);
        assertLt(payment, 30e18);
        assertEq(_units(a, 0), 100_010e18 - 10e18 * share / 1e18, "they stay");
        vm.revertToState(snapshot);
        _setPrice(1731);
        (share, payment) = _liquidateAndRead();
        assertEq(share, 1e18);
        assertEq(payment, 0);
        assertGt(_units(a, 0), 99_999.9e18, "they pay for a dollar");
        assertLt(_units(a, 0), 100_000e18);
    }

    function test_LIQ_05_what_one_loses_the_other_gains() public {
        _setPrice(1800);
        _liquidate();
        uint128 lost = _ledgerOf(a, alice.addr)[2];
        assertGt(lost, 0);
        assertEq(_ledgerOf(k, keeper.addr)[1], lost);
        assertEq(_units(a, 0), 10e18 - lost);
    }

    function test_CLR_06_the_winner_takes_it_home_out_of_the_losers_grant() public {
        _setPrice(1800);
        _liquidate();
        uint128 gained = _ledgerOf(k, keeper.addr)[1];
        vm.startPrank(keeper.addr);
        clearing.release(k, 0, gained);
        vault.withdraw(address(weth), gained, keeper.addr);
        assertEq(weth.balanceOf(keeper.addr), gained);
        assertEq(_ledgerOf(k, keeper.addr)[1], _ledgerOf(a, alice.addr)[2], "gained is lost");
    }

    function test_CLR_10_liquidation_voids_limits_first_and_stops_if_that_is_enough() public {
        // The reserve of 60 ETH outstanding, 3 % of their value, is what puts the account below maintenance.
        vm.prank(alice.addr);
        clearing.release(a, 0, 1e18);
        _raise(alice, 0, 0, 60e18);
        _setPrice(1870);
        Margin memory margin = clearing.marginOf(a);
        assertLt(margin.maintenanceMarginBalance, int256(margin.maintenanceMargin));
        _liquidate();
        assertEq(_size(a, 0), 60e18, "nothing moved");
        margin = clearing.marginOf(a);
        assertGe(margin.maintenanceMarginBalance, int256(margin.maintenanceMargin));
    }

    function test_CLR_03_taking_over_a_remote_position_leaves_the_liquidator_free_to_act() public {
        _raise(alice, 1, 10e18, 0);
        _learn(_fillsOf(a, _fields(10e18, 0, 20_000e18, 0, 0, 0)));
        _setPrice(1800);
        _liquidate();
        assertGt(_size(k, 1), 0);
        vm.startPrank(keeper.addr);
        clearing.release(k, 0, 1e18);
        clearing.raiseLimits(k, 1, 0, 1e18);
    }

    function test_LIQ_02_a_hedged_account_pays_for_its_net_only() public {
        // Short 50 of the 60 ETH at the other venue: 10 are left to hedge, beside 20,000 dollars of collateral.
        _raise(alice, 1, 0, 50e18);
        _learn(_fillsOf(a, _fields(0, 50e18, 0, 100_000e18, 0, 0)));
        assertEq(clearing.marginOf(a).exposure, 40_000e18);
    }

    function test_MRG_11_a_line_with_a_whole_haircut_counts_nothing_and_needs_no_price() public {
        _learn(_grantOf(a, alice.addr, 1_000e6));
        vm.prank(alice.addr);
        clearing.openLine(a, remote, alice.addr);
        vm.prank(keeper.addr);
        clearing.openLine(k, remote, keeper.addr);
        int256 equity = clearing.marginOf(a).equity;
        // The remote USDC: both haircuts become 1.
        bytes memory blob = Blobs.amended(Blobs.amended(_parameters(), 7, 16, 1e18, 64), 7, 80, 1e18, 64);
        clearing.setParameters(blob);
        assertEq(clearing.marginOf(a).equity, equity - 1_000e18);
        // Only ETH is poked from here on.
        vm.warp(block.timestamp + 120);
        bytes[] memory updates = new bytes[](1);
        updates[0] = _report(ETH, 1780e8, 1e6, block.timestamp);
        clearing.poke(new uint256[](1), updates);
        _liquidate();
        assertLt(_size(a, 0), 60e18);
    }

    function test_LIQ_06_it_ends() public {
        _setPrice(1790);
        _liquidate();
        vm.prank(keeper.addr);
        vm.expectRevert();
        clearing.liquidate(a, k);
    }

    function test_LIQ_02_an_account_without_equity_moves_whole_and_for_nothing() public {
        _setPrice(1700);
        assertLt(clearing.marginOf(a).equity, 1_300e18);
        int256 equity = clearing.marginOf(a).equity + clearing.marginOf(k).equity;
        _liquidate();
        assertEq(_size(a, 0), 0);
        assertEq(_units(a, 0), 0);
        assertEq(clearing.accountOf(a).cash, 0);
        assertEq(clearing.marginOf(k).equity, equity);
    }
}
