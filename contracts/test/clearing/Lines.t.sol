// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Clearing} from "../../src/clearing/Clearing.sol";
import {Ledgers, Line, Listing, Market} from "../../src/clearing/Ledger.sol";
import {Lines} from "../../src/clearing/Lines.sol";
import {Misfits} from "../../src/clearing/Misfits.sol";
import {Registrar} from "../../src/clearing/Registrar.sol";
import {Key, Kind} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {Blobs} from "../Blobs.sol";
import {World} from "../World.sol";

contract LinesTest is World {
    function test_CLR_01_only_the_owner_acts_for_an_account() public {
        _fund(alice, 10e18);
        bytes memory error = abi.encodeWithSelector(Clearing.NotTheOwner.selector, bob.addr, a);
        vm.startPrank(bob.addr);
        vm.expectRevert(error);
        clearing.openLine(a, remote, bob.addr);
        vm.expectRevert(error);
        clearing.raiseLimits(a, 0, 1e18, 0);
        vm.expectRevert(error);
        clearing.release(a, 0, 1);
        vm.expectRevert(error);
        clearing.liquidate(b, a);
    }

    function test_CLR_02_a_grant_counts_once_its_line_is_open() public {
        _learn(_grantOf(a, alice.addr, 100e6));
        assertEq(clearing.accountOf(a).lineCount, 0);
        vm.prank(alice.addr);
        clearing.openLine(a, remote, alice.addr);
        assertEq(_units(a, 0), 100e6);
        _learn(_grantOf(a, alice.addr, 150e6));
        assertEq(_units(a, 0), 150e6, "an open line follows its grant");
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Lines.LineIsOpen.selector, a));
        clearing.openLine(a, remote, alice.addr);
    }

    function test_CLR_02_a_line_has_one_holder() public {
        _learn(_grantOf(a, mallory(), 100e6));
        vm.prank(alice.addr);
        clearing.openLine(a, remote, alice.addr);
        assertEq(_units(a, 0), 0, "a stranger's grant is a line of its own, which the owner has not opened");
    }

    function mallory() private returns (address) {
        return makeAddr("mallory");
    }

    function test_CLR_02_an_unopened_grant_goes_home_to_its_holder_by_anyone() public {
        _learn(_grantOf(a, mallory(), 100e6));
        vm.prank(bob.addr);
        clearing.releaseUnopened(a, remote, mallory());
        Key memory key = Key(
            Kind.LEDGER,
            block.chainid,
            address(clearing),
            REMOTE,
            REMOTE_VAULT,
            a,
            bytes32(uint256(uint160(REMOTE_USDC))),
            mallory()
        );
        assertEq(clearing.writtenOf(key)[0], 100e6);
        vm.expectRevert(Lines.NothingToRelease.selector);
        clearing.releaseUnopened(a, remote, mallory());
    }

    function test_CLR_02_an_open_line_does_not_go_home_that_way() public {
        _fund(alice, 10e18);
        vm.expectRevert(abi.encodeWithSelector(Lines.LineIsOpen.selector, a));
        clearing.releaseUnopened(a, local, alice.addr);
    }

    function test_CLR_02_an_asset_that_is_not_listed_cannot_be_opened() public {
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Lines.NotListed.selector, REMOTE, REMOTE_VAULT, address(9)));
        clearing.openLine(a, Listing(REMOTE, REMOTE_VAULT, address(9)), alice.addr);
        clearing.listAsset(Listing(REMOTE, REMOTE_VAULT, address(9)));
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Lines.NoListingParameters.selector, 2));
        clearing.openLine(a, Listing(REMOTE, REMOTE_VAULT, address(9)), alice.addr);
    }

    function test_MRG_07_a_seventeenth_line_is_refused() public {
        vm.startPrank(alice.addr);
        for (uint256 i; i < 16; ++i) {
            clearing.openLine(a, remote, address(uint160(i + 1)));
        }
        vm.expectRevert(abi.encodeWithSelector(Lines.TooManyLines.selector, a));
        clearing.openLine(a, remote, address(uint160(17)));
        assertEq(clearing.accountOf(a).lineCount, 16);
    }

    function test_MRG_07_no_more_is_added_than_a_check_has_room_for() public {
        for (uint256 i = 2; i < 16; ++i) {
            clearing.addVault(1000 + i, address(1));
            clearing.addVenue(1000 + i, address(1));
        }
        for (uint256 i = 2; i < 32; ++i) {
            clearing.addMarket(Market(REMOTE, REMOTE_VENUE, bytes32(i)));
        }
        for (uint256 i = 2; i < 64; ++i) {
            clearing.listAsset(Listing(REMOTE, REMOTE_VAULT, address(uint160(1000 + i))));
        }
        for (uint256 i = 2; i < 255; ++i) {
            clearing.addFeed(bytes32(1000 + i));
        }
        vm.expectRevert(abi.encodeWithSelector(Registrar.TooManyEntries.selector, 16));
        clearing.addVault(1000, address(1));
        vm.expectRevert(abi.encodeWithSelector(Registrar.TooManyEntries.selector, 16));
        clearing.addVenue(1000, address(1));
        vm.expectRevert(abi.encodeWithSelector(Registrar.TooManyEntries.selector, 32));
        clearing.addMarket(Market(REMOTE, REMOTE_VENUE, "one more"));
        vm.expectRevert(abi.encodeWithSelector(Registrar.TooManyEntries.selector, 64));
        clearing.listAsset(Listing(REMOTE, REMOTE_VAULT, address(1000)));
        vm.expectRevert(abi.encodeWithSelector(Registrar.TooManyEntries.selector, 255));
        clearing.addFeed("one more");
    }

    function test_MRG_07_parameters_name_no_more_underlyings_and_credits_than_a_check_has_room_for() public {
        bytes memory blob = _parameters();
        bytes memory underlyings;
        for (uint256 i; i < 16; ++i) {
            underlyings = bytes.concat(underlyings, Blobs.underlying(0, 0.1e18, 0.05e18, 0, 0));
        }
        bytes memory credits;
        for (uint256 i; i < 33; ++i) {
            credits = bytes.concat(credits, Blobs.credit(uint8(i / 15), uint8(i % 15 + 1), 0));
        }
        clearing.setParameters(
            bytes.concat(Blobs.general(2, 16, 2, 2, 2, 0), _words(blob, 4, 6), underlyings, _words(blob, 12, 8))
        );
        bytes memory extra = bytes.concat(underlyings, Blobs.underlying(0, 0.1e18, 0.05e18, 0, 0));
        vm.expectRevert(abi.encodeWithSelector(Misfits.WrongCount.selector, "underlyings", 17, 16));
        clearing.setParameters(
            bytes.concat(Blobs.general(2, 17, 2, 2, 2, 0), _words(blob, 4, 6), extra, _words(blob, 12, 8))
        );
        bytes memory fore = bytes.concat(Blobs.general(2, 16, 2, 2, 2, 33), _words(blob, 4, 6), underlyings);
        vm.expectRevert(abi.encodeWithSelector(Misfits.WrongCount.selector, "credits", 33, 32));
        clearing.setParameters(bytes.concat(fore, _words(blob, 12, 8), credits));
    }

    function test_MRG_06_a_line_counts_up_to_what_the_cap_leaves() public {
        _fund(alice, 900e18);
        _fund(bob, 300e18);
        (Line memory line,) = clearing.lineOf(b, 0);
        assertEq(line.units, 300e18);
        assertEq(line.counted, 100e18);
        (, uint256 counted) = clearing.listings(0);
        assertEq(counted, CAP);
        vm.prank(alice.addr);
        clearing.release(a, 0, 400e18);
        _fund(bob, 1e18);
        (line,) = clearing.lineOf(b, 0);
        assertEq(line.counted, 301e18, "the room is taken when the line is learned next");
    }

    function test_MRG_06_uncounted_units_leave_first() public {
        _fund(alice, 900e18);
        _fund(bob, 300e18);
        vm.prank(bob.addr);
        clearing.release(b, 0, 200e18);
        (Line memory line,) = clearing.lineOf(b, 0);
        assertEq(line.counted, 100e18);
        (, uint256 counted) = clearing.listings(0);
        assertEq(counted, CAP);
    }

    function test_MRG_06_a_cap_lowered_below_what_is_counted_uncounts_nothing_and_leaves_no_room() public {
        _fund(alice, 900e18);
        // WETH's cap down to 100.
        clearing.setParameters(Blobs.amended(_parameters(), 4, 144, 100e18, 112));
        _fund(bob, 10e18);
        (Line memory line,) = clearing.lineOf(b, 0);
        assertEq(line.units, 10e18);
        assertEq(line.counted, 0);
        _fund(alice, 1e18);
        (line,) = clearing.lineOf(a, 0);
        assertEq(line.units, 901e18);
        assertEq(line.counted, 900e18);
        (, uint256 counted) = clearing.listings(0);
        assertEq(counted, 900e18);
    }

    /* RELEASE */

    function test_CLR_05_a_release_goes_home_and_no_unit_twice() public {
        _fund(alice, 10e18);
        vm.startPrank(alice.addr);
        clearing.release(a, 0, 4e18);
        assertEq(vault.free(alice.addr, address(weth)), 4e18);
        vm.expectRevert(abi.encodeWithSelector(Lines.InsufficientUnits.selector, 7e18, 6e18));
        clearing.release(a, 0, 7e18);
        vm.expectRevert(Lines.NothingToRelease.selector);
        clearing.release(a, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(Lines.NoSuchLine.selector, a, 1));
        clearing.release(a, 1, 1);
        clearing.release(a, 0, 6e18);
        vault.withdraw(address(weth), 10e18, alice.addr);
        assertEq(weth.balanceOf(alice.addr), 10e18);
    }

    function test_CLR_05_releasing_and_granting_again_keeps_count() public {
        _fund(alice, 10e18);
        for (uint256 i; i < 3; ++i) {
            vm.startPrank(alice.addr);
            clearing.release(a, 0, 10e18);
            vault.grant(address(weth), 10e18, block.chainid, address(clearing), a);
            vm.stopPrank();
        }
        assertEq(_units(a, 0), 10e18);
    }

    function test_CLR_03_a_release_that_initial_margin_needs_is_refused() public {
        _fund(alice, 10e18);
        _fund(bob, 100e18);
        _trade(50e18, 2000e18);
        bytes32 before = _state();
        vm.startPrank(alice.addr);
        // 50 ETH need 10,000 dollars; 6 WETH count 9,600.
        vm.expectRevert(abi.encodeWithSelector(Ledgers.BelowInitialMargin.selector, 9_600e18, 10_000e18));
        clearing.release(a, 0, 4e18);
        assertEq(_state(), before);
        clearing.release(a, 0, 3.75e18);
    }

    function test_CLR_03_a_release_on_a_stale_price_is_refused_but_not_without_anything_at_risk() public {
        _fund(alice, 10e18);
        _fund(bob, 100e18);
        _fund(keeper, 10e18);
        _trade(10e18, 2000e18);
        uint64 time = clearing.indexPrice(0).publishTime;
        vm.warp(block.timestamp + 61);
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.IndexTooOld.selector, 0, time, block.timestamp));
        clearing.release(a, 0, 1);
        vm.prank(keeper.addr);
        clearing.release(k, 0, 10e18);
        assertEq(vault.free(keeper.addr, address(weth)), 10e18, "nothing owed, nothing asked");
    }

    function test_CLR_03_an_account_that_owes_cash_and_holds_nothing_keeps_margin_for_it() public {
        _fund(alice, 10e18);
        _fund(bob, 100e18);
        _trade(50e18, 2000e18);
        _setPrice(1950);
        _raise(alice, 0, 0, 50e18);
        _raise(bob, 0, 50e18, 0);
        Order memory maker = _order(bob, true, 50e18, 1950e18);
        Order memory taker = _order(alice, false, 50e18, 1950e18);
        venue.fill(maker, _signOrder(bob, maker), taker, _signOrder(alice, taker), 50e18);
        _pullFills();
        assertEq(clearing.accountOf(a).markets, 0);
        assertEq(clearing.accountOf(a).cash, -2_500e18);
        vm.startPrank(alice.addr);
        // One WETH counts 1,560 dollars, two 3,120.
        vm.expectRevert(abi.encodeWithSelector(Ledgers.BelowInitialMargin.selector, -940e18, 0));
        clearing.release(a, 0, 9e18);
        clearing.release(a, 0, 8e18);
    }

    function test_CLR_03_a_release_on_a_stale_fills_record_is_refused() public {
        _fund(alice, 100e18);
        _raise(alice, 1, 1e18, 0);
        _learn(_fillsOf(a, _fields(0, 0, 0, 0, 0, 0)));
        uint64 asOf = uint64(block.timestamp);
        vm.warp(block.timestamp + 601);
        _setPrice(2000);
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Ledgers.RecordTooOld.selector, 1, asOf, block.timestamp));
        clearing.release(a, 0, 1e18);
        _learn(_fillsOf(a, _fields(0, 0, 0, 0, 0, 0)));
        vm.prank(alice.addr);
        clearing.release(a, 0, 1e18);
    }

    /* GOVERNANCE */

    function test_CLR_09_only_governance_sets_and_what_it_sets_is_checked() public {
        vm.startPrank(alice.addr);
        bytes memory error = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, alice.addr);
        vm.expectRevert(error);
        clearing.setParameters("");
        vm.expectRevert(error);
        clearing.addVault(1, address(1));
        vm.expectRevert(error);
        clearing.addVenue(1, address(1));
        vm.expectRevert(error);
        clearing.addFeed(0);
        vm.expectRevert(error);
        clearing.listAsset(local);
        vm.expectRevert(error);
        clearing.addMarket(Market(block.chainid, address(venue), "third"));
    }

    function test_CLR_09_governance_moves_no_account() public {
        _fund(alice, 10e18);
        _fund(bob, 100e18);
        _trade(10e18, 2000e18);
        bytes32 before = _state();
        clearing.setParameters(_parameters());
        clearing.addFeed("BTC");
        clearing.addVault(7, address(7));
        assertEq(_state(), before);
    }

    function test_MRG_08_bad_parameters_are_refused_by_name() public {
        bytes memory blob = _parameters();
        _refuse(Blobs.amended(blob, 4, 80, 0.25e18, 64), "listings", 0);
        _refuse(Blobs.amended(blob, 4, 16, 1.1e18, 64), "listings", 0);
        _refuse(Blobs.amended(blob, 7, 8, 37, 8), "listings", 1);
        _refuse(Blobs.amended(blob, 7, 0, 2, 8), "listings", 1);
        _refuse(Blobs.amended(blob, 10, 72, 0.2e18, 64), "underlyings", 0);
        _refuse(Blobs.amended(blob, 10, 136, 1.1e18, 64), "underlyings", 0);
        _refuse(Blobs.amended(blob, 10, 0, 9, 8), "underlyings", 0);
        _refuse(Blobs.amended(blob, 11, 128, 1.1e18, 64), "underlyings", 0);
        _refuse(Blobs.amended(blob, 12, 0, 1, 8), "markets", 0);
        _refuse(Blobs.amended(blob, 13, 0, 1, 8), "markets", 0);
        _refuse(Blobs.amended(blob, 13, 8, 1, 8), "markets", 0);
        _refuse(Blobs.amended(blob, 14, 8, 1.1e18, 64), "markets", 1);
        _refuse(Blobs.amended(blob, 16, 0, 1.1e18, 64), "venues", 0);
        _refuse(Blobs.amended(blob, 16, 64, 301, 32), "venues", 0);
        _refuse(Blobs.amended(blob, 17, 128, 300, 32), "venues", 1);
        _refuse(Blobs.amended(blob, 17, 160, 0, 1), "venues", 1);
        _refuse(Blobs.amended(blob, 0, 40, 0.9e18, 64), "general", 0);
        _refuse(Blobs.amended(blob, 1, 0, 1.1e18, 64), "general", 0);
        (uint32 version,) = clearing.parameters();
        assertEq(version, 1);
        clearing.setParameters(blob);
        (version,) = clearing.parameters();
        assertEq(version, 2);
    }

    /// @dev A vault's ages, cap and inflow decide what counts while nobody is heard: none may be out of order or missing.
    function test_MRG_08_bad_parameters_of_vaults_caps_and_lateness_are_refused_by_name() public {
        bytes memory blob = _parameters();
        _refuse(Blobs.amended(blob, 5, 0, 1, 8), "listings", 0);
        _refuse(Blobs.amended(blob, 8, 0, 2, 8), "listings", 1);
        _refuse(Blobs.amended(blob, 8, 8, 2, 8), "listings", 1);
        _refuse(Blobs.amended(blob, 9, 112, 0, 32), "listings", 1);
        _refuse(Blobs.amended(blob, 17, 161, 60, 32), "venues", 1);
        _refuse(Blobs.amended(blob, 17, 161, 1 hours + 1, 32), "venues", 1);
        _refuse(Blobs.amended(blob, 18, 160, 1, 1), "vaults", 0);
        _refuse(Blobs.amended(blob, 19, 160, 0, 1), "vaults", 1);
        _refuse(Blobs.amended(blob, 19, 64, 365 days + 1, 32), "vaults", 1);
        _refuse(Blobs.amended(blob, 19, 96, 730 days, 32), "vaults", 1);
        _refuse(Blobs.amended(blob, 19, 161, 365 days, 32), "vaults", 1);
        _refuse(Blobs.amended(blob, 19, 161, 730 days + 1, 32), "vaults", 1);
        _refuse(Blobs.amended(blob, 2, 96, 0, 32), "general", 0);
        _refuse(Blobs.amended(blob, 0, 168, 1e18 + 1, 64), "general", 0);
        _refuse(Blobs.amended(blob, 0, 104, 1e18 + 1, 64), "general", 0);
        _refuse(Blobs.amended(blob, 0, 104, 0.05e18 + 1, 64), "underlyings", 0);
        _refuse(Blobs.amended(blob, 1, 64, 1e18 + 1, 64), "general", 0);
        _refuse(Blobs.amended(blob, 1, 128, 1e18 + 1, 64), "general", 0);
    }

    function test_MRG_08_credits_out_of_order_or_beyond_all_of_a_risk_are_refused() public {
        // A second underlying, between the first one and the markets, and a credit at the end.
        bytes memory blob = _parameters();
        bytes memory two = bytes.concat(Blobs.general(2, 2, 2, 2, 2, 1), _words(blob, 4, 8));
        two = bytes.concat(
            two, Blobs.underlying(0, 0.1e18, 0.05e18, 0, 0), _words(blob, 12, 8), Blobs.credit(0, 1, 0.8e18)
        );
        clearing.setParameters(two);
        _refuse(Blobs.amended(two, 22, 0, 1, 8), "credits", 0);
        _refuse(Blobs.amended(two, 22, 8, 2, 8), "credits", 0);
        _refuse(Blobs.amended(two, 22, 16, 1e18 + 1, 64), "credits", 0);
        // Of 5 % of the risk 0.8 leaves the 1 % that a liquidator is paid.
        _refuse(Blobs.amended(two, 22, 16, 0.8e18 + 1, 64), "underlyings", 0);
        _refuse(bytes.concat(Blobs.amended(two, 3, 80, 24, 16), Blobs.credit(0, 1, 0)), "credits", 1);
    }

    function test_MRG_08_a_blob_with_a_missing_or_spare_entry_is_refused() public {
        bytes memory blob = _parameters();
        bytes memory spare = bytes.concat(blob, bytes32(0));
        vm.expectRevert(abi.encodeWithSelector(Misfits.WrongCount.selector, "words", 21, 20));
        clearing.setParameters(spare);
        clearing.addMarket(Market(block.chainid, address(venue), "third"));
        vm.expectRevert(abi.encodeWithSelector(Misfits.WrongCount.selector, "markets", 2, 3));
        clearing.setParameters(blob);
        clearing.addVenue(9, address(9));
        vm.expectRevert(abi.encodeWithSelector(Misfits.WrongCount.selector, "venues", 2, 3));
        clearing.setParameters(_parametersWith(Blobs.market(0, 0.03e18, 0.01e18, 500e18, 0)));
        vm.expectRevert(abi.encodeWithSelector(Misfits.WrongCount.selector, "words", 0, 4));
        clearing.setParameters("");
    }

    function _refuse(bytes memory blob, string memory list, uint256 entry) private {
        vm.expectRevert(abi.encodeWithSelector(Misfits.BadParameters.selector, list, entry));
        clearing.setParameters(blob);
    }

    function _words(bytes memory blob, uint256 from, uint256 count) private pure returns (bytes memory part) {
        part = new bytes(count * 32);
        for (uint256 i; i < part.length; ++i) {
            part[i] = blob[from * 32 + i];
        }
    }
}
