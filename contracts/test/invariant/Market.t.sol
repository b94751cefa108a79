// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test, Vm} from "forge-std/Test.sol";
import {Line, OpenInterest, Outstanding, Position} from "../../src/clearing/Ledger.sol";
import {Wad} from "../../src/math/Wad.sol";
import {Key, Kind, LocalRecord, Outcome, Record} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {Blobs} from "../Blobs.sol";
import {World} from "../World.sol";
import {Vouched} from "./Vouched.sol";

/// @title Three traders in an honest world: they deposit, trade, withdraw and liquidate each other while the price moves and
/// crashes, and what the remote vault and venue write arrives late, twice, in any order, or never.
contract MarketHandler is World {
    /// What a remote writer wrote at one of its blocks.
    struct Version {
        uint64 blockNumber;
        uint128[6] fields;
    }

    uint256 private constant FAR_CAP = 5e9;

    uint256 public fills;
    uint256 public farFills;
    uint256 public liquidations;
    uint256 public releases;
    uint256 public contradictions;
    uint256 public refusals;
    uint256 public stale;
    uint256 public pullsRefused;
    uint256 public price = 2000;
    uint256 private steps;
    uint64 private _nonce = 1;
    /// Of Alice's grant at the remote vault.
    Version[] private _grants;
    /// Of the fills of Alice and Bob at the remote venue, and the limits it has heard of.
    mapping(bytes32 account => Version[]) private _fills;
    mapping(bytes32 account => uint128[6]) private _limits;

    modifier step() {
        ++steps;
        _;
    }

    constructor() {
        setUp();
        // From here on any version of a record can be delivered for ever.
        vm.etch(address(roots), address(new Vouched()).code);
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

    /// @dev A cap on the remote USDC that a run's grants outgrow.
    function _parameters() internal pure override returns (bytes memory) {
        return Blobs.amended(super._parameters(), 7, 144, FAR_CAP, 112);
    }

    function _who(uint256 i) private view returns (Vm.Wallet memory) {
        return i % 3 == 0 ? alice : i % 3 == 1 ? bob : keeper;
    }

    function deposit(uint256 who, uint96 amount) external step {
        _fund(_who(who), bound(amount, 0.1e18, 5e18));
    }

    function withdraw(uint256 who, uint256 amount) external step {
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

    function move(uint256 drawn) external step {
        price = bound(drawn, price * 93 / 100, price * 107 / 100);
        price = price < 500 ? 500 : price > 8000 ? 8000 : price;
        _setPrice(int64(uint64(price)));
    }

    function trade(uint256 one, uint256 other, uint96 size, uint256 bps, bool isBuy) external step {
        Vm.Wallet memory maker = _who(one);
        Vm.Wallet memory taker = _who(other);
        if (maker.addr == taker.addr) return;
        _setPrice(int64(uint64(price)));
        uint112 amount = uint112(bound(size, 0.01e18, 20e18));
        if (!_tryRaise(maker, 0, amount, isBuy) || !_tryRaise(taker, 0, amount, !isBuy)) return;
        uint96 at = uint96(price * 1e18 * bound(bps, 9_850, 10_150) / 10_000);
        Order memory make = _order(maker, isBuy, amount, at);
        Order memory take = _order(taker, !isBuy, amount, at);
        (make.nonce, take.nonce) = (++_nonce, ++_nonce);
        venue.fill(make, _signOrder(maker, make), take, _signOrder(taker, take), amount);
        ++fills;
    }

    /// @dev Somebody has the clearing read what the local venue knows of one account.
    function pullNear(uint256 who) public step {
        LocalRecord[] memory records = new LocalRecord[](2);
        records[0] = LocalRecord(Kind.MARKET, address(venue), 0, 0, address(0));
        records[1] = _localFillsOf(accounts()[who % 3]);
        try clearing.pull(records) returns (Outcome[] memory outcomes) {
            if (outcomes[0] != Outcome.TAKEN || outcomes[1] != Outcome.TAKEN) ++contradictions;
        } catch {
            ++pullsRefused;
        }
    }

    function _tryRaise(Vm.Wallet memory who, uint256 market, uint112 amount, bool isBuy) private returns (bool) {
        vm.prank(who.addr);
        try clearing.raiseLimits(bytes32(bytes20(who.addr)), market, isBuy ? amount : 0, isBuy ? 0 : amount) {
            return true;
        } catch {
            return false;
        }
    }

    function void(uint256 who, uint256 market) external step {
        Vm.Wallet memory w = _who(who);
        vm.prank(w.addr);
        try clearing.voidLimits(bytes32(bytes20(w.addr)), market % 2) {} catch {}
    }

    function liquidate(uint256 one, uint256 other) public step {
        Vm.Wallet memory by = _who(other);
        vm.prank(by.addr);
        try clearing.liquidate(bytes32(bytes20(_who(one).addr)), bytes32(bytes20(by.addr))) {
            ++liquidations;
        } catch {}
    }

    /// @dev Alice or Bob takes out what can be spared, then the price runs against the position until the keeper,
    /// newly funded, can liquidate, or it has run far.
    function crash(uint256 who) external step {
        who %= 2;
        bytes32 account = accounts()[who];
        int256 size = _size(account, 0) + _size(account, 1);
        if (size == 0) return;
        for (uint256 percent = 90; percent >= 30; percent -= 20) {
            this.withdraw(who, _units(account, 0) * percent / 100);
        }
        _fund(keeper, 50e18);
        uint256 before = liquidations;
        for (uint256 step; step < 8 && liquidations == before; ++step) {
            this.move(size > 0 ? 0 : type(uint256).max);
            liquidate(who, 2);
        }
    }

    /* THE OTHER CHAIN */

    /// @dev Alice's grant at the remote vault grows.
    function grantFar(uint64 amount) external step {
        if (_grants.length > 31) return;
        uint128[6] memory fields = _fields(uint128(remoteGranted() + bound(amount, 1, 1e9)), 0, 0, 0, 0, 0);
        _write(_grants, _grantOf(a, alice.addr, fields[0]));
    }

    function remoteGranted() public view returns (uint256) {
        return _grants.length == 0 ? 0 : _grants[_grants.length - 1].fields[0];
    }

    /// @dev Alice and Bob trade at the remote venue, as far as the limits go that it has heard of.
    function tradeFar(uint96 limit, uint96 size, uint256 bps, bool isBuy) external step {
        _setPrice(int64(uint64(price)));
        uint112 amount = uint112(bound(limit, 0.01e18, 20e18));
        _tryRaise(alice, 1, amount, isBuy);
        _tryRaise(bob, 1, amount, !isBuy);
        uint128[6] memory one = _hearLimits(a);
        uint128[6] memory other = _hearLimits(b);
        uint256 most = Wad.min(_left(a, one, isBuy), _left(b, other, !isBuy));
        if (most > 0) {
            uint256 filled = bound(size, 1, most);
            uint256 paid = Wad.mulUp(filled, price * 1e18 * bound(bps, 9_850, 10_150) / 10_000);
            _add(one, isBuy, filled, paid);
            _add(other, !isBuy, filled, paid);
            ++farFills;
        }
        ++remoteBlock;
        _vouch(Record(Kind.MARKET, REMOTE, REMOTE_VENUE, 0, 0, address(0), _fields(0, 0, 0, 0, 0, 0)), remoteBlock);
        _writeAt(_fills[a], _fillsOf(a, one), remoteBlock);
        _writeAt(_fills[b], _fillsOf(b, other), remoteBlock);
    }

    /// @dev The venue learns the limits there are now and forfeits what is void.
    function _hearLimits(bytes32 account) private returns (uint128[6] memory written) {
        Version[] storage versions = _fills[account];
        if (versions.length > 0) written = versions[versions.length - 1].fields;
        uint128[6] memory limits = clearing.writtenOf(
            Key(Kind.LIMIT, block.chainid, address(clearing), REMOTE, REMOTE_VENUE, account, 0, address(0))
        );
        _limits[account] = limits;
        for (uint256 side; side < 2; ++side) {
            if (limits[2 + side] > written[side] + written[4 + side]) {
                written[4 + side] = limits[2 + side] - written[side];
            }
        }
    }

    function _left(bytes32 account, uint128[6] memory written, bool isBuy) private view returns (uint256) {
        uint256 side = isBuy ? 0 : 1;
        return _limits[account][side] - written[side] - written[4 + side];
    }

    function _add(uint128[6] memory written, bool isBuy, uint256 size, uint256 paid) private pure {
        written[isBuy ? 0 : 1] += uint128(size);
        written[isBuy ? 2 : 3] += uint128(paid);
    }

    function _write(Version[] storage versions, Record memory record) private {
        _writeAt(versions, record, ++remoteBlock);
    }

    function _writeAt(Version[] storage versions, Record memory record, uint64 blockNumber) private {
        versions.push(Version(blockNumber, record.fields));
        _vouch(record, blockNumber);
    }

    function _vouch(Record memory record, uint64 blockNumber) private {
        Vouched(address(roots)).vouch(_keyAt(record, address(clearing)), record.fields, blockNumber);
    }

    /// @dev Any version of Alice's grant is delivered, as often and in what order it comes.
    function deliverGrant(uint256 pick) public step {
        if (_grants.length == 0) return;
        Version storage version = _grants[pick % _grants.length];
        Record[] memory records = new Record[](1);
        records[0] = _grantOf(a, alice.addr, version.fields[0]);
        _deliver(records, version.blockNumber);
    }

    /// @dev Any version of Alice's or Bob's fills, behind its checkpoint's market record.
    function deliverFills(uint256 who, uint256 pick) public step {
        bytes32 account = accounts()[who % 2];
        Version[] storage versions = _fills[account];
        if (versions.length == 0) return;
        Version storage version = versions[pick % versions.length];
        Record[] memory records = new Record[](2);
        records[0] = Record(Kind.MARKET, REMOTE, REMOTE_VENUE, 0, 0, address(0), _fields(0, 0, 0, 0, 0, 0));
        records[1] = _fillsOf(account, version.fields);
        _deliver(records, version.blockNumber);
    }

    function _deliver(Record[] memory records, uint64 blockNumber) private {
        bytes[] memory proofs = new bytes[](records.length);
        for (uint256 i; i < proofs.length; ++i) {
            proofs[i] = abi.encode(blockNumber);
        }
        try clearing.learn(records, proofs) returns (Outcome[] memory outcomes) {
            for (uint256 i; i < outcomes.length; ++i) {
                if (outcomes[i] == Outcome.CONTRADICTION) ++contradictions;
                if (outcomes[i] == Outcome.STALE) ++stale;
            }
        } catch {
            ++refusals;
        }
    }

    /* WHAT MUST HOLD */

    function accounts() public view returns (bytes32[3] memory) {
        return [a, b, k];
    }

    /// @dev Looked at after every eighth step, and at the end: what is broken once stays so.
    function check(bool isEnd) external view {
        if (!isEnd && steps % 8 != 0) return;
        // The one market or the other: which, changes with what the other chain does.
        _checkMarket(remoteBlock % 2);
        _checkMoney();
        _checkUnits();
        assertEq(contradictions, 0, "REC-12 an honest writer never contradicts itself");
        assertEq(refusals, 0, "REC-11 an honest record is never refused");
    }

    /// @dev A market is in balance but for what one side has learned and the other not.
    function _checkMarket(uint256 market) private view {
        bytes32[3] memory all = accounts();
        int256 sizes;
        OpenInterest memory open;
        for (uint256 i; i < 3; ++i) {
            (Position memory position, Outstanding memory left) = clearing.positionOf(all[i], market);
            sizes += position.size;
            open.long += _positive(position.size + int256(uint256(left.buy)));
            open.short += _positive(int256(uint256(left.sell)) - position.size);
            uint128[6] memory known = _knownFills(all[i], market);
            sizes -= int256(uint256(known[0])) - int256(uint256(known[1]));
            _checkLimits(all[i], market, known, left);
        }
        assertEq(sizes, 0, "CLR-07 sizes");
        (, OpenInterest memory kept) = clearing.markets(market);
        assertEq(kept.long, open.long, "open interest, long");
        assertEq(kept.short, open.short, "open interest, short");
    }

    function _checkMoney() private view {
        bytes32[3] memory all = accounts();
        int256 money = clearing.accountOf(bytes32(bytes20(address(clearing)))).cash;
        for (uint256 i; i < 3; ++i) {
            money += _moneyOf(all[i]);
            for (uint256 market; market < 2; ++market) {
                uint128[6] memory known = _knownFills(all[i], market);
                money += int256(uint256(known[2])) - int256(uint256(known[3]));
            }
        }
        assertEq(money, 0, "CLR-07 cash and quotes");
    }

    function _moneyOf(bytes32 account) private view returns (int256 money) {
        money = clearing.accountOf(account).cash;
        for (uint256 market; market < 2; ++market) {
            (Position memory position,) = clearing.positionOf(account, market);
            money += position.quote;
        }
    }

    function _checkUnits() private view {
        bytes32[3] memory all = accounts();
        uint256[2] memory units;
        uint256[2] memory counted;
        uint256 free;
        for (uint256 i; i < 3; ++i) {
            for (uint256 j; j < 2; ++j) {
                (Line memory line,) = clearing.lineOf(all[i], j);
                units[j] += line.units;
                counted[j] += line.counted;
                assertLe(line.counted, line.units);
            }
            free += vault.free(address(bytes20(all[i])), address(weth));
        }
        uint256 pool = vault.pool(keccak256(abi.encode(block.chainid, address(clearing))), address(weth));
        assertEq(pool, units[0], "CLR-05 what is locked is what is owned");
        assertEq(weth.balanceOf(address(vault)), free + pool, "VLT-04");
        assertLe(units[1], remoteGranted(), "no unit that was not granted");
        for (uint256 j; j < 2; ++j) {
            (, uint256 total) = clearing.listings(j);
            assertEq(total, counted[j], "MRG-06 counted");
            assertLe(total, j == 0 ? CAP : FAR_CAP, "MRG-06 cap");
        }
    }

    function _knownFills(bytes32 account, uint256 market) private view returns (uint128[6] memory known) {
        (uint256 chain, address at) = _placeOf(market);
        (known,,) =
            clearing.learnedOf(Key(Kind.FILLS, chain, at, block.chainid, address(clearing), account, 0, address(0)));
    }

    function _placeOf(uint256 market) private view returns (uint256, address) {
        return market == 0 ? (block.chainid, address(venue)) : (REMOTE, REMOTE_VENUE);
    }

    function _checkLimits(bytes32 account, uint256 market, uint128[6] memory known, Outstanding memory left)
        private
        view
    {
        (uint256 chain, address at) = _placeOf(market);
        uint128[6] memory limits =
            clearing.writtenOf(Key(Kind.LIMIT, block.chainid, address(clearing), chain, at, account, 0, address(0)));
        assertEq(known[0] + known[4] + left.buy, limits[0], "VEN-03 buys");
        assertEq(known[1] + known[5] + left.sell, limits[1], "VEN-03 sells");
    }

    function _positive(int256 value) private pure returns (uint128) {
        return value > 0 ? uint128(uint256(value)) : 0;
    }

    /// @dev Whatever the clearing has heard so far, the rest of the history makes the same of it in any order and
    /// multiplicity; and once it knows the newest of all, the markets are in balance too.
    function settle() external {
        uint256 snapshot = vm.snapshotState();
        _deliverNewest();
        bytes32 atOnce = _outcome();
        uint128[6][2] memory known = [_knownFills(a, 1), _knownFills(b, 1)];
        assertEq(known[0][0], known[1][1], "both sides are known");
        assertEq(known[0][1], known[1][0], "both sides are known");
        if (_grants.length > 0) {
            Record memory record = _grantOf(a, alice.addr, 0);
            (uint128[6] memory grant,,) = clearing.learnedOf(_keyAt(record, address(clearing)));
            assertEq(grant[0], remoteGranted(), "REC-12");
        }
        vm.revertToState(snapshot);
        for (uint256 i; i < _longest(); ++i) {
            _deliverAll(i);
            _deliverAll(i);
        }
        _deliverNewest();
        assertEq(_outcome(), atOnce, "REC-12 in order, each twice");
        vm.revertToState(snapshot);
        for (uint256 i; i < 12; ++i) {
            _deliverAll(uint256(keccak256(abi.encode(i, remoteBlock))) >> 1);
        }
        _deliverNewest();
        _deliverAll(0);
        assertEq(_outcome(), atOnce, "REC-12 in any order");
        _checkMarket(0);
        _checkMarket(1);
    }

    function _longest() private view returns (uint256) {
        return Wad.max(_grants.length, _fills[a].length);
    }

    function _deliverNewest() private {
        for (uint256 i; i < 3; ++i) {
            pullNear(i);
        }
        if (_grants.length > 0) deliverGrant(_grants.length - 1);
        if (_fills[a].length > 0) deliverFills(0, _fills[a].length - 1);
        if (_fills[b].length > 0) deliverFills(1, _fills[b].length - 1);
    }

    function _deliverAll(uint256 pick) private {
        deliverGrant(pick);
        deliverFills(0, pick);
        deliverFills(1, pick + 1);
        pullNear(pick);
    }

    /// @dev Quotes and cash together: what is realized of a trade depends on what it is booked with.
    function _outcome() private view returns (bytes32 hash) {
        bytes32[3] memory all = accounts();
        for (uint256 i; i < 3; ++i) {
            hash = keccak256(abi.encode(hash, _moneyOf(all[i]), _knownFills(all[i], 0), _knownFills(all[i], 1)));
            for (uint256 j; j < 2; ++j) {
                (Position memory position, Outstanding memory left) = clearing.positionOf(all[i], j);
                (Line memory line,) = clearing.lineOf(all[i], j);
                hash = keccak256(abi.encode(hash, position.size, left, line));
            }
        }
        (, uint256 counted) = clearing.listings(1);
        (, OpenInterest memory open) = clearing.markets(1);
        return keccak256(abi.encode(hash, counted, open));
    }
}

/// forge-config: default.invariant.runs = 100
/// forge-config: default.invariant.depth = 1000
/// forge-config: default.invariant.include-storage = false
/// forge-config: default.invariant.include-push-bytes = false
contract MarketInvariants is Test {
    MarketHandler private handler;

    function setUp() public {
        handler = new MarketHandler();
        targetContract(address(handler));
        bytes4[] memory calls = new bytes4[](12);
        (calls[0], calls[1], calls[2]) = (handler.deposit.selector, handler.withdraw.selector, handler.move.selector);
        (calls[3], calls[4], calls[5]) = (handler.trade.selector, handler.void.selector, handler.liquidate.selector);
        (calls[6], calls[7], calls[8]) = (handler.grantFar.selector, handler.tradeFar.selector, handler.crash.selector);
        (calls[9], calls[10]) = (handler.deliverGrant.selector, handler.deliverFills.selector);
        calls[11] = handler.pullNear.selector;
        targetSelector(FuzzSelector(address(handler), calls));
    }

    function invariant_CLR_07_CLR_05_VEN_03_MRG_06_REC_12_the_market_adds_up() public view {
        handler.check(false);
    }

    function afterInvariant() public {
        handler.check(true);
        handler.settle();
        assertEq(handler.pullsRefused(), 0);
    }

    /// @dev The same thousand steps each time: all that the invariant looks at does happen, which no random run can promise.
    function test_CLR_07_what_the_invariant_looks_at_happens() public {
        for (uint256 i; i < 1000; ++i) {
            uint256 drawn = uint256(keccak256(abi.encode(i)));
            _step(drawn % 12, drawn >> 8, uint64(drawn >> 72), drawn >> 136 & 1 == 1);
        }
        handler.check(true);
        handler.settle();
        assertGt(handler.fills(), 0, "fills");
        assertGt(handler.farFills(), 0, "far fills");
        assertGt(handler.releases(), 0, "releases");
        assertGt(handler.liquidations(), 0, "liquidations");
        assertGt(handler.stale(), 0, "stale records");
        assertEq(handler.pullsRefused(), 0, "pulls refused");
    }

    function _step(uint256 call_, uint256 one, uint64 other, bool isBuy) private {
        if (call_ == 0) handler.deposit(one, other);
        else if (call_ == 1) handler.withdraw(one, other);
        else if (call_ == 2) handler.move(one);
        else if (call_ == 3) handler.trade(one, one >> 8, other, one >> 16, isBuy);
        else if (call_ == 4) handler.void(one, one >> 8);
        else if (call_ == 5) handler.liquidate(one, one >> 8);
        else if (call_ == 6) handler.grantFar(other);
        else if (call_ == 7) handler.tradeFar(other, other, one, isBuy);
        else if (call_ == 8) handler.crash(one);
        else if (call_ == 9) handler.deliverGrant(one);
        else if (call_ == 10) handler.deliverFills(one, one >> 8);
        else handler.pullNear(one);
    }
}
