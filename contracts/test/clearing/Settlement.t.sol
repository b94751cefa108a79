// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clearing} from "../../src/clearing/Clearing.sol";
import {Account as Held, Ledgers, Line} from "../../src/clearing/Ledger.sol";
import {Lines} from "../../src/clearing/Lines.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {Settlement} from "../../src/clearing/Settlement.sol";
import {Transfers} from "../../src/clearing/Transfers.sol";
import {Key, Kind, Outcome, Record} from "../../src/records/Records.sol";
import {Blobs} from "../Blobs.sol";
import {Far} from "./Far.sol";

contract SettlementTest is Far {
    function _buy(uint256 index, uint256 units) private {
        vm.prank(alice.addr);
        clearing.buyUnits(b, index, units, a);
    }

    function _refused(uint256 index, uint256 units, bytes memory error) private {
        bytes32 before = _state();
        vm.prank(alice.addr);
        vm.expectRevert(error);
        clearing.buyUnits(b, index, units, a);
        assertEq(_state(), before, "a refused sale leaves nothing");
    }

    function _putUp() private {
        vm.prank(bob.addr);
        clearing.putUp(b);
    }

    /// @dev Bob's and Alice's lines at the remote vault, which has just heard the clearing, with that many dollars in Bob's.
    function _openFar(uint128 dollars) private returns (uint256 heard) {
        vm.prank(alice.addr);
        clearing.openLine(a, remote, alice.addr);
        vm.prank(bob.addr);
        clearing.openLine(b, remote, bob.addr);
        _learn(_grantOf(b, bob.addr, dollars * 1e6));
        heard = block.timestamp;
        _hearVault();
    }

    function _hearVault() private returns (Outcome) {
        uint128[6] memory fields = _fields(uint128(block.timestamp), 0, 0, 0, 0, 0);
        return _learn(Record(Kind.HEARD, REMOTE, REMOTE_VAULT, 0, 0, address(0), fields));
    }

    function _ledgerOf(bytes32 account, address holder) private view returns (uint128[6] memory) {
        bytes32 item = bytes32(uint256(uint160(address(weth))));
        return clearing.writtenOf(
            Key(Kind.LEDGER, block.chainid, address(clearing), block.chainid, address(vault), account, item, holder)
        );
    }

    /* PUTTING UP */

    function test_SET_01_who_owes_nothing_is_not_put_up() public {
        _win(1_000);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NoDebt.selector, a));
        clearing.putUp(a);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NoDebt.selector, k));
        clearing.putUp(k);
    }

    function test_SET_01_the_owner_puts_up_any_debt() public {
        _win(1);
        vm.expectEmit();
        emit Settlement.PutUp(b, true);
        _putUp();
        assertTrue(clearing.accountOf(b).isPutUp);
    }

    function test_SET_01_anyone_puts_up_a_debt_that_is_a_day_old() public {
        _win(1_000);
        uint256 dueAt = block.timestamp + 1 days;
        assertEq(clearing.accountOf(b).debtSince, block.timestamp);
        vm.warp(dueAt - 2);
        _setPrice(2100);
        // A tenth of 100 WETH at 2,100.
        vm.expectRevert(abi.encodeWithSelector(Settlement.DebtNotDue.selector, b, 1_000e18, 21_000e18, dueAt));
        clearing.putUp(b);
        vm.warp(dueAt);
        vm.expectEmit();
        emit Settlement.PutUp(b, false);
        clearing.putUp(b);
    }

    function test_SET_01_anyone_puts_up_a_debt_above_the_share_of_the_collateral() public {
        _win(1_000);
        vm.prank(bob.addr);
        clearing.release(b, 0, 95e18);
        // A tenth of 5 WETH at 2,100 is 1,050; at 2,000 it is the debt, which is not above it.
        vm.expectRevert(
            abi.encodeWithSelector(Settlement.DebtNotDue.selector, b, 1_000e18, 1_050e18, block.timestamp + 1 days)
        );
        clearing.putUp(b);
        _setPrice(2000);
        vm.expectRevert();
        clearing.putUp(b);
        _setPrice(1999);
        clearing.putUp(b);
    }

    function test_SET_01_a_dead_feed_among_the_lines_keeps_nobody_from_putting_up_an_old_debt() public {
        _openFar(1);
        _win(1_000);
        vm.warp(block.timestamp + 1 days);
        clearing.putUp(b);
    }

    function test_SET_02_part_of_the_debt_paid_leaves_its_age_and_all_of_it_ends_it() public {
        _win(1_000);
        uint32 since = clearing.accountOf(b).debtSince;
        _putUp();
        vm.warp(block.timestamp + 60);
        _setPrice(2100);
        _buy(0, 1);
        _buy(0, 0.1e18);
        assertEq(clearing.accountOf(b).debtSince, since, "SET-02");
        assertTrue(clearing.accountOf(b).isPutUp);
        _setPrice(2000);
        // 207.9 dollars and a little are paid; 0.4 WETH at 1,980 are 792, the last 0.1 and less are left.
        _buy(0, 0.4e18);
        uint256 left = uint256(-_cash(b));
        assertEq(left, 1_000e18 - 207.9e18 - 792e18 - 2079);
        _win(0);
        assertEq(clearing.accountOf(b).debtSince, since, "a trade that pays nothing ends nothing");
        _pay(alice, bob, 10);
        Held memory held = clearing.accountOf(b);
        assertGt(held.cash, 0);
        assertEq(held.debtSince, 0);
        assertFalse(held.isPutUp, "what is paid is not for sale");
        _refused(0, 1, abi.encodeWithSelector(Settlement.NotPutUp.selector, b));
    }

    /* THE SALE */

    function test_SET_03_units_are_sold_at_the_index_less_the_discount_rounded_up() public {
        _win(1_000);
        _putUp();
        // A third of a WETH at 2,100, less 1 %: 693, and both roundings.
        uint256 units = uint256(1e18) / 3;
        uint256 price = uint256(693e18) - 2079 / 3;
        vm.expectEmit();
        emit Settlement.Sold(b, a, 0, units, price, 1);
        _buy(0, units);
        assertEq(_cash(a), 1_000e18 - int256(price));
        assertEq(_cash(b), int256(price) - 1_000e18);
        assertEq(_units(a, 0), 100e18 + units);
        assertEq(_units(b, 0), 100e18 - units);
        assertEq(_ledgerOf(b, bob.addr)[2], units);
        assertEq(_ledgerOf(a, alice.addr)[1], units, "CLR-06");
        assertEq(_allMoney(), 0);
    }

    function test_SET_03_the_discount_is_never_above_the_maintenance_haircut() public {
        // The WETH's haircut down to a tenth of the sale discount: 0.1 %.
        clearing.setParameters(Blobs.amended(_parameters(), 4, 80, 0.001e18, 64));
        _win(1_000);
        _putUp();
        _buy(0, 0.1e18);
        assertEq(_cash(a), 1_000e18 - 209.79e18);
    }

    function testFuzz_SET_04_no_sale_lowers_the_sellers_margin(uint256 units, uint256 price, uint256 haircut) public {
        haircut = bound(haircut, 0, 0.2e18);
        clearing.setParameters(Blobs.amended(_parameters(), 4, 80, haircut, 64));
        _win(1_000);
        _putUp();
        price = bound(price, 500, 5000);
        _setPrice(int64(uint64(price)));
        units = bound(units, 1, 1_000e18 / price);
        Margin memory before = clearing.marginOf(b);
        _buy(0, units);
        Margin memory after_ = clearing.marginOf(b);
        assertGe(after_.maintenanceMarginBalance, before.maintenanceMarginBalance);
        assertGe(after_.initialMarginBalance, before.initialMarginBalance);
        assertEq(after_.maintenanceMargin, before.maintenanceMargin);
    }

    function test_SET_04_units_of_an_account_below_maintenance_are_sold_too() public {
        _win(1_000);
        _trade(200e18, 2100e18);
        _putUp();
        _setPrice(3500);
        Margin memory margin = clearing.marginOf(b);
        assertLt(margin.maintenanceMarginBalance, int256(margin.maintenanceMargin));
        _buy(0, 0.1e18);
        assertGe(clearing.marginOf(b).maintenanceMarginBalance, margin.maintenanceMarginBalance);
    }

    function test_SET_05_what_cannot_be_bought_is_refused() public {
        _win(1_000);
        _refused(0, 1, abi.encodeWithSelector(Settlement.NotPutUp.selector, b));
        _putUp();
        _refused(0, 0, abi.encodeWithSelector(Settlement.NothingToBuy.selector));
        _refused(1, 1, abi.encodeWithSelector(Settlement.NoSuchLine.selector, b, 1));
        _refused(0, 100e18 + 1, abi.encodeWithSelector(Settlement.InsufficientUnits.selector, 100e18 + 1, 100e18));
        _refused(0, 1e18, abi.encodeWithSelector(Settlement.PriceAboveCash.selector, 2_079e18, 1_000e18, 1_000e18));
        vm.prank(bob.addr);
        vm.expectRevert(abi.encodeWithSelector(Settlement.SelfSale.selector, b));
        clearing.buyUnits(b, 0, 1, b);
        vm.prank(bob.addr);
        vm.expectRevert(abi.encodeWithSelector(Clearing.NotTheOwner.selector, bob.addr, a));
        clearing.buyUnits(b, 0, 1, a);
    }

    function test_SET_05_nobody_pays_with_cash_that_it_has_not() public {
        _win(1_000);
        _putUp();
        vm.prank(keeper.addr);
        vm.expectRevert(abi.encodeWithSelector(Settlement.PriceAboveCash.selector, 2079, 0, 1_000e18));
        clearing.buyUnits(b, 0, 1, k);
    }

    function test_SET_05_nobody_buys_more_than_is_owed() public {
        _win(1_000);
        _pay(keeper, bob, 700);
        // Alice has 1,000 dollars, of which Bob owes 300, the keeper 700.
        assertEq(_cash(a), 1_000e18);
        _putUp();
        _refused(0, 0.2e18, abi.encodeWithSelector(Settlement.PriceAboveCash.selector, 409.86e18, 1_000e18, 300e18));
    }

    function test_SET_05_a_buyer_without_a_line_for_it_is_refused() public {
        vm.prank(bob.addr);
        clearing.openLine(b, remote, bob.addr);
        _learn(_grantOf(b, bob.addr, 1_000e6));
        _hearVault();
        _win(1_000);
        _putUp();
        _refused(1, 1e6, abi.encodeWithSelector(Transfers.LineNotOpen.selector, a, 1));
    }

    function test_SET_06_the_buyer_keeps_its_initial_margin() public {
        _win(1_000);
        _trade(400e18, 2100e18);
        _putUp();
        _setPrice(1860);
        venue.accrue(0);
        _pullMarket();
        Margin memory margin = clearing.marginOf(a);
        assertLt(margin.initialMarginBalance, int256(margin.initialMargin));
        // 990 dollars of cash become 1,000 of WETH, which count 800 less.
        uint256 units = 0.1e18;
        int256 balance = 148_948.8e18 + 990e18 - 96_000e18 - 184.14e18 * 0.99;
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.BelowInitialMargin.selector, balance, 74_400e18));
        clearing.buyUnits(b, 0, units, a);
    }

    /* WHERE THE UNITS ARE */

    function test_SET_07_units_of_a_vault_that_has_not_answered_for_long_pay_no_debt() public {
        // E2: Bob sees the remote vault stall, which will hand him back what he sells, and would pay with it.
        uint256 heard = _openFar(1_000);
        _win(900);
        _putUp();
        _refusedLater(heard, 1 hours + 1);
        vm.warp(heard + 1 hours);
        _poke();
        _buy(1, 100e6);
        assertEq(_units(a, 1), 100e6);
    }

    function _refusedLater(uint256 heard, uint256 age) private {
        uint256 start = vm.snapshotState();
        vm.warp(heard + age);
        _poke();
        _refused(1, 100e6, abi.encodeWithSelector(Settlement.RoundTripTooOld.selector, 1, heard, block.timestamp));
        _buy(0, 0.1e18);
        vm.revertToState(start);
    }

    /// @dev The prices, at this very second.
    function _poke() private {
        vm.warp(block.timestamp - 1);
        _setPrice(2090);
    }

    function test_SET_07_units_of_a_vault_that_never_answered_pay_no_debt() public {
        vm.prank(bob.addr);
        clearing.openLine(b, remote, bob.addr);
        vm.prank(alice.addr);
        clearing.openLine(a, remote, alice.addr);
        _learn(_grantOf(b, bob.addr, 1_000e6));
        uint256 addedAt = 1_700_000_000;
        vm.warp(addedAt + 1 hours);
        _setPrice(2000);
        _win(900);
        _putUp();
        _refused(1, 1e6, abi.encodeWithSelector(Settlement.RoundTripTooOld.selector, 1, addedAt, block.timestamp));
    }

    function test_SET_07_units_of_a_vault_that_contradicted_itself_pay_no_debt() public {
        _openFar(1_000);
        _win(900);
        _putUp();
        assertEq(uint8(_learn(_grantOf(b, bob.addr, 1))), uint8(Outcome.CONTRADICTION));
        _refused(1, 1e6, abi.encodeWithSelector(Settlement.VaultEnded.selector, REMOTE, REMOTE_VAULT));
    }

    /* WINNERS AND LOSERS */

    function test_SET_08_a_winner_is_paid_by_losers_and_by_nobody_else() public {
        // H8: Bob's collateral is at one vault, and Alice, who won, would rather have the keeper's at another.
        _win(1_000);
        uint256 others = _units(k, 0);
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Lines.InsufficientUnits.selector, 100.4e18, 100e18));
        clearing.release(a, 0, 100.4e18);
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotPutUp.selector, k));
        clearing.buyUnits(k, 0, 0.4e18, a);
        _putUp();
        _buy(0, 0.4e18);
        vm.startPrank(alice.addr);
        clearing.release(a, 0, 100.4e18);
        vault.withdraw(address(weth), 100.4e18, alice.addr);
        assertEq(weth.balanceOf(alice.addr), 100.4e18, "out of what Bob granted");
        assertEq(_units(k, 0), others);
        assertEq(_units(b, 0), 99.6e18);
    }

    function test_SET_08_cash_is_taken_home_before_the_debt_is_settled_by_nobody() public {
        _win(1_000);
        assertEq(_cash(a), 1_000e18);
        vm.prank(alice.addr);
        clearing.release(a, 0, 100e18);
        assertEq(_units(a, 0), 0);
        assertEq(_cash(a), 1_000e18, "cash stays until units are bought");
    }

    function test_SET_09_what_the_seller_is_owed_in_funding_counts_before_its_units_are_sold() public {
        _tradeFar(10e18, 20_000e18);
        _win(10);
        _putUp();
        // Bob, short at the remote venue, has received 20 dollars that nobody has booked yet.
        vm.warp(block.timestamp + 30 hours);
        _setPrice(2001);
        _fundFar(2e18);
        _refused(0, 1, abi.encodeWithSelector(Settlement.NotPutUp.selector, b));
        vm.expectRevert(abi.encodeWithSelector(Settlement.NoDebt.selector, b));
        clearing.putUp(b);
    }

    function test_SET_09_a_buyer_pays_its_own_funding_first() public {
        _tradeFar(10e18, 20_000e18);
        _win(10);
        _putUp();
        vm.warp(block.timestamp + 30 hours);
        _setPrice(2001);
        _fundFar(0.9e18);
        // Alice, who is long there, has a dollar left of her ten.
        uint256 price = 0.001e18 * 2001 * 99 / 100;
        _refused(0, 0.001e18, abi.encodeWithSelector(Settlement.PriceAboveCash.selector, price, 1e18, 1e18));
    }

    function test_SET_10_a_sale_carries_its_part_of_what_is_counted() public {
        _fund(bob, 900e18);
        (Line memory line,) = clearing.lineOf(b, 0);
        assertEq(line.counted, 800e18);
        _win(1_000);
        _putUp();
        _buy(0, 0.4e18);
        (line,) = clearing.lineOf(b, 0);
        assertEq(line.counted, 800e18 - 0.32e18);
        (line,) = clearing.lineOf(a, 0);
        assertEq(line.counted, 100e18 + 0.32e18);
        (, uint256 counted) = clearing.listings(0);
        assertEq(counted, CAP);
    }

    /// As with a liquidation: what counted of the seller's goes on counting.
    function test_MRG_13_a_sale_may_bring_the_buyer_above_its_cap() public {
        _win(5_000);
        clearing.setParameters(Blobs.amended(_parameters(), 5, 24, 100e18, 112));
        _putUp();
        _buy(0, 1e18);
        (Line memory line,) = clearing.lineOf(a, 0);
        assertEq(line.counted, 101e18);
    }

    function test_SET_11_the_house_can_be_put_up_and_has_nothing_to_sell() public {
        bytes32 house = bytes32(bytes20(address(clearing)));
        vm.expectRevert(abi.encodeWithSelector(Settlement.NoDebt.selector, house));
        clearing.putUp(house);
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotPutUp.selector, house));
        clearing.buyUnits(house, 0, 1, a);
    }
}
