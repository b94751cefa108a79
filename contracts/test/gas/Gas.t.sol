// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockPyth} from "@pythnetwork/pyth-sdk-solidity/MockPyth.sol";
import {Test, Vm} from "forge-std/Test.sol";
import {ERC20} from "solady/src/tokens/ERC20.sol";
import {WETH} from "solady/src/tokens/WETH.sol";
import {Clearing} from "../../src/clearing/Clearing.sol";
import {Line, Listing, Market} from "../../src/clearing/Ledger.sol";
import {Bound} from "../../src/governance/Bounds.sol";
import {Policy, Seats, Times} from "../../src/governance/Policy.sol";
import {PricePolicy} from "../../src/price/Prices.sol";
import {Key, Kind, LocalRecord, Record, Records} from "../../src/records/Records.sol";
import {Checkpoint, CommitteeRoots} from "../../src/roots/CommitteeRoots.sol";
import {Order} from "../../src/venue/Orders.sol";
import {MarketTerms, Venue} from "../../src/venue/Venue.sol";
import {Vault} from "../../src/vault/Vault.sol";
import {Blobs} from "../Blobs.sol";
import {Tree} from "../Tree.sol";

contract Coin is ERC20 {
    function name() public pure override returns (string memory) {
        return "Coin";
    }

    function symbol() public pure override returns (string memory) {
        return "COIN";
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @title What each entry point costs: execution on cold storage, without intrinsic and calldata.
/// @notice `npm run gas` prints these figures and writes them to docs/gas.md.
contract GasTest is Test {
    uint256 private constant ORIGIN = 1;
    address private constant ORIGIN_VAULT = address(0xA11);
    address private constant ORIGIN_ASSET = address(0xA55);
    bytes32 private constant CHECKPOINT = keccak256(
        "Checkpoint(uint64 epoch,uint256 chainId,address emitter,uint64 blockNumber,uint64 timestamp,bytes32 blockHash,bytes32 root)"
    );

    Vm.Wallet private trader = vm.createWallet("trader");
    Vm.Wallet private other = vm.createWallet("other");
    bytes32 private account;
    bytes32 private counterparty;
    CommitteeRoots private roots;
    MockPyth private pyth = new MockPyth(60, 0);
    Clearing private clearing;
    Vault[4] private vaults;
    Coin[2] private coins;
    Venue[3] private venues;
    uint256[3] private venueChains = [block.chainid, block.chainid, block.chainid];
    uint256[] private keys;
    address[] private signers;
    uint64 private nonce;

    function setUp() public {
        vm.warp(1_700_000_000);
        account = bytes32(bytes20(trader.addr));
        counterparty = bytes32(bytes20(other.addr));
        _makeCommittee(19);
        roots = new CommitteeRoots(signers, 13, uint40(block.timestamp + 365 days));
        clearing = new Clearing(roots, 60, pyth, PricePolicy(60, 60, 0.01e18), address(this));
        for (uint256 i; i < 3; ++i) {
            clearing.addFeed(bytes32(i + 1));
        }
        coins = [new Coin(), new Coin()];
        for (uint256 i; i < 4; ++i) {
            vaults[i] = new Vault(roots, 60, address(0));
            clearing.addVault(block.chainid, address(vaults[i]));
            for (uint256 j; j < 2; ++j) {
                clearing.listAsset(Listing(block.chainid, address(vaults[i]), address(coins[j])));
            }
        }
        clearing.addVault(ORIGIN, ORIGIN_VAULT);
        clearing.listAsset(Listing(ORIGIN, ORIGIN_VAULT, ORIGIN_ASSET));
        MarketTerms[] memory terms = _marketTerms();
        for (uint256 i; i < 3; ++i) {
            venues[i] =
                new Venue(roots, 60, block.chainid, address(clearing), 3600, pyth, PricePolicy(60, 60, 0.01e18), terms);
            clearing.addVenue(block.chainid, address(venues[i]));
            for (uint256 j; j < 2; ++j) {
                clearing.addMarket(Market(block.chainid, address(venues[i]), bytes32(j)));
            }
        }
        clearing.setParameters(_parameters());
        _setPrices(2000, 60000);
        _fund(trader.addr, account);
        _fund(other.addr, counterparty);
        for (uint256 m; m < 6; ++m) {
            vm.prank(trader.addr);
            clearing.raiseLimits(account, m, 1e18, 1e18);
            vm.prank(other.addr);
            clearing.raiseLimits(counterparty, m, 1e18, 1e18);
            _fill(m, 0.5e18);
            _pull(m, _both());
        }
    }

    function test_post() public {
        _post(clearing, _parameters(), 9);
        _report("Policy.post, both haircuts of 9 listings moved");
    }

    function test_post_of_caps() public {
        _post(clearing, _halved(_parameters(), 9, 3, 6, 3, 5), 9);
        _report("Policy.post, both haircuts of 9 listings moved and every cap cut");
    }

    /// @dev As many entries as a clearing takes; 8,000,000 is what the steward gives a post.
    function test_POL_13_haircuts_and_caps_of_64_listings_in_one_post() public {
        Clearing full = new Clearing(roots, 60, pyth, PricePolicy(60, 60, 0.01e18), address(this));
        bytes memory blob = _fill(full);
        full.setParameters(blob);
        _post(full, _halved(blob, 64, 16, 32, 16, 16), 64);
        _report("Policy.post, both haircuts of 64 listings moved and every cap cut");
        assertLt(vm.lastCallGas().gasTotalUsed, 8_000_000);
    }

    /// @dev With the parameters that fit.
    function _fill(Clearing full) private returns (bytes memory blob) {
        full.addFeed(bytes32(0));
        blob = Blobs.general(64, 16, 32, 16, 16, 32);
        for (uint160 i; i < 64; ++i) {
            if (i < 16) full.addVault(ORIGIN, address(i + 1));
            full.listAsset(Listing(ORIGIN, address(i % 16 + 1), address(i)));
            blob = bytes.concat(blob, Blobs.listing(0, 18, 0.2e18, 0.1e18, type(uint112).max, i % 16));
        }
        for (uint256 i; i < 16; ++i) {
            blob = bytes.concat(blob, Blobs.underlying(0, 0.1e18, 0.05e18, 0.005e18, 10_000_000e18));
        }
        for (uint160 i; i < 32; ++i) {
            if (i < 16) full.addVenue(ORIGIN, address(i + 100));
            full.addMarket(Market(ORIGIN, address(i % 16 + 100), bytes32(uint256(i))));
            blob = bytes.concat(blob, Blobs.market(i % 16, 0.03e18, 0.01e18, 1e24, i % 16));
        }
        for (uint256 i; i < 32; ++i) {
            blob = bytes.concat(blob, i < 16 ? Blobs.venue(0.05e18, true) : Blobs.vault(true));
        }
        (uint256 first, uint256 second) = (0, 1);
        for (uint256 i; i < 32; ++i) {
            blob = bytes.concat(blob, Blobs.credit(first, second, 0.01e18));
            if (++second == 16) second = ++first + 1;
        }
    }

    /// @dev The policy of a clearing with those parameters moves the haircuts too.
    function _post(Clearing owned, bytes memory blob, uint256 listings) private {
        Bound[] memory bounds = new Bound[](2 * listings);
        for (uint256 i; i < 2 * listings; ++i) {
            // Three words a listing, of which the first holds its initial haircut from bit 16 and the other from bit 80.
            (uint256 word, uint256 shift) = (4 + i / 2 * 3, 16 + i % 2 * 64);
            bounds[i] = Bound(uint16(word), uint8(shift), 0.6e18, 0.02e18, 0.01e18, 0.05e18, 0.01e18, 1 hours);
            blob = Blobs.amended(blob, word, shift, i % 2 == 0 ? 0.21e18 : 0.11e18, 64);
        }
        Seats memory seats = Seats(new address[](1), new address[](1), new address[](2));
        (seats.council[0], seats.stewards[0]) = (address(this), address(this));
        (seats.guardians[0], seats.guardians[1]) = (address(1), address(2));
        Policy policy = new Policy(owned, Times(2 days, 1 hours, 3 days, 7 days, 1 hours, 2), seats, bounds);
        owned.transferOwnership(address(policy));
        policy.accept();
        vm.cool(address(policy));
        vm.cool(address(owned));
        _cool();
        policy.post(blob);
    }

    /// @dev With every cap at half: those of listings and vaults are the most that fits.
    function _halved(
        bytes memory blob,
        uint256 listings,
        uint256 underlyings,
        uint256 markets,
        uint256 venues_,
        uint256 vaults_
    ) private pure returns (bytes memory) {
        uint256 word = 4;
        for (uint256 half = type(uint112).max / 2; word < 4 + 3 * listings; word += 3) {
            blob = Blobs.amended(blob, word, 144, half, 112);
            blob = Blobs.amended(Blobs.amended(blob, word + 1, 24, half, 112), word + 1, 136, half, 112);
            blob = Blobs.amended(blob, word + 2, 0, half, 112);
        }
        word += 2 * underlyings;
        for (uint256 i; i < markets; ++i) {
            blob = Blobs.amended(blob, word + 2 * i, 152, 5e23, 104);
        }
        word += 2 * markets + venues_;
        for (uint256 i; i < vaults_; ++i) {
            blob = Blobs.amended(blob, word + i, 0, type(uint64).max / 2, 64);
        }
        return blob;
    }

    function test_deposit() public {
        coins[0].mint(address(this), 3e18);
        coins[0].approve(address(vaults[0]), type(uint256).max);
        _cool();
        vaults[0].deposit(address(coins[0]), 1e18);
        _report("Vault.deposit, first of a holder");
        _cool();
        vaults[0].deposit(address(coins[0]), 1e18);
        _report("Vault.deposit");
        _cool();
        vaults[0].depositAndGrant(address(coins[0]), 1e18, ORIGIN, ORIGIN_VAULT, account);
        _report("Vault.depositAndGrant, new record");
    }

    function test_deposit_of_coin() public {
        WETH wrapped = new WETH();
        Vault vault = new Vault(roots, 60, address(wrapped));
        vm.deal(address(this), 3e18);
        vault.depositNative{value: 1e18}();
        vm.cool(address(vault));
        vm.cool(address(wrapped));
        vault.depositNativeAndGrant{value: 1e18}(ORIGIN, ORIGIN_VAULT, account);
        _report("Vault.depositNativeAndGrant, new record");
        vm.cool(address(vault));
        vm.cool(address(wrapped));
        vault.withdrawNative(0.5e18, address(0xF0E));
        _report("Vault.withdrawNative, to a new address");
    }

    function test_root_acceptance() public {
        _acceptRoots(roots, 13, "13 of 19");
        _makeCommittee(4);
        _acceptRoots(new CommitteeRoots(signers, 3, uint40(block.timestamp + 365 days)), 3, "3 of 4");
    }

    function test_learn() public {
        (Record[] memory records, bytes32[] memory hashes, bytes32[] memory leaves) = _grants(100);
        bytes32 root = Tree.rootOf(hashes, leaves);
        Checkpoint memory checkpoint = Checkpoint(0, ORIGIN, ORIGIN_VAULT, 1, uint64(block.timestamp), "h", root);
        roots.submit(checkpoint, signers, _sign(checkpoint, 13));
        bytes[] memory proofs = new bytes[](100);
        for (uint256 i; i < 100; ++i) {
            bytes32[] memory siblings = Tree.siblingsOf(hashes, leaves, hashes[i]);
            proofs[i] = abi.encode(uint8(0), uint64(1), uint64(block.timestamp), root, siblings);
        }
        (Record[] memory one, bytes[] memory proof) = (new Record[](1), new bytes[](1));
        (one[0], proof[0]) = (records[0], proofs[0]);
        uint256 snapshot = vm.snapshotState();
        _cool();
        clearing.learn(one, proof);
        _report("Clearing.learn, 1 new grant out of 100");
        vm.revertToState(snapshot);
        _cool();
        clearing.learn(records, proofs);
        _report("Clearing.learn, 100 new grants");
    }

    function test_margin_check() public {
        _cool();
        clearing.marginOf(account);
        _report("Clearing.marginOf, 8 lines, 6 positions, 3 prices, limits in all 6");
    }

    /// @dev On its own, since the parameter blob's code is cold only for the first that reads it.
    function test_margin_check_without_limits() public {
        _voidAll();
        _cool();
        clearing.marginOf(account);
        _report("Clearing.marginOf, 8 lines, 6 positions, 3 prices");
    }

    function test_limits_without_others() public {
        _voidAll();
        vm.prank(trader.addr);
        _cool();
        clearing.raiseLimits(account, 0, 1e18, 0);
        _report("Clearing.raiseLimits, 8 lines, 6 positions");
    }

    function _voidAll() private {
        for (uint256 m; m < 6; ++m) {
            vm.prank(trader.addr);
            clearing.voidLimits(account, m);
            _pull(m, _both());
        }
    }

    function test_limits_and_release() public {
        vm.prank(trader.addr);
        _cool();
        clearing.raiseLimits(account, 0, 1e18, 0);
        _report("Clearing.raiseLimits, 8 lines, 6 positions, limits in all 6");
        vm.prank(trader.addr);
        _cool();
        clearing.release(account, 0, 1e18);
        _report("Clearing.release, 8 lines, 6 positions, limits in all 6");
    }

    function test_fill() public {
        (Order memory maker, bytes memory ms) = _order(other, counterparty, 0, false, 0.2e18);
        (Order memory taker, bytes memory ts) = _order(trader, account, 0, true, 0.2e18);
        vm.warp(block.timestamp + 10);
        _cool();
        venues[0].fill(maker, ms, taker, ts, 0.1e18);
        _report("Venue.fill on the clearing's chain, two new orders, both accounts with a position");
        _cool();
        venues[0].fill(maker, ms, taker, ts, 0.1e18);
        _report("Venue.fill on the clearing's chain, the rest of the same orders");
        _cool();
        _pull(0, _both());
        _report("Clearing.pull, a market and both sides of a fill");
    }

    /// @dev Twenty accounts of two owners, ten fills a pair: one pull learns all of it.
    function test_pull_of_many() public {
        bytes32[] memory accounts = new bytes32[](20);
        for (uint256 i; i < 20; ++i) {
            Vm.Wallet memory who = i % 2 == 0 ? trader : other;
            accounts[i] = bytes32(uint256(bytes32(bytes20(who.addr))) | (1 + i));
            vm.startPrank(who.addr);
            clearing.openLine(accounts[i], Listing(block.chainid, address(vaults[0]), address(coins[0])), who.addr);
            vaults[0].depositAndGrant(address(coins[0]), 100e18, block.chainid, address(clearing), accounts[i]);
            clearing.raiseLimits(accounts[i], 0, 2e18, 2e18);
            vm.stopPrank();
        }
        for (uint256 i; i < 110; ++i) {
            if (i == 10) _pull(0, accounts);
            uint256 pair = i % 10 * 2;
            (Order memory maker, bytes memory ms) = _order(other, accounts[pair + 1], 0, false, 0.1e18);
            (Order memory taker, bytes memory ts) = _order(trader, accounts[pair], 0, true, 0.1e18);
            venues[0].fill(maker, ms, taker, ts, 0.1e18);
        }
        vm.roll(block.number + 1);
        _cool();
        _pull(0, accounts);
        _report("Clearing.pull, a market and 20 accounts, 100 fills");
    }

    function _both() private view returns (bytes32[] memory accounts) {
        accounts = new bytes32[](2);
        (accounts[0], accounts[1]) = (account, counterparty);
    }

    function _pull(uint256 market, bytes32[] memory accounts) private {
        LocalRecord[] memory records = new LocalRecord[](1 + accounts.length);
        (address at, bytes32 item) = (address(venues[market / 2]), bytes32(market % 2));
        records[0] = LocalRecord(Kind.MARKET, at, 0, item, address(0));
        for (uint256 i; i < accounts.length; ++i) {
            records[1 + i] = LocalRecord(Kind.FILLS, at, accounts[i], item, address(0));
        }
        clearing.pull(records);
    }

    /// @dev The limits came from a clearing on another chain, and what is filled goes back there by a proof.
    function test_fill_far_from_the_clearing() public {
        venues[0] =
            new Venue(roots, 60, ORIGIN, address(clearing), 3600, pyth, PricePolicy(60, 60, 0.01e18), _marketTerms());
        venues[0].poke(new uint256[](1), new bytes[](0));
        _learnLimits();
        (Order memory maker, bytes memory ms) = _order(other, counterparty, 0, false, 0.5e18);
        (Order memory taker, bytes memory ts) = _order(trader, account, 0, true, 0.5e18);
        _cool();
        venues[0].fill(maker, ms, taker, ts, 0.5e18);
        _report("Venue.fill far from the clearing, two new orders, both accounts without a position");
        vm.warp(block.timestamp + 30);
        _setPrices(1990, 60000);
        _fill(0, 0.1e18);
        vm.warp(block.timestamp + 10);
        venues[0].accrue(0);
        vm.warp(block.timestamp + 10);
        (maker, ms) = _order(other, counterparty, 0, false, 0.2e18);
        (taker, ts) = _order(trader, account, 0, true, 0.2e18);
        _cool();
        venues[0].fill(maker, ms, taker, ts, 0.1e18);
        _report("Venue.fill far from the clearing, two new orders, both accounts with a position");
        vm.warp(block.timestamp + 10);
        _cool();
        venues[0].fill(maker, ms, taker, ts, 0.1e18);
        _report("Venue.fill far from the clearing, the rest of the same orders");
        vm.warp(block.timestamp + 600);
        _setPrices(1990, 60000);
        (maker, ms) = _order(other, counterparty, 0, false, 0.2e18);
        (taker, ts) = _order(trader, account, 0, true, 0.2e18);
        _cool();
        venues[0].fill(maker, ms, taker, ts, 0.1e18);
        _report("Venue.fill far from the clearing, two new orders, the market's record due");
        vm.warp(block.timestamp + 10);
        _cool();
        venues[0].accrue(0);
        _report("Venue.accrue far from the clearing");
    }

    function _learnLimits() private {
        (Record[] memory records, bytes[] memory proofs) = (new Record[](2), new bytes[](2));
        (bytes32[] memory hashes, bytes32[] memory leaves) = (new bytes32[](2), new bytes32[](2));
        uint128[6] memory fields;
        (fields[0], fields[1]) = (1e18, 1e18);
        address writer = address(clearing);
        for (uint256 i; i < 2; ++i) {
            bytes32 to = i == 0 ? account : counterparty;
            records[i] = Record(Kind.LIMIT, ORIGIN, writer, to, 0, address(0), fields);
            hashes[i] =
                Records.hashOf(Key(Kind.LIMIT, ORIGIN, writer, block.chainid, address(venues[0]), to, 0, address(0)));
            leaves[i] = Records.leafOf(hashes[i], fields);
        }
        bytes32 root = Tree.rootOf(hashes, leaves);
        Checkpoint memory checkpoint = Checkpoint(0, ORIGIN, writer, 1, uint64(block.timestamp), "h", root);
        roots.submit(checkpoint, signers, _sign(checkpoint, 13));
        for (uint256 i; i < 2; ++i) {
            bytes32[] memory siblings = Tree.siblingsOf(hashes, leaves, hashes[i]);
            proofs[i] = abi.encode(uint8(0), uint64(1), uint64(block.timestamp), root, siblings);
        }
        venues[0].learn(records, proofs);
    }

    function test_liquidation() public {
        _voidAll();
        Vm.Wallet memory keeper = vm.createWallet("keeper");
        bytes32 liquidator = bytes32(bytes20(keeper.addr));
        _fund(keeper.addr, liquidator);
        for (uint256 i; i < 8; ++i) {
            (Line memory line,) = clearing.lineOf(account, i);
            vm.prank(trader.addr);
            clearing.release(account, i, line.units - 1_600e18 / (i % 2 == 0 ? 2000 : 1));
        }
        vm.warp(block.timestamp + 1);
        _setPrices(1825, 54_750);
        assertLt(
            clearing.marginOf(account).maintenanceMarginBalance, int256(clearing.marginOf(account).maintenanceMargin)
        );
        vm.prank(keeper.addr);
        _cool();
        clearing.liquidate(account, liquidator);
        _report("Clearing.liquidate, 8 lines and 6 positions move");
    }

    function _marketTerms() private pure returns (MarketTerms[] memory terms) {
        terms = new MarketTerms[](2);
        terms[0] = MarketTerms(bytes32(uint256(1)), 0.02e18, 0.005e18, 8 hours, 0.01e18);
        terms[1] = MarketTerms(bytes32(uint256(2)), 0.02e18, 0.005e18, 8 hours, 0.01e18);
    }

    /// @dev Storage of everything that was deployed is cold again, as at the start of a transaction.
    function _cool() private {
        vm.cool(address(roots));
        vm.cool(address(clearing));
        for (uint256 i; i < 4; ++i) {
            vm.cool(address(vaults[i]));
        }
        for (uint256 i; i < 3; ++i) {
            vm.cool(address(venues[i]));
        }
        vm.cool(address(coins[0]));
        vm.cool(address(coins[1]));
    }

    function _report(string memory what) private {
        emit log_named_uint(what, vm.lastCallGas().gasTotalUsed);
    }

    function _acceptRoots(CommitteeRoots committee, uint256 threshold, string memory name) private {
        Checkpoint memory checkpoint = Checkpoint(0, ORIGIN, ORIGIN_VAULT, 0, uint64(block.timestamp), "h", "r");
        for (uint64 i = 1; i <= 40; ++i) {
            checkpoint.blockNumber = i;
            bytes memory signatures = _sign(checkpoint, threshold);
            vm.cool(address(committee));
            committee.submit(checkpoint, signers, signatures);
            if (i == 2) _report(string.concat("CommitteeRoots.submit, ", name, ", one of an emitter's first 32"));
            if (i == 40) _report(string.concat("CommitteeRoots.submit, ", name));
        }
    }

    function _grants(uint256 count)
        private
        view
        returns (Record[] memory records, bytes32[] memory hashes, bytes32[] memory leaves)
    {
        (records, hashes, leaves) = (new Record[](count), new bytes32[](count), new bytes32[](count));
        for (uint256 i; i < count; ++i) {
            uint128[6] memory fields;
            fields[0] = uint128(i + 1);
            bytes32 item = bytes32(uint256(uint160(ORIGIN_ASSET)));
            records[i] = Record(Kind.GRANT, ORIGIN, ORIGIN_VAULT, bytes32(i), item, trader.addr, fields);
            hashes[i] = Records.hashOf(
                Key(Kind.GRANT, ORIGIN, ORIGIN_VAULT, block.chainid, address(clearing), bytes32(i), item, trader.addr)
            );
            leaves[i] = Records.leafOf(hashes[i], fields);
        }
    }

    function _fill(uint256 market, uint128 size) private {
        (Order memory maker, bytes memory ms) = _order(other, counterparty, market, false, size);
        (Order memory taker, bytes memory ts) = _order(trader, account, market, true, size);
        venues[market / 2].fill(maker, ms, taker, ts, size);
    }

    function _order(Vm.Wallet memory w, bytes32 a, uint256 market, bool isBuy, uint128 size)
        private
        returns (Order memory o, bytes memory signature)
    {
        o = Order(a, uint32(market % 2), isBuy, size, market % 2 == 0 ? 2000e18 : 60000e18, type(uint64).max, ++nonce);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(w, venues[market / 2].hashOrder(o));
        signature = abi.encodePacked(r, s, v);
    }

    function _fund(address who, bytes32 a) private {
        for (uint256 i; i < 4; ++i) {
            for (uint256 j; j < 2; ++j) {
                coins[j].mint(who, 1_000_000e18);
                vm.startPrank(who);
                coins[j].approve(address(vaults[i]), type(uint256).max);
                clearing.openLine(a, Listing(block.chainid, address(vaults[i]), address(coins[j])), who);
                vaults[i].depositAndGrant(address(coins[j]), 100_000e18, block.chainid, address(clearing), a);
                vm.stopPrank();
            }
        }
    }

    function _setPrices(int64 eth, int64 btc) private {
        bytes[] memory updates = new bytes[](3);
        updates[0] = pyth.createPriceFeedUpdateData(
            bytes32(uint256(1)), eth * 1e8, 1e5, -8, eth * 1e8, 1e5, uint64(block.timestamp), 0
        );
        updates[1] = pyth.createPriceFeedUpdateData(
            bytes32(uint256(2)), btc * 1e8, 1e5, -8, btc * 1e8, 1e5, uint64(block.timestamp), 0
        );
        updates[2] =
            pyth.createPriceFeedUpdateData(bytes32(uint256(3)), 1e8, 1e3, -8, 1e8, 1e3, uint64(block.timestamp), 0);
        uint256[] memory feeds = new uint256[](3);
        (feeds[0], feeds[1], feeds[2]) = (0, 1, 2);
        clearing.poke(feeds, updates);
        uint256[] memory markets = new uint256[](2);
        (markets[0], markets[1]) = (0, 1);
        for (uint256 i; i < 3; ++i) {
            venues[i].poke(markets, new bytes[](0));
        }
    }

    function _parameters() private view returns (bytes memory blob) {
        blob = Blobs.general(9, 3, 6, 3, 5, 3);
        for (uint256 i; i < 9; ++i) {
            blob = bytes.concat(blob, Blobs.listing(i % 2 == 0 ? 0 : 2, 18, 0.2e18, 0.1e18, type(uint112).max, i / 2));
        }
        for (uint256 i; i < 3; ++i) {
            blob = bytes.concat(blob, Blobs.underlying(i, 0.1e18, 0.05e18, 0.005e18, 10_000_000e18));
        }
        for (uint256 i; i < 6; ++i) {
            blob = bytes.concat(blob, Blobs.market(i % 2, 0.03e18, 0.01e18, 1e24, i / 2));
        }
        for (uint256 i; i < 3; ++i) {
            blob = bytes.concat(blob, Blobs.venue(0.05e18, venueChains[i] != block.chainid));
        }
        for (uint256 i; i < 5; ++i) {
            blob = bytes.concat(blob, Blobs.vault(i == 4));
        }
        blob = bytes.concat(blob, Blobs.credit(0, 1, 0.45e18), Blobs.credit(0, 2, 0.3e18), Blobs.credit(1, 2, 0.25e18));
    }

    function _makeCommittee(uint256 n) private {
        (keys, signers) = (new uint256[](0), new address[](0));
        for (uint256 i = 1; i <= n; ++i) {
            keys.push(i * 7919);
        }
        for (uint256 i; i < n; ++i) {
            for (uint256 j = i + 1; j < n; ++j) {
                if (vm.addr(keys[j]) < vm.addr(keys[i])) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
            signers.push(vm.addr(keys[i]));
        }
    }

    function _sign(Checkpoint memory c, uint256 k) private view returns (bytes memory signatures) {
        bytes32 domain = keccak256(
            abi.encode(keccak256("EIP712Domain(string name,string version)"), keccak256("Omnimargin"), keccak256("1"))
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, keccak256(abi.encode(CHECKPOINT, c))));
        for (uint256 i; i < k; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[i], digest);
            signatures = bytes.concat(signatures, r, s, bytes1(v));
        }
    }
}
