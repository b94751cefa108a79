// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockPyth} from "@pythnetwork/pyth-sdk-solidity/MockPyth.sol";
import {Test, Vm} from "forge-std/Test.sol";
import {Token} from "../../devnet/Token.sol";
import {Clearing} from "../../src/clearing/Clearing.sol";
import {Line, Listing, Market, Outstanding, Position} from "../../src/clearing/Ledger.sol";
import {PricePolicy} from "../../src/price/Prices.sol";
import {Key, Kind, LocalRecord, Outcome, Record} from "../../src/records/Records.sol";
import {Vault} from "../../src/vault/Vault.sol";
import {Order} from "../../src/venue/Orders.sol";
import {MarketTerms, Venue} from "../../src/venue/Venue.sol";
import {Blobs} from "../Blobs.sol";
import {Checkpoints} from "./Checkpoints.sol";
import {FarVenue, Snapshot} from "./FarVenue.sol";

/// @title Three traders at a local venue and two remote ones, whose records arrive stale, doubled, out of order or never.
/// @notice Honest venues: they fill within the limits that have reached them, within their own band of 2 %.
contract VenuesHandler is Test {
    uint256 private constant BAND = 0.03e18;
    bytes32 private constant ETH = bytes32(uint256(1));
    bytes32 private constant USD = bytes32(uint256(2));

    Checkpoints private source = new Checkpoints();
    MockPyth private pyth = new MockPyth(60, 0);
    Clearing public clearing;
    Vault private vault;
    Venue private venue;
    Token private weth = new Token("WETH", 18);
    Listing private local;
    Listing private remote = Listing(1, address(0xA1), address(0xC1));
    Vm.Wallet[3] private wallets;
    bytes32[3] public accounts;
    FarVenue[2] private far;
    Snapshot[][2] private snapshots;
    uint256[] private prices;
    /// The price index from which on fills of an account at a remote venue may not be known.
    uint256[3][2] private knownFrom;
    /// The third are of the local venue.
    uint256[3][3] private low;
    uint256[3][3] private high;
    uint64 private nonce;
    uint256 public price = 2000;
    /// Counts of what was done: far fills, learned, stale, liquidations, sales, releases, closings, settlements.
    uint256[8] public done;
    uint256 public contradictions;
    uint256 private grantedFar;
    uint256 private steps;
    /// After how many releases and limits an account was looked at, and how often it then had less than nothing.
    uint256 public looked;
    uint256 public loosenedTooFar;
    /// How often the clearing then did not know what the local venue did.
    uint256 public unseen;

    modifier step() {
        ++steps;
        _;
    }

    constructor() {
        vm.warp(1_700_000_000);
        PricePolicy memory policy = PricePolicy(60, 60, 0.01e18);
        clearing = new Clearing(source, 10, pyth, policy, address(this));
        vault = new Vault(source, 10, address(0));
        local = Listing(block.chainid, address(vault), address(weth));
        MarketTerms[] memory terms = new MarketTerms[](1);
        terms[0] = MarketTerms(ETH, 0.02e18, 0.005e18, 8 hours, 0.01e18);
        venue = new Venue(source, 10, block.chainid, address(clearing), 3600, pyth, policy, terms);
        clearing.addFeed(ETH);
        clearing.addFeed(USD);
        clearing.addVault(block.chainid, address(vault));
        clearing.addVault(1, remote.vault);
        clearing.listAsset(local);
        clearing.listAsset(remote);
        clearing.addVenue(block.chainid, address(venue));
        clearing.addMarket(Market(block.chainid, address(venue), 0));
        for (uint256 v; v < 2; ++v) {
            (far[v].chainId, far[v].at, far[v].market) = (v + 1, address(uint160(0xB1 + v)), v + 1);
            far[v].accruedAt = uint64(block.timestamp);
            clearing.addVenue(far[v].chainId, far[v].at);
            clearing.addMarket(Market(far[v].chainId, far[v].at, 0));
        }
        clearing.setParameters(_parameters());
        _poke();
        for (uint256 i; i < 3; ++i) {
            wallets[i] = vm.createWallet(uint256(keccak256(abi.encode("trader", i))));
            accounts[i] = bytes32(bytes20(wallets[i].addr));
            _open(i);
        }
        for (uint256 v; v < 2; ++v) {
            _checkpoint(v);
            deliverNewest(v);
        }
    }

    function _parameters() private pure returns (bytes memory blob) {
        blob = bytes.concat(
            Blobs.general(2, 1, 3, 3, 2, 0),
            Blobs.listing(0, 18, 0.2e18, 0.15e18, 100_000e18, 0),
            Blobs.listing(1, 6, 0.05e18, 0.03e18, 1e15, 1),
            Blobs.underlying(0, 0.1e18, 0.05e18, 0, 1e30)
        );
        for (uint256 i; i < 3; ++i) {
            blob = bytes.concat(blob, Blobs.market(0, uint64(BAND), 0.01e18, 5000e18, i));
        }
        blob = bytes.concat(blob, Blobs.venue(0, false), Blobs.venue(0.05e18, true), Blobs.venue(0.05e18, true));
        return bytes.concat(blob, Blobs.vault(false), Blobs.vault(true));
    }

    function _open(uint256 i) private {
        vm.startPrank(wallets[i].addr);
        clearing.openLine(accounts[i], local, wallets[i].addr);
        clearing.openLine(accounts[i], remote, wallets[i].addr);
        vm.stopPrank();
        deposit(i, type(uint96).max);
        uint128 granted = 20_000e6;
        grantedFar += granted;
        bytes32 item = bytes32(uint256(uint160(remote.asset)));
        Record memory grant =
            Record(Kind.GRANT, 1, remote.vault, accounts[i], item, wallets[i].addr, [granted, 0, 0, 0, 0, uint128(0)]);
        _vouch(grant, 1);
        _learn(grant, 1);
    }

    /* THE WORLD */

    function move(uint256 drawn, uint256 seconds_) external step {
        vm.warp(block.timestamp + _bound(seconds_, 1, 120));
        uint256 next = _bound(drawn, price * 96 / 100, price * 104 / 100);
        price = next < 800 ? 800 : next > 5000 ? 5000 : next;
        _poke();
    }

    function _poke() private {
        vm.warp(block.timestamp + 1);
        bytes[] memory updates = new bytes[](2);
        int64 dollars = int64(uint64(price * 1e8));
        updates[0] = pyth.createPriceFeedUpdateData(ETH, dollars, 1e6, -8, dollars, 1e6, uint64(block.timestamp), 0);
        updates[1] = pyth.createPriceFeedUpdateData(USD, 1e8, 1e4, -8, 1e8, 1e4, uint64(block.timestamp), 0);
        uint256[] memory feeds = new uint256[](2);
        feeds[1] = 1;
        clearing.poke(feeds, updates);
        venue.poke(new uint256[](1), new bytes[](0));
        prices.push(price);
        for (uint256 v; v < 3; ++v) {
            for (uint256 i; i < 3; ++i) {
                if (price < low[v][i] || low[v][i] == 0) low[v][i] = price;
                if (price > high[v][i]) high[v][i] = price;
            }
        }
    }

    function deposit(uint256 who, uint96 amount) public step {
        who %= 3;
        amount = amount == type(uint96).max ? 50e18 : uint96(_bound(amount, 0.1e18, 5e18));
        weth.mint(wallets[who].addr, amount);
        vm.startPrank(wallets[who].addr);
        weth.approve(address(vault), amount);
        vault.depositAndGrant(address(weth), amount, block.chainid, address(clearing), accounts[who]);
        vm.stopPrank();
    }

    function withdraw(uint256 who, uint256 index, uint256 amount) external step {
        who %= 3;
        index %= 2;
        (Line memory line,) = clearing.lineOf(accounts[who], index);
        if (line.units == 0) return;
        vm.prank(wallets[who].addr);
        try clearing.release(accounts[who], index, _bound(amount, 1, line.units)) {
            ++done[5];
            _lookAt(who);
        } catch {}
    }

    function raise(uint256 who, uint256 market, uint96 size, bool isBuy) public step {
        (who, market) = (who % 3, market % 3);
        uint112 amount = uint112(_bound(size, 0.01e18, 60e18));
        vm.prank(wallets[who].addr);
        try clearing.raiseLimits(accounts[who], market, isBuy ? amount : 0, isBuy ? 0 : amount) {
            _lookAt(who);
        } catch {}
    }

    function void(uint256 who, uint256 market) external step {
        (who, market) = (who % 3, market % 3);
        vm.prank(wallets[who].addr);
        try clearing.voidLimits(accounts[who], market) {} catch {}
    }

    function tradeNear(uint256 one, uint96 size, uint256 bps) external step {
        (uint256 maker, uint256 taker) = (one % 3, (one % 3 + 1) % 3);
        uint128 amount = uint128(_bound(size, 0.01e18, 30e18));
        raise(maker, 0, uint96(amount), true);
        raise(taker, 0, uint96(amount), false);
        uint96 at = uint96(price * 1e18 * _bound(bps, 9_810, 10_190) / 10_000);
        uint64 expiry = uint64(block.timestamp + 100);
        Order memory make = Order(accounts[maker], 0, true, amount, at, expiry, ++nonce);
        Order memory take = Order(accounts[taker], 0, false, amount, at, expiry, ++nonce);
        bytes memory madeBy = _sign(maker, make);
        bytes memory takenBy = _sign(taker, take);
        try venue.fill(make, madeBy, take, takenBy, amount) {} catch {}
    }

    /// @dev The local venue is read where it stands: by account, or its market alone for 3.
    function pull(uint256 which) public step {
        which %= 4;
        LocalRecord[] memory records = new LocalRecord[](which == 3 ? 1 : 2);
        records[0] = LocalRecord(Kind.MARKET, address(venue), 0, 0, address(0));
        if (which < 3) records[1] = LocalRecord(Kind.FILLS, address(venue), accounts[which], 0, address(0));
        Outcome[] memory outcomes = clearing.pull(records);
        for (uint256 i; i < outcomes.length; ++i) {
            if (outcomes[i] != Outcome.TAKEN) ++contradictions;
        }
        if (which < 3) (low[2][which], high[2][which]) = (price, price);
    }

    function _sign(uint256 who, Order memory order) private returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(wallets[who], venue.hashOrder(order));
        return abi.encodePacked(r, s, v);
    }

    /* THE OTHER CHAINS */

    /// @dev The clearing's limits reach a remote venue, which forfeits what is voided.
    function carry(uint256 v, uint256 who) public step {
        (v, who) = (v % 2, who % 3);
        FarVenue storage f = far[v];
        if (f.isDead) return;
        f.limits[who] = clearing.writtenOf(_limitKey(v, who));
        for (uint256 side; side < 2; ++side) {
            uint128 voided = f.limits[who][2 + side];
            uint128 used = f.fills[who][side] + f.fills[who][4 + side];
            if (voided > used) f.fills[who][4 + side] = voided - f.fills[who][side];
        }
    }

    function tradeFar(uint256 v, uint256 one, uint96 size, uint256 bps) external step {
        (v, one) = (v % 2, one % 12);
        (uint256 buyer, uint256 seller) = (one % 3, (one + 1 + one / 3 % 2) % 3);
        FarVenue storage f = far[v];
        if (f.isDead) return;
        if (one % 4 != 0) {
            raise(buyer, f.market, size, true);
            raise(seller, f.market, size, false);
        }
        carry(v, buyer);
        carry(v, seller);
        uint128 left = _leftFar(f, buyer, 0);
        if (_leftFar(f, seller, 1) < left) left = _leftFar(f, seller, 1);
        if (left < 0.01e18) return;
        uint128 amount = uint128(_bound(size, 0.01e18, left));
        uint128 notional = uint128(uint256(amount) * price * _bound(bps, 9_810, 10_190) / 10_000 + 1);
        f.fills[buyer][0] += amount;
        f.fills[buyer][2] += notional;
        f.fills[seller][1] += amount;
        f.fills[seller][3] += notional;
        ++done[0];
    }

    function _leftFar(FarVenue storage f, uint256 who, uint256 side) private view returns (uint128) {
        return f.limits[who][side] - f.fills[who][side] - f.fills[who][4 + side];
    }

    /// @dev Funding runs on at a remote venue: half a percent of the index in eight hours at most.
    function accrue(uint256 v, uint256 rate, bool byLongs) public step {
        FarVenue storage f = far[v % 2];
        if (f.isDead) return;
        uint256 elapsed = block.timestamp - f.accruedAt;
        uint256 owed = price * _bound(rate, 0, 0.005e18) * elapsed / 8 hours;
        f.funding[byLongs ? 0 : 1] += uint128(owed);
        f.funding[2] = uint128(block.timestamp);
        f.accruedAt = uint64(block.timestamp);
    }

    function checkpoint(uint256 v) external step {
        if (!far[v % 2].isDead) _checkpoint(v % 2);
    }

    function _checkpoint(uint256 v) private {
        FarVenue storage f = far[v];
        uint64 blockNumber = ++f.blockNumber;
        Snapshot storage s = snapshots[v].push();
        (s.blockNumber, s.prices, s.funding, s.fills) = (blockNumber, prices.length, f.funding, f.fills);
        source.checkpoint(f.at, blockNumber);
        for (uint256 i; i < 4; ++i) {
            _vouch(_recordAt(v, snapshots[v].length - 1, i), blockNumber);
        }
        _vouch(_heard(v, blockNumber), blockNumber);
    }

    /// @dev The fills of an account, or the market's record for 3.
    function _recordAt(uint256 v, uint256 index, uint256 i) private view returns (Record memory) {
        FarVenue storage f = far[v];
        Snapshot storage s = snapshots[v][index];
        if (i == 3) return Record(Kind.MARKET, f.chainId, f.at, 0, 0, address(0), s.funding);
        return Record(Kind.FILLS, f.chainId, f.at, accounts[i], 0, address(0), s.fills[i]);
    }

    function _heard(uint256 v, uint256) private view returns (Record memory) {
        uint128[6] memory fields = [uint128(block.timestamp), 0, 0, 0, 0, 0];
        return Record(Kind.HEARD, far[v].chainId, far[v].at, 0, 0, address(0), fields);
    }

    /// @dev Any record of any checkpoint, as often and in whatever order it comes.
    function deliver(uint256 v, uint256 pick, uint256 which) external step {
        v %= 2;
        _deliver(v, pick % snapshots[v].length, which % 4);
    }

    function deliverNewest(uint256 v) public step {
        v %= 2;
        uint256 index = snapshots[v].length - 1;
        _deliver(v, index, 3);
        for (uint256 i; i < 3; ++i) {
            _deliver(v, index, i);
        }
    }

    /// @dev What relayers do: the newest of everything, and that the venue has heard.
    function relay(uint256 v) external step {
        v %= 2;
        if (far[v].isDead) return;
        accrue(v, 0.001e18, v == 0);
        venue.accrue(0);
        pull(3);
        _checkpoint(v);
        deliverNewest(v);
        _learn(_heard(v, 0), far[v].blockNumber);
    }

    function _deliver(uint256 v, uint256 index, uint256 which) private {
        Snapshot storage s = snapshots[v][index];
        if (!_learn(_recordAt(v, index, which), s.blockNumber) || which == 3 || s.prices <= knownFrom[v][which]) {
            return;
        }
        knownFrom[v][which] = s.prices;
        // A fill was made at the price that stood at the checkpoint, or at a later one.
        (uint256 least, uint256 most) = (type(uint256).max, 0);
        for (uint256 i = s.prices - 1; i < prices.length; ++i) {
            if (prices[i] < least) least = prices[i];
            if (prices[i] > most) most = prices[i];
        }
        (low[v][which], high[v][which]) = (least, most);
    }

    function _vouch(Record memory record, uint64 blockNumber) private {
        source.vouch(_keyOf(record), record.fields, blockNumber);
    }

    function _learn(Record memory record, uint64 blockNumber) private returns (bool isTaken) {
        (Record[] memory records, bytes[] memory proofs) = (new Record[](1), new bytes[](1));
        (records[0], proofs[0]) = (record, abi.encode(blockNumber));
        try clearing.learn(records, proofs) returns (Outcome[] memory outcomes) {
            if (outcomes[0] == Outcome.CONTRADICTION) ++contradictions;
            ++done[outcomes[0] == Outcome.TAKEN ? 1 : 2];
            return outcomes[0] == Outcome.TAKEN;
        } catch {}
    }

    /* DEFAULT, CASH AND DEATH */

    function liquidate(uint256 one, uint256 other) external step {
        (one, other) = (one % 3, other % 3);
        vm.prank(wallets[other].addr);
        try clearing.liquidate(accounts[one], accounts[other]) {
            ++done[3];
        } catch {}
    }

    function payFunding(uint256 who) external step {
        clearing.payFunding(accounts[who % 3]);
    }

    function sell(uint256 seller, uint256 buyer, uint256 units) external step {
        (seller, buyer) = (seller % 3, buyer % 3);
        vm.prank(wallets[seller].addr);
        try clearing.putUp(accounts[seller]) {} catch {}
        vm.prank(wallets[buyer].addr);
        try clearing.buyUnits(accounts[seller], 0, _bound(units, 1, 0.2e18), accounts[buyer]) {
            ++done[4];
        } catch {}
    }

    /// @dev In some runs the second remote venue dies, with what happened since its last checkpoint. Its last records are
    /// shown in part; then everybody is settled.
    function kill(uint256 seed) external step {
        FarVenue storage f = far[1];
        if (f.isDead || seed % 16 != 0) return;
        f.isDead = true;
        vm.warp(block.timestamp + 1 hours);
        _poke();
        venue.accrue(0);
        pull(3);
        clearing.closeVenue(2);
        f.isClosed = true;
        ++done[6];
        uint256 last = snapshots[1].length - 1;
        _deliver(1, last, 3);
        for (uint256 i; i < 3; ++i) {
            if (seed >> (8 + i) & 1 == 1) _deliver(1, last, i);
        }
    }

    function bury(uint256 seed) external step {
        if (!far[1].isClosed || done[7] > 0 || seed % 4 != 0) return;
        vm.warp(block.timestamp + 1 days + 1 hours);
        _poke();
        venue.accrue(0);
        pull(3);
        for (uint256 i; i < 3; ++i) {
            try clearing.settleClosed(accounts[i], 2) {
                ++done[7];
            } catch {}
        }
    }

    /* WHAT MUST HOLD */

    /// @dev Looked at after every sixteenth step, and at the end: what is broken once stays so.
    function check(bool isEnd) external view {
        if (!isEnd && steps % 16 != 0) return;
        int256 size_;
        int256 money;
        uint256[2] memory units;
        uint128[3][2] memory moved;
        for (uint256 i; i < 3; ++i) {
            for (uint256 m; m < 3; ++m) {
                (Position memory position, Outstanding memory left) = clearing.positionOf(accounts[i], m);
                money += position.quote;
                if (m > 0) {
                    money += _checkFar(m - 1, i, left);
                } else {
                    (int256 size, int256 paid) = _checkNear(i, left);
                    size_ += position.size - size;
                    money += paid;
                }
            }
            money += clearing.accountOf(accounts[i]).cash;
            for (uint256 j; j < 2; ++j) {
                (Line memory line,) = clearing.lineOf(accounts[i], j);
                units[j] += line.units;
                uint128[6] memory ledger = clearing.writtenOf(_ledgerKey(i, j));
                for (uint256 field; field < 3; ++field) {
                    moved[j][field] += ledger[field];
                }
            }
            _assertWorstCase(i);
        }
        money += clearing.accountOf(bytes32(bytes20(address(clearing)))).cash;
        assertEq(size_, 0, "sizes at the local venue, with what only one side has shown");
        assertEq(money, 0, "cash, quotes and the house, with what only one side has shown");
        for (uint256 j; j < 2; ++j) {
            assertEq(moved[j][1], moved[j][2], "gained is lost");
        }
        uint256 pool = vault.pool(keccak256(abi.encode(block.chainid, address(clearing))), address(weth));
        assertEq(pool, units[0], "claims = locked, here");
        assertEq(units[1], grantedFar - moved[1][0], "claims = locked, there");
        assertEq(loosenedTooFar, 0, "nothing is loosened that is not there");
        assertEq(unseen, 0, "what is filled here is known to who loosens");
        assertEq(contradictions, 0, "an honest venue never contradicts itself");
    }

    /// @dev A limit is used once. What has been learned of the payments, to be taken out of the sum: paid less received.
    function _checkFar(uint256 v, uint256 i, Outstanding memory left) private view returns (int256) {
        uint128[6] memory limits = clearing.writtenOf(_limitKey(v, i));
        uint128[6] memory fills = far[v].fills[i];
        (uint128[6] memory known,,) = clearing.learnedOf(_keyOf(_fillsOf(v, i, fills)));
        for (uint256 side; side < 2; ++side) {
            assertLe(fills[side] + fills[4 + side], limits[side], "no limit is used twice");
            assertLe(known[side], fills[side], "nothing is booked that was not filled");
            if (v == 1 && far[1].isClosed) continue;
            uint256 open = side == 0 ? left.buy : left.sell;
            assertEq(open, limits[side] - known[side] - known[4 + side], "what is outstanding");
        }
        return int256(uint256(known[2])) - int256(uint256(known[3]));
    }

    /// @dev The same at the local venue, whose own word stands in for what was filled. What has been learned: size, and paid less
    /// received.
    function _checkNear(uint256 i, Outstanding memory left) private view returns (int256 size, int256 paid) {
        Key memory key = _nearKey(i);
        uint128[6] memory fills = venue.writtenOf(key);
        (uint128[6] memory known,,) = clearing.learnedOf(key);
        (key.kind, key.writer, key.reader) = (Kind.LIMIT, address(clearing), address(venue));
        uint128[6] memory limits = clearing.writtenOf(key);
        for (uint256 side; side < 2; ++side) {
            assertLe(fills[side] + fills[4 + side], limits[side], "no limit is used twice");
            assertLe(known[side], fills[side], "nothing is booked that was not filled");
            uint256 open = side == 0 ? left.buy : left.sell;
            assertEq(open, limits[side] - known[side] - known[4 + side], "what is outstanding");
        }
        size = int256(uint256(known[0])) - int256(uint256(known[1]));
        paid = int256(uint256(known[2])) - int256(uint256(known[3]));
    }

    /// @dev The equity of an account if all that venues filled for it were known, funding aside, at the index.
    function trueEquity(uint256 i) public view returns (int256 equity, int256 worst) {
        equity = clearing.marginOf(accounts[i]).equity;
        worst = equity;
        for (uint256 v; v < 3; ++v) {
            // What a dead venue filled after its last checkpoint is void.
            if (v < 2 && far[v].isDead) continue;
            uint128[6] memory fills = v == 2 ? venue.writtenOf(_nearKey(i)) : far[v].fills[i];
            (uint128[6] memory known,,) = clearing.learnedOf(v == 2 ? _nearKey(i) : _keyOf(_fillsOf(v, i, fills)));
            int256 size = int256(uint256(fills[0] - known[0])) - int256(uint256(fills[1] - known[1]));
            equity += size * int256(price) + int256(uint256(fills[3] - known[3])) - int256(uint256(fills[2] - known[2]));
            (, Outstanding memory left) = clearing.positionOf(accounts[i], (v + 1) % 3);
            worst -= int256(uint256(left.buy) * (high[v][i] * (1e18 + BAND) / 1e18 + 1 - price));
            worst -= int256(uint256(left.sell) * (price - low[v][i] * (1e18 - BAND) / 1e18));
        }
    }

    /// @dev For every account, always: true equity >= equity - sum over its outstanding limits of what they lose if each
    /// filled in full at the worst price that the clearing would believe, and were marked at the index:
    ///     buyOut * (high * (1 + band) - price) + sellOut * (price - low * (1 - band))
    /// with low and high the extremes of the index since the checkpoint that the account's fills are known from.
    function _assertWorstCase(uint256 i) private view {
        (int256 equity, int256 worst) = trueEquity(i);
        assertGe(equity, worst, "true equity is never below the worst case");
    }

    /// @dev Right after a release or a new limit, if the index has moved by less than the initial rate and the reserve make up
    /// for since the fills were known, nobody has less than nothing, whatever is withheld.
    function _lookAt(uint256 i) private {
        (uint128[6] memory known,,) = clearing.learnedOf(_nearKey(i));
        if (keccak256(abi.encode(known)) != keccak256(abi.encode(venue.writtenOf(_nearKey(i))))) ++unseen;
        for (uint256 v; v < 2; ++v) {
            if (far[v].isDead) continue;
            if (high[v][i] * 100 > price * 102 || low[v][i] * 102 < price * 100) return;
        }
        (int256 equity,) = trueEquity(i);
        ++looked;
        if (equity < 0) ++loosenedTooFar;
    }

    function _fillsOf(uint256 v, uint256 i, uint128[6] memory fields) private view returns (Record memory) {
        return Record(Kind.FILLS, far[v].chainId, far[v].at, accounts[i], 0, address(0), fields);
    }

    function _nearKey(uint256 i) private view returns (Key memory) {
        return
            Key(Kind.FILLS, block.chainid, address(venue), block.chainid, address(clearing), accounts[i], 0, address(0));
    }

    function _keyOf(Record memory r) private view returns (Key memory) {
        return Key(r.kind, r.writerChain, r.writer, block.chainid, address(clearing), r.account, r.item, r.holder);
    }

    function _limitKey(uint256 v, uint256 i) private view returns (Key memory) {
        return Key(Kind.LIMIT, block.chainid, address(clearing), far[v].chainId, far[v].at, accounts[i], 0, address(0));
    }

    function _ledgerKey(uint256 i, uint256 j) private view returns (Key memory) {
        Listing memory l = j == 0 ? local : remote;
        bytes32 item = bytes32(uint256(uint160(l.asset)));
        return
            Key(Kind.LEDGER, block.chainid, address(clearing), l.chainId, l.vault, accounts[i], item, wallets[i].addr);
    }

    /// @dev Once everything is delivered, whatever came before: what is booked is what was filled, and sizes sum to zero.
    function settle() external {
        _poke();
        int256 near;
        for (uint256 i; i < 3; ++i) {
            pull(i);
            (Position memory position,) = clearing.positionOf(accounts[i], 0);
            near += position.size;
        }
        assertEq(near, 0, "sizes at the local venue");
        for (uint256 v; v < 2; ++v) {
            FarVenue storage f = far[v];
            if (f.isDead) continue;
            _checkpoint(v);
            deliverNewest(v);
            int256 sizes;
            for (uint256 i; i < 3; ++i) {
                (uint128[6] memory known,,) = clearing.learnedOf(_keyOf(_fillsOf(v, i, f.fills[i])));
                assertEq(keccak256(abi.encode(known)), keccak256(abi.encode(f.fills[i])), "REC-12");
                (Position memory position,) = clearing.positionOf(accounts[i], f.market);
                sizes += position.size;
            }
            assertEq(sizes, 0, "sizes at a remote venue");
        }
    }
}
