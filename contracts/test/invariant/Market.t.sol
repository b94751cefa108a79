// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test, Vm} from "forge-std/Test.sol";
import {Line, OpenInterest, Outstanding, Position} from "../../src/clearing/Ledger.sol";
import {Key, Kind, Outcome, Record} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {World} from "../World.sol";

/// @title Three traders in an honest world: they deposit, trade, withdraw and liquidate each other while the price moves, and
/// grants of the remote vault arrive late, twice, in any order, or never.
contract MarketHandler is World {
    uint256 public fills;
    uint256 public liquidations;
    uint256 public releases;
    uint256 public contradictions;
    uint128 public remoteGranted;
    uint256 public price = 2000;
    uint64 private _nonce = 1;
    uint128[] private _history;
    bytes[] private _proofs;

    constructor() {
        setUp();
        _fund(alice, 20e18);
        _fund(bob, 20e18);
        _fund(keeper, 200e18);
        vm.prank(alice.addr);
        clearing.openLine(a, remote, alice.addr);
        vm.prank(bob.addr);
        clearing.openLine(b, remote, bob.addr);
        vm.prank(keeper.addr);
        clearing.openLine(k, remote, keeper.addr);
    }

    function _who(uint256 i) private view returns (Vm.Wallet memory) {
        return i % 3 == 0 ? alice : i % 3 == 1 ? bob : keeper;
    }

    function deposit(uint256 who, uint96 amount) external {
        _fund(_who(who), bound(amount, 0.1e18, 5e18));
    }

    function withdraw(uint256 who, uint256 amount) external {
        Vm.Wallet memory w = _who(who);
        uint256 units = _units(bytes32(bytes20(w.addr)), 0);
        if (units == 0) return;
        vm.prank(w.addr);
        try clearing.release(bytes32(bytes20(w.addr)), 0, bound(amount, 1, units)) {
            ++releases;
        } catch {
            return;
        }
        uint256 free = vault.free(w.addr, address(weth));
        vm.prank(w.addr);
        vault.withdraw(address(weth), free, w.addr);
    }

    function move(uint256 drawn) external {
        price = bound(drawn, price * 93 / 100, price * 107 / 100);
        price = price < 500 ? 500 : price > 8000 ? 8000 : price;
        _setPrice(int64(uint64(price)));
    }

    function trade(uint256 one, uint256 other, uint96 size, uint256 bps, bool isBuy) external {
        Vm.Wallet memory maker = _who(one);
        Vm.Wallet memory taker = _who(other);
        if (maker.addr == taker.addr) return;
        _setPrice(int64(uint64(price)));
        uint112 amount = uint112(bound(size, 0.01e18, 20e18));
        if (!_tryRaise(maker, amount, isBuy) || !_tryRaise(taker, amount, !isBuy)) return;
        uint96 at = uint96(price * 1e18 * bound(bps, 9_850, 10_150) / 10_000);
        Order memory make = _order(maker, isBuy, amount, at);
        Order memory take = _order(taker, !isBuy, amount, at);
        (make.nonce, take.nonce) = (++_nonce, ++_nonce);
        venue.fill(make, _signOrder(maker, make), take, _signOrder(taker, take), amount);
        ++fills;
    }

    function _tryRaise(Vm.Wallet memory who, uint112 amount, bool isBuy) private returns (bool) {
        vm.prank(who.addr);
        try clearing.raiseLimits(bytes32(bytes20(who.addr)), 0, isBuy ? amount : 0, isBuy ? 0 : amount) {
            return true;
        } catch {
            return false;
        }
    }

    function void(uint256 who) external {
        Vm.Wallet memory w = _who(who);
        vm.prank(w.addr);
        try clearing.voidLimits(bytes32(bytes20(w.addr)), 0) {} catch {}
    }

    function liquidate(uint256 one, uint256 other) external {
        Vm.Wallet memory by = _who(other);
        vm.prank(by.addr);
        try clearing.liquidate(bytes32(bytes20(_who(one).addr)), bytes32(bytes20(by.addr))) {
            ++liquidations;
        } catch {}
    }

    /// @dev Alice's grant at the remote vault grows, and is attested.
    function grantFar(uint64 amount) external {
        if (_history.length > 31) return;
        remoteGranted += uint128(bound(amount, 1, 1e9));
        _history.push(remoteGranted);
        _proofs.push(_attest(_grantOf(a, alice.addr, remoteGranted), address(clearing)));
    }

    /// @dev Any of her grant's versions is delivered, as often and in what order it comes.
    function deliver(uint256 pick) external {
        if (_history.length == 0) return;
        pick %= _history.length;
        Outcome outcome = _learnWith(_grantOf(a, alice.addr, _history[pick]), _proofs[pick]);
        if (outcome == Outcome.CONTRADICTION) ++contradictions;
    }

    /* WHAT MUST HOLD */

    function accounts() public view returns (bytes32[3] memory) {
        return [a, b, k];
    }

    function check() external view {
        bytes32[3] memory all = accounts();
        int256 sizes;
        int256 money;
        uint256[2] memory units;
        uint256[2] memory counted;
        OpenInterest memory open;
        uint256 free;
        for (uint256 i; i < 3; ++i) {
            (Position memory position, Outstanding memory left) = clearing.positionOf(all[i], 0);
            sizes += position.size;
            money += int256(clearing.accountOf(all[i]).cash) + position.quote;
            open.long += _positive(position.size + int256(uint256(left.buy)));
            open.short += _positive(int256(uint256(left.sell)) - position.size);
            for (uint256 j; j < 2; ++j) {
                (Line memory line,) = clearing.lineOf(all[i], j);
                units[j] += line.units;
                counted[j] += line.counted;
                assertLe(line.counted, line.units);
            }
            free += vault.free(address(bytes20(all[i])), address(weth));
            _checkLimits(all[i]);
        }
        money += int256(clearing.accountOf(bytes32(bytes20(address(clearing)))).cash);
        assertEq(sizes, 0, "CLR-07 sizes");
        assertEq(money, 0, "CLR-07 cash and quotes");
        (, OpenInterest memory kept) = clearing.markets(0);
        assertEq(kept.long, open.long, "open interest, long");
        assertEq(kept.short, open.short, "open interest, short");
        uint256 pool = vault.pool(keccak256(abi.encode(block.chainid, address(clearing))), address(weth));
        assertEq(pool, units[0], "CLR-05 what is locked is what is owned");
        assertEq(weth.balanceOf(address(vault)), free + pool, "VLT-04");
        assertLe(units[1], remoteGranted, "no unit that was not granted");
        for (uint256 j; j < 2; ++j) {
            (, uint256 total) = clearing.listings(j);
            assertEq(total, counted[j], "MRG-06 counted");
        }
        assertEq(contradictions, 0, "REC-12 an honest writer never contradicts itself");
    }

    function _checkLimits(bytes32 account) private view {
        uint128[6] memory fills_ = venue.writtenOf(
            Key(Kind.FILLS, block.chainid, address(venue), block.chainid, address(clearing), account, 0, address(0))
        );
        uint128[6] memory limits = clearing.writtenOf(
            Key(Kind.LIMIT, block.chainid, address(clearing), block.chainid, address(venue), account, 0, address(0))
        );
        assertLe(fills_[0] + fills_[4], limits[0], "VEN-03 buys");
        assertLe(fills_[1] + fills_[5], limits[1], "VEN-03 sells");
    }

    function _positive(int256 value) private pure returns (uint128) {
        return value > 0 ? uint128(uint256(value)) : 0;
    }

    /// @dev Having got the newest at last, whatever came before, the clearing knows it exactly.
    function settle() external {
        if (_history.length == 0) return;
        Record memory record = _grantOf(a, alice.addr, remoteGranted);
        assertEq(uint8(_learnWith(record, _proofs[_proofs.length - 1])), uint8(Outcome.TAKEN));
        (uint128[6] memory known,,) = clearing.learnedOf(_keyAt(record, address(clearing)));
        assertEq(known[0], remoteGranted, "REC-12");
    }
}

/// forge-config: default.invariant.runs = 250
/// forge-config: default.invariant.depth = 400
contract MarketInvariants is Test {
    MarketHandler private handler;

    function setUp() public {
        handler = new MarketHandler();
        targetContract(address(handler));
        bytes4[] memory calls = new bytes4[](8);
        (calls[0], calls[1], calls[2]) = (handler.deposit.selector, handler.withdraw.selector, handler.move.selector);
        (calls[3], calls[4], calls[5]) = (handler.trade.selector, handler.void.selector, handler.liquidate.selector);
        (calls[6], calls[7]) = (handler.grantFar.selector, handler.deliver.selector);
        targetSelector(FuzzSelector(address(handler), calls));
    }

    function invariant_CLR_07_CLR_05_VEN_03_MRG_06_REC_12_the_market_adds_up() public view {
        handler.check();
    }

    function afterInvariant() public {
        handler.settle();
        assertGt(handler.fills(), 0);
        assertGt(handler.releases(), 0);
    }
}
