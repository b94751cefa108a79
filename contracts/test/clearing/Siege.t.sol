// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ledgers, Market, Outstanding} from "../../src/clearing/Ledger.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {Books} from "../../src/records/Books.sol";
import {Key, Kind, LocalRecord, Record} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {Blobs} from "../Blobs.sol";
import {Far} from "./Far.sol";
import {Burner, Refuser} from "./Hostile.t.sol";

/// @dev As the vault that it replaces, but for what it does when it is told something.
contract Meddler {
    address private immutable _honest;
    address private immutable _clearing;
    bytes32 private immutable _account;
    address private immutable _asset;
    address private immutable _holder;

    constructor(address honest, address clearing, bytes32 account, address asset, address holder) {
        (_honest, _clearing, _account, _asset, _holder) = (honest, clearing, account, asset, holder);
    }

    fallback() external {
        if (msg.sig == bytes4(keccak256("push((uint8,uint256,address,bytes32,bytes32,address,uint128[6]))"))) {
            uint256 lost;
            assembly {
                lost := calldataload(260)
            }
            if (lost == 0) return;
            LocalRecord[] memory records = new LocalRecord[](1);
            records[0] = LocalRecord(Kind.GRANT, address(this), _account, bytes32(uint256(uint160(_asset))), _holder);
            (bool ok,) =
                _clearing.call(abi.encodeWithSignature("pull((uint8,address,bytes32,bytes32,address)[])", records));
            ok;
            return;
        }
        (bool success, bytes memory answer) = _honest.delegatecall(msg.data);
        assembly {
            if success { return(add(answer, 0x20), mload(answer)) }
            revert(add(answer, 0x20), mload(answer))
        }
    }
}

/// @title Attacks on limits that add no risk, on closings by governance, and on vaults that are told in passing.
contract SiegeTest is Far {
    function _learnBoth(uint112 size, uint128 notional) private {
        Record[] memory records = new Record[](3);
        records[0] = _marketRecord();
        records[1] = _fillsOf(a, _fields(0, size, 0, notional, 0, 0));
        records[2] = _fillsOf(b, _fields(size, 0, notional, 0, 0, 0));
        _learnAll(records);
    }

    function _priceAt(uint256 until) private {
        bytes[] memory reports = new bytes[](1);
        reports[0] = pyth.createPriceFeedUpdateData(ETH, 2000e8, 1e6, -8, 2000e8, 1e6, uint64(until), uint64(until - 1));
        clearing.priceClosed(0, reports);
    }

    /* CLOSING BY GOVERNANCE */

    /// A closed leg on the clearing's chain goes on netting for new risk until it is settled: what is opened against it in the
    /// grace is then a lone position at less than maintenance margin.
    function test_CLO_11_no_new_risk_rests_on_a_leg_that_governance_has_closed() public {
        _trade(400e18, 2000e18);
        clearing.closeVenue(0);
        _assertNoHedge();
    }

    /// The same with a contradiction: the breaker ends the netting for new risk.
    function test_CLO_11_nor_on_a_leg_that_contradicted_itself() public {
        _trade(400e18, 2000e18);
        _raise(keeper, 0, 1e18, 0);
        vm.mockCall(
            address(venue),
            abi.encodeWithSignature("writtenOf((uint8,uint256,address,uint256,address,bytes32,bytes32,address))"),
            abi.encode(_fields(2e18, 0, 4000e18, 0, 0, 0))
        );
        LocalRecord[] memory records = new LocalRecord[](1);
        records[0] = _localFillsOf(k);
        clearing.pull(records);
        assertTrue(clearing.ended(block.chainid, address(venue)));
        clearing.closeVenue(0);
        _assertNoHedge();
    }

    /// @dev Alice sells against the leg that ends, takes out what its netting leaves free, and waits.
    function _assertNoHedge() private {
        uint256 until = block.timestamp + GRACE;
        vm.prank(alice.addr);
        try clearing.raiseLimits(a, 1, 0, 400e18) {
            _raise(bob, 1, 400e18, 0);
            _learnBoth(400e18, 800_000e18);
        } catch {}
        for (uint256 i; i < 100; ++i) {
            vm.prank(alice.addr);
            try clearing.release(a, 0, 1e18) {} catch {}
        }
        Margin memory margin = clearing.marginOf(a);
        vm.warp(until + 1);
        _setPrice(2000);
        _hear();
        _priceAt(until);
        clearing.settleClosed(a, 0);
        margin = clearing.marginOf(a);
        assertGe(margin.maintenanceMarginBalance, int256(margin.maintenanceMargin), "lone, and below maintenance");
    }

    /// Governance, or who sees its call wait, pulls the winner's side of a local fill and closes before the loser's.
    function test_CLO_11_a_closing_by_governance_leaves_no_half_of_a_local_fill_to_the_house() public {
        _raise(alice, 0, 100e18, 0);
        _raise(bob, 0, 0, 100e18);
        Order memory maker = _order(bob, false, 100e18, 2000e18);
        Order memory taker = _order(alice, true, 100e18, 2000e18);
        venue.fill(maker, _signOrder(bob, maker), taker, _signOrder(alice, taker), 100e18);
        // Half an hour later ETH is up; whoever lost would have been shown instead.
        vm.warp(block.timestamp + 1800);
        _setPrice(2400);
        bytes[] memory updates = new bytes[](1);
        updates[0] = _report(ETH, 2400e8, 1e6, block.timestamp);
        LocalRecord[] memory records = new LocalRecord[](2);
        records[0] = LocalRecord(Kind.MARKET, address(venue), 0, 0, address(0));
        records[1] = _localFillsOf(a);
        clearing.pull(records);
        clearing.closeVenue(0);
        // Nobody can show the other half any more, although the venue is alive and says it.
        records[1] = _localFillsOf(b);
        bool shown;
        try clearing.pull(records) {
            shown = true;
        } catch {}
        vm.warp(block.timestamp + GRACE + 2 hours);
        _setPrice(2400);
        clearing.settleClosed(a, 0);
        if (clearing.accountOf(b).markets & 1 == 1) clearing.settleClosed(b, 0);
        assertTrue(shown, "the other half is refused");
        assertGe(_house(), 0, "the house pays the winner");
    }

    /// Where the grace is shorter than `maxMoveAge`, what was accrued before the closing still looks fresh after it.
    function test_CLO_06_no_release_between_a_short_grace_and_the_price() public {
        clearing.setParameters(Blobs.amended(_parameters(), 2, 32, 60, 32));
        _trade(400e18, 2000e18);
        clearing.closeVenue(0);
        vm.warp(block.timestamp + 61);
        _setPrice(2000);
        vm.prank(alice.addr);
        vm.expectPartialRevert(Ledgers.PositionUnpriced.selector);
        clearing.release(a, 0, 40e18);
    }

    function test_CLO_01_nobody_closes_a_venue_that_the_parameters_do_not_name_yet() public {
        for (uint160 i; i < 3; ++i) {
            clearing.addVenue(REMOTE, address(0xB2 + i));
        }
        vm.startPrank(keeper.addr);
        for (uint256 i = 2; i < 5; ++i) {
            bool closed;
            try clearing.closeVenue(i) {
                closed = true;
            } catch {}
            assertFalse(closed, string.concat("anyone closed a new venue at once: ", vm.toString(i)));
        }
    }

    /* VAULTS THAT ARE TOLD IN PASSING */

    /// In the one moment between the two records, a grant is taken again, and what was gained is not in it yet.
    function test_CLR_12_a_local_vault_that_has_a_grant_learned_again_while_it_is_told_takes_nothing() public {
        _trade(400e18, 2000e18);
        _setPrice(1700);
        address honest = address(new Refuser());
        vm.etch(honest, address(vault).code);
        Meddler meddler = new Meddler(honest, address(clearing), k, address(weth), keeper.addr);
        vm.etch(address(vault), address(meddler).code);
        uint256 before = _units(a, 0) + _units(k, 0);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        assertGt(_size(k, 0), 0);
        assertEq(_units(a, 0) + _units(k, 0), before, "LIQ-03: units are conserved");
    }

    /// The same has the liquidator below initial margin, so that the liquidation is held up after all.
    function test_CLR_12_a_local_vault_that_has_a_grant_learned_again_holds_up_no_liquidation() public {
        _trade(400e18, 2000e18);
        _setPrice(1700);
        address honest = address(new Refuser());
        vm.etch(honest, address(vault).code);
        bytes memory code = address(new Meddler(honest, address(clearing), k, address(weth), keeper.addr)).code;
        bytes memory own = address(vault).code;
        uint256 heldUp;
        for (uint256 i = 1; i < 100; ++i) {
            vm.prank(keeper.addr);
            clearing.release(k, 0, 1e18);
            uint256 snapshot = vm.snapshotState();
            vm.prank(keeper.addr);
            try clearing.liquidate(a, k) {
                vm.revertToState(snapshot);
                vm.etch(address(vault), code);
                vm.prank(keeper.addr);
                try clearing.liquidate(a, k) {}
                catch {
                    ++heldUp;
                }
                vm.etch(address(vault), own);
            } catch {}
            vm.revertToState(snapshot);
        }
        assertEq(heldUp, 0, "liquidations held up by the vault, of 99 liquidators");
    }

    /// What an honest vault needs at most: nothing learned of the line before, and an old release to honor.
    function test_REC_14_an_honest_vault_needs_less_than_two_thirds_of_what_it_is_given() public {
        Key memory key = _ledgerKey(a, alice.addr);
        uint128[6] memory fields = _fields(5e18, 1e18, 2e18, 0, 0, 0);
        Record memory record = Record(key.kind, block.chainid, address(clearing), a, key.item, alice.addr, fields);
        vm.cool(address(vault));
        vm.prank(address(clearing));
        uint256 before = gasleft();
        vault.push(record);
        uint256 used = before - gasleft();
        assertLt(used, Books.PUSH_GAS * 2 / 3);
    }

    /// The worst that a vault can burn: sixteen lines, each told of twice.
    function test_CLR_12_sixteen_lines_at_a_vault_that_burns_all_gas() public {
        for (uint256 i = 1; i < 16; ++i) {
            address holder = vm.addr(1000 + i);
            weth.mint(holder, 1e18);
            vm.startPrank(holder);
            weth.approve(address(vault), 1e18);
            vault.depositAndGrant(address(weth), 1e18, block.chainid, address(clearing), a);
            vm.stopPrank();
            vm.prank(alice.addr);
            clearing.openLine(a, local, holder);
        }
        _trade(450e18, 2000e18);
        _setPrice(1700);
        vm.etch(address(vault), address(new Burner()).code);
        vm.prank(keeper.addr);
        uint256 before = gasleft();
        clearing.liquidate(a, k);
        assertLt(before - gasleft(), 16_777_216, "of one transaction (EIP-7825)");
    }

    /// A buyer of units at a vault on this chain pays although the vault does not answer.
    function test_SET_05_units_at_a_local_vault_that_answers_nobody_are_not_sold() public {
        _win(1_000);
        vm.prank(bob.addr);
        clearing.putUp(b);
        vm.etch(address(vault), address(new Refuser()).code);
        vm.prank(alice.addr);
        vm.expectRevert();
        clearing.buyUnits(b, 0, 0.1e18, a);
    }

    /// No gas of the caller's choosing has the vault not hear, and the liquidation go on.
    function test_CLR_12_no_gas_makes_an_honest_vault_deaf() public {
        _trade(400e18, 2000e18);
        _raise(alice, 0, 10e18, 0);
        _setPrice(1700);
        uint256 deaf;
        uint256 passed;
        for (uint256 gas_ = 300_000; gas_ < 1_600_000; gas_ += 1_500) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(keeper.addr);
            try clearing.liquidate{gas: gas_}(a, k) {
                ++passed;
                (uint128[6] memory lost,,) = vault.learnedOf(_ledgerKey(a, alice.addr));
                (uint128[6] memory gained,,) = vault.learnedOf(_ledgerKey(k, keeper.addr));
                (, Outstanding memory left) = clearing.positionOf(a, 0);
                if (lost[2] == 0 || gained[1] != lost[2] || left.buy != 0) ++deaf;
            } catch {}
            vm.revertToState(snapshot);
        }
        assertGt(passed, 0);
        assertEq(deaf, 0, "gas chosen so that a reader is deaf");
    }

    function _ledgerKey(bytes32 account, address holder) private view returns (Key memory) {
        bytes32 item = bytes32(uint256(uint160(address(weth))));
        return Key(Kind.LEDGER, block.chainid, address(clearing), block.chainid, address(vault), account, item, holder);
    }

    /* LIMITS THAT ADD NO RISK */

    /// To the unit, at any price and band and age of what is known: a lone position is shrunk by one limit and a second.
    function testFuzz_CLR_04_a_lone_position_is_always_shrunk(uint256 seed, bool far, uint64 band, uint32 age) public {
        uint256 size = 400e18;
        bytes memory blob = _parameters();
        band = uint64(bound(band, 0, 0.05e18));
        blob = Blobs.amended(Blobs.amended(blob, 12, 8, band, 64), 14, 8, band, 64);
        blob = Blobs.amended(blob, 11, 0, bound(seed >> 7, 0, 1_000_000e18), 128);
        if (far) _tradeFar(uint112(size), uint128(size * 2000));
        else _trade(uint112(size), 2000e18);
        clearing.setParameters(blob);
        uint256 market = far ? 1 : 0;
        _poke(bound(seed, 1725e8, 1815e8));
        Margin memory margin = clearing.marginOf(a);
        bool isBetween = margin.initialMarginBalance < int256(margin.initialMargin)
            && margin.maintenanceMarginBalance >= int256(margin.maintenanceMargin);
        if (!isBetween) return;
        uint256 first = bound(seed >> 64, 0.01e18, size / 2);
        uint256 second = bound(seed >> 128, 0.01e18, size - first);
        if (!_holds(margin, first, band)) return;
        _raise(alice, market, 0, uint112(first));
        if (far) {
            vm.warp(block.timestamp + bound(age, 0, 299));
            _learn(_fillsOf(a, _fields(uint128(size), 0, uint128(size * 2000), 0, 0, 0)));
            vm.warp(block.timestamp + bound(age >> 8, 0, 299));
            _poke(bound(seed >> 32, 1725e8, 1815e8));
            remoteFunding[2] = uint128(block.timestamp);
        } else {
            _poke(bound(seed >> 32, 1725e8, 1815e8));
        }
        margin = clearing.marginOf(a);
        if (!_holds(margin, second, band)) return;
        _raise(alice, market, 0, uint112(second));
    }

    function _holds(Margin memory margin, uint256 size, uint256 band) private view returns (bool) {
        uint256 reserve = (size * clearing.indexPrice(0).price / 1e18 + 1) * band / 1e18 + 2;
        return margin.maintenanceMarginBalance >= int256(margin.maintenanceMargin + reserve);
    }

    function _poke(uint256 price) private {
        vm.warp(block.timestamp + 1);
        bytes[] memory updates = new bytes[](1);
        updates[0] = _report(ETH, int64(uint64(price)), 1e6, block.timestamp);
        clearing.poke(new uint256[](1), updates);
        venue.poke(new uint256[](1), new bytes[](0));
    }

    /// Three markets of one underlying: what a limit of before was charged for one side lets the other be chosen, and no more.
    function test_CLR_04_a_limit_of_before_is_charged_for_whichever_side_fills() public {
        clearing.addMarket(Market(REMOTE, REMOTE_VENUE, bytes32(uint256(1))));
        clearing.setParameters(_parametersWith(Blobs.market(0, 0.03e18, 0.01e18, 500e18, 1)));
        _trade(300e18, 2000e18);
        _raise(alice, 1, 0, 300e18);
        _raise(bob, 1, 300e18, 0);
        _learnBoth(300e18, 600_000e18);
        // With plenty of margin, a limit to sell that is never used.
        _raise(alice, 2, 0, 300e18);
        Record memory none = _fillsOf(a, _fields(0, 0, 0, 0, 0, 0));
        none.item = bytes32(uint256(1));
        _learn(none);
        vm.prank(alice.addr);
        clearing.release(a, 0, 47e18);
        // WETH is worth less as margin now.
        bytes memory blob = _parametersWith(Blobs.market(0, 0.03e18, 0.01e18, 500e18, 1));
        clearing.setParameters(Blobs.amended(blob, 4, 16, 0.5e18, 64));
        Margin memory margin = clearing.marginOf(a);
        assertLt(margin.initialMarginBalance, int256(margin.initialMargin));
        uint256 charged = margin.initialMargin;
        vm.prank(alice.addr);
        vm.expectPartialRevert(Ledgers.BelowInitialMargin.selector);
        clearing.raiseLimits(a, 0, 0, 10e18);
        _raise(alice, 1, 290e18, 0);
        // Filled, the shield voided and forfeited.
        _learn(_fillsOf(a, _fields(290e18, 300e18, 580_000e18, 600_000e18, 0, 0)));
        vm.prank(alice.addr);
        clearing.voidLimits(a, 2);
        none.fields = _fields(0, 0, 0, 0, 0, 300e18);
        _learn(none);
        margin = clearing.marginOf(a);
        assertLe(margin.initialMargin, charged);
    }
}
