// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockPyth} from "@pythnetwork/pyth-sdk-solidity/MockPyth.sol";
import {Vm} from "forge-std/Test.sol";
import {Token} from "../devnet/Token.sol";
import {Clearing} from "../src/clearing/Clearing.sol";
import {Account as Held, Line, Listing, Market, Outstanding, Position} from "../src/clearing/Ledger.sol";
import {PricePolicy} from "../src/price/Prices.sol";
import {Key, Kind, LocalRecord, Outcome, Record, Records} from "../src/records/Records.sol";
import {Checkpoint, CommitteeRoots} from "../src/roots/CommitteeRoots.sol";
import {Vault} from "../src/vault/Vault.sol";
import {Order} from "../src/venue/Orders.sol";
import {MarketTerms, Venue} from "../src/venue/Venue.sol";
import {Attestors} from "./Attestors.sol";
import {Blobs} from "./Blobs.sol";
import {Tree} from "./Tree.sol";

/// @title A clearing with a vault and a venue on its own chain and on another, two traders and a keeper.
/// @notice Feed 0 is ETH, 1 is USDC. Listing 0 is WETH at the local vault, 1 is USDC at the remote one. Market 0 is ETH
/// at the local venue, 1 at the remote one. What is remote has no contract: its records are proven.
abstract contract World is Attestors {
    uint256 internal constant REMOTE = 1;
    address internal constant REMOTE_VAULT = address(0xA1);
    address internal constant REMOTE_VENUE = address(0xB1);
    address internal constant REMOTE_USDC = address(0xC1);
    bytes32 internal constant ETH = bytes32(uint256(1));
    bytes32 internal constant USD = bytes32(uint256(2));
    uint64 internal constant BAND = 0.02e18;
    uint64 internal constant MAX_PREMIUM = 0.005e18;
    uint32 internal constant PERIOD = 8 hours;
    uint112 internal constant CAP = 1_000e18;

    CommitteeRoots internal roots;
    MockPyth internal pyth;
    Clearing internal clearing;
    Vault internal vault;
    Venue internal venue;
    Token internal weth;
    Vm.Wallet internal alice = vm.createWallet("alice");
    Vm.Wallet internal bob = vm.createWallet("bob");
    Vm.Wallet internal keeper = vm.createWallet("keeper");
    bytes32 internal a = bytes32(bytes20(alice.addr));
    bytes32 internal b = bytes32(bytes20(bob.addr));
    bytes32 internal k = bytes32(bytes20(keeper.addr));
    Listing internal local;
    Listing internal remote = Listing(REMOTE, REMOTE_VAULT, REMOTE_USDC);
    uint64 internal remoteBlock;
    uint128[6] internal remoteFunding;

    function setUp() public virtual {
        vm.warp(1_700_000_000);
        _makeAttestors(4, 0);
        roots = new CommitteeRoots(signers, 3, uint40(block.timestamp + 365 days));
        pyth = new MockPyth(60, 0);
        PricePolicy memory policy = PricePolicy(60, 60, 0.01e18);
        clearing = new Clearing(roots, 10, pyth, policy, address(this));
        vault = new Vault(roots, 10, address(0));
        weth = new Token("WETH", 18);
        local = Listing(block.chainid, address(vault), address(weth));
        MarketTerms[] memory terms = new MarketTerms[](1);
        terms[0] = MarketTerms(ETH, BAND, MAX_PREMIUM, PERIOD, 0.01e18);
        venue = new Venue(roots, 10, block.chainid, address(clearing), 3600, pyth, policy, terms);
        clearing.addFeed(ETH);
        clearing.addFeed(USD);
        clearing.addVault(block.chainid, address(vault));
        clearing.addVault(REMOTE, REMOTE_VAULT);
        clearing.addVenue(block.chainid, address(venue));
        clearing.addVenue(REMOTE, REMOTE_VENUE);
        clearing.listAsset(local);
        clearing.listAsset(remote);
        clearing.addMarket(Market(block.chainid, address(venue), 0));
        clearing.addMarket(Market(REMOTE, REMOTE_VENUE, 0));
        clearing.setParameters(_parameters());
        _setPrice(2000);
        _hear();
    }

    /* PARAMETERS AND PRICES */

    /// @dev Words: 0 to 3 general, 4 to 9 the listings, 10 and 11 ETH, 12 to 15 the markets, 16 and 17 the venues, 18 and
    /// 19 the vaults.
    function _parameters() internal pure virtual returns (bytes memory) {
        return _parametersWith("");
    }

    /// @dev With more markets after the two.
    function _parametersWith(bytes memory markets) internal pure returns (bytes memory blob) {
        blob = bytes.concat(
            Blobs.general(2, 1, 2 + markets.length / 64, 2, 2, 0),
            Blobs.listing(0, 18, 0.2e18, 0.15e18, CAP, 0),
            Blobs.listing(1, 6, 0.05e18, 0.03e18, 1e15, 1),
            Blobs.underlying(0, 0.1e18, 0.05e18, 0, 1e30)
        );
        for (uint256 i; i < 2; ++i) {
            blob = bytes.concat(blob, Blobs.market(0, 0.03e18, 0.01e18, 500e18, i));
        }
        blob = bytes.concat(blob, markets, Blobs.venue(0, false), Blobs.venue(0.05e18, true));
        return bytes.concat(blob, Blobs.vault(false), Blobs.vault(true));
    }

    /// @dev Pokes ETH at that many dollars, and USDC at one, at the clearing and the venue.
    function _setPrice(int64 dollars) internal {
        vm.warp(block.timestamp + 1);
        bytes[] memory updates = new bytes[](2);
        updates[0] = _report(ETH, dollars * 1e8, 1e6, block.timestamp);
        updates[1] = _report(USD, 1e8, 1e4, block.timestamp);
        uint256[] memory feeds = new uint256[](2);
        feeds[1] = 1;
        clearing.poke(feeds, updates);
        venue.poke(new uint256[](1), new bytes[](0));
    }

    function _report(bytes32 feed, int64 price, uint64 confidence, uint256 time) internal view returns (bytes memory) {
        return pyth.createPriceFeedUpdateData(feed, price, confidence, -8, price, confidence, uint64(time), 0);
    }

    /* COLLATERAL */

    /// @dev Locks WETH at the local vault for the wallet's own account, opening the line if need be.
    function _fund(Vm.Wallet memory who, uint256 amount) internal {
        weth.mint(who.addr, amount);
        vm.startPrank(who.addr);
        weth.approve(address(vault), amount);
        bytes32 account = bytes32(bytes20(who.addr));
        if (clearing.accountOf(account).lineCount == 0) clearing.openLine(account, local, who.addr);
        vault.depositAndGrant(address(weth), amount, block.chainid, address(clearing), account);
        vm.stopPrank();
    }

    /* TRADING */

    function _raise(Vm.Wallet memory who, uint256 market, uint112 buy, uint112 sell) internal {
        vm.prank(who.addr);
        clearing.raiseLimits(bytes32(bytes20(who.addr)), market, buy, sell);
    }

    function _order(Vm.Wallet memory who, bool isBuy, uint128 size, uint96 price) internal view returns (Order memory) {
        return Order(bytes32(bytes20(who.addr)), 0, isBuy, size, price, uint64(block.timestamp + 100), 1);
    }

    function _signOrder(Vm.Wallet memory who, Order memory order) internal returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(who, venue.hashOrder(order));
        return abi.encodePacked(r, s, v);
    }

    /// @dev Alice buys of Bob at the local venue, with limits raised for it.
    function _trade(uint112 size, uint96 price) internal {
        _raise(alice, 0, size, 0);
        _raise(bob, 0, 0, size);
        _fill(size, price);
    }

    function _fill(uint112 size, uint96 price) internal {
        Order memory maker = _order(bob, false, size, price);
        Order memory taker = _order(alice, true, size, price);
        venue.fill(maker, _signOrder(bob, maker), taker, _signOrder(alice, taker), size);
        _pullFills();
    }

    /// @dev The clearing learns what the local venue knows of Alice and Bob.
    function _pullFills() internal returns (Outcome[] memory) {
        LocalRecord[] memory records = new LocalRecord[](3);
        records[0] = LocalRecord(Kind.MARKET, address(venue), 0, 0, address(0));
        records[1] = _localFillsOf(a);
        records[2] = _localFillsOf(b);
        return clearing.pull(records);
    }

    function _pullMarket() internal returns (Outcome) {
        LocalRecord[] memory records = new LocalRecord[](1);
        records[0] = LocalRecord(Kind.MARKET, address(venue), 0, 0, address(0));
        return clearing.pull(records)[0];
    }

    function _localFillsOf(bytes32 account) internal view returns (LocalRecord memory) {
        return LocalRecord(Kind.FILLS, address(venue), account, 0, address(0));
    }

    /* THE OTHER CHAIN */

    function _grantOf(bytes32 account, address holder, uint128 granted) internal pure returns (Record memory record) {
        bytes32 item = bytes32(uint256(uint160(REMOTE_USDC)));
        record = Record(Kind.GRANT, REMOTE, REMOTE_VAULT, account, item, holder, _fields(granted, 0, 0, 0, 0, 0));
    }

    function _fillsOf(bytes32 account, uint128[6] memory fields) internal pure returns (Record memory record) {
        record = Record(Kind.FILLS, REMOTE, REMOTE_VENUE, account, 0, address(0), fields);
    }

    function _fields(uint128 f0, uint128 f1, uint128 f2, uint128 f3, uint128 f4, uint128 f5)
        internal
        pure
        returns (uint128[6] memory)
    {
        return [f0, f1, f2, f3, f4, f5];
    }

    /// @dev The writer's next checkpoint holds this record beside another; three of four attestors say so.
    function _attest(Record memory record, address reader) internal returns (bytes memory proof) {
        return _attestAt(record, reader, ++remoteBlock, uint64(block.timestamp));
    }

    function _attestAt(Record memory record, address reader, uint64 blockNumber, uint64 timestamp)
        internal
        returns (bytes memory proof)
    {
        (bytes32[] memory hashes, bytes32[] memory leaves) = (new bytes32[](2), new bytes32[](2));
        hashes[0] = Records.hashOf(_keyAt(record, reader));
        leaves[0] = Records.leafOf(hashes[0], record.fields);
        (hashes[1], leaves[1]) = (keccak256("another key"), keccak256("another leaf"));
        bytes32 root = Tree.rootOf(hashes, leaves);
        Checkpoint memory checkpoint =
            Checkpoint(0, record.writerChain, record.writer, blockNumber, timestamp, "hash", root);
        uint256 position = roots.nextPosition(record.writerChain, record.writer);
        roots.submit(checkpoint, signers, _sign(checkpoint, 3));
        return abi.encode(uint8(position), blockNumber, timestamp, root, Tree.siblingsOf(hashes, leaves, hashes[0]));
    }

    function _keyAt(Record memory record, address reader) internal view returns (Key memory) {
        return Key(
            record.kind,
            record.writerChain,
            record.writer,
            block.chainid,
            reader,
            record.account,
            record.item,
            record.holder
        );
    }

    /// @dev Fills come with the market record of a newer checkpoint.
    function _learn(Record memory record) internal returns (Outcome) {
        bytes memory proof = _attest(record, address(clearing));
        if (record.kind == Kind.FILLS) _learnMarket();
        return _learnWith(record, proof);
    }

    /// @dev The remote market's record, in which nothing has accrued but what `remoteFunding` says.
    function _learnMarket() internal returns (Outcome) {
        Record memory record = Record(Kind.MARKET, REMOTE, REMOTE_VENUE, 0, 0, address(0), remoteFunding);
        return _learnWith(record, _attest(record, address(clearing)));
    }

    /// @dev The remote venue has just heard the clearing: it is not silent.
    function _hear() internal {
        uint128[6] memory fields = _fields(uint128(block.timestamp), 0, 0, 0, 0, 0);
        _learn(Record(Kind.HEARD, REMOTE, REMOTE_VENUE, 0, 0, address(0), fields));
    }

    function _learnWith(Record memory record, bytes memory proof) internal returns (Outcome) {
        (Record[] memory records, bytes[] memory proofs) = (new Record[](1), new bytes[](1));
        (records[0], proofs[0]) = (record, proof);
        return clearing.learn(records, proofs)[0];
    }

    function _assertNotLearned(Record memory record, bytes memory proof, bytes memory error) internal {
        (Record[] memory records, bytes[] memory proofs) = (new Record[](1), new bytes[](1));
        (records[0], proofs[0]) = (record, proof);
        bytes32 before = _state();
        vm.expectRevert(error);
        clearing.learn(records, proofs);
        assertEq(_state(), before, "a refused record leaves nothing");
    }

    /* READING */

    function _units(bytes32 account, uint256 index) internal view returns (uint256) {
        (Line memory line,) = clearing.lineOf(account, index);
        return line.units;
    }

    function _size(bytes32 account, uint256 market) internal view returns (int256) {
        (Position memory position,) = clearing.positionOf(account, market);
        return position.size;
    }

    /// @dev Everything that a refusal must leave as it was.
    function _state() internal view returns (bytes32) {
        return
            keccak256(
                abi.encode(clearing.digest(), venue.digest(), vault.digest(), _stateOf(a), _stateOf(b), _stateOf(k))
            );
    }

    function _stateOf(bytes32 account) private view returns (bytes32) {
        Held memory held = clearing.accountOf(account);
        (Position memory one, Outstanding memory left) = clearing.positionOf(account, 0);
        (Position memory two, Outstanding memory right) = clearing.positionOf(account, 1);
        (Line memory line,) = clearing.lineOf(account, 0);
        address owner = address(bytes20(account));
        uint256 free = vault.free(owner, address(weth));
        return keccak256(abi.encode(held, one, left, two, right, line, free, weth.balanceOf(owner)));
    }
}
