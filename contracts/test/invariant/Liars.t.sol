// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {Token} from "../../devnet/Token.sol";
import {Position} from "../../src/clearing/Ledger.sol";
import {Key, Kind, Outcome, Record} from "../../src/records/Records.sol";
import {Vault} from "../../src/vault/Vault.sol";
import {World} from "../World.sol";
import {Vouched} from "./Vouched.sol";

/// @title Holders of one vault, two clearings they may grant to, one of which says anything at all.
contract LyingClearingHandler is Test {
    uint256 public constant FAR = 7;
    address public constant HONEST = address(0xC0);
    address public constant LIAR = address(0xC1);

    Vouched public source = new Vouched();
    Vault public vault = new Vault(source, 10, address(0));
    Token public token = new Token("T", 18);
    address[3] public holders = [address(0x11), address(0x12), address(0x13)];
    uint256 public grantedToLiar;
    uint256 public grantedToHonest;
    uint256 public honored;
    mapping(address holder => uint128) private _released;
    uint64 private _block;
    uint256 public lies;

    function deposit(uint256 who, uint96 amount) external {
        address holder = holders[who % 3];
        amount = uint96(bound(amount, 1, 1e24));
        token.mint(holder, amount);
        vm.startPrank(holder);
        token.approve(address(vault), amount);
        vault.deposit(address(token), amount);
        vm.stopPrank();
    }

    function grant(uint256 who, uint256 amount, bool toLiar) external {
        address holder = holders[who % 3];
        uint256 free = vault.free(holder, address(token));
        if (free == 0 || (toLiar && vault.ended(FAR, LIAR))) return;
        amount = bound(amount, 1, free);
        vm.prank(holder);
        vault.grant(address(token), amount, FAR, toLiar ? LIAR : HONEST, bytes32(bytes20(holder)));
        if (toLiar) grantedToLiar += amount;
        else grantedToHonest += amount;
    }

    function withdraw(uint256 who, uint256 amount) external {
        address holder = holders[who % 3];
        uint256 free = vault.free(holder, address(token));
        if (free == 0) return;
        vm.prank(holder);
        vault.withdraw(address(token), bound(amount, 1, free), holder);
    }

    /// @dev The liar releases, gains and loses whatever it likes, grown mostly, sometimes shrunk, at any block.
    function lie(uint256 who, uint128 released, uint128 gained, uint64 back) external {
        if (vault.ended(FAR, LIAR)) return;
        ++lies;
        if (back % 64 != 0) released = uint128(bound(released, 0, 1e26)) + _released[holders[who % 3]];
        _released[holders[who % 3]] = released;
        _block += 1;
        _deliver(LIAR, holders[who % 3], [released, back % 64 == 0 ? gained : 0, 0], _block - uint64(back % 2));
    }

    /// @dev The honest clearing releases to a holder no more than the holder granted it.
    function release(uint256 who, uint256 amount) external {
        address holder = holders[who % 3];
        uint256 open = vault.writtenOf(_grantKey(HONEST, holder))[0] - honestlyReleased[holder];
        if (open == 0) return;
        honestlyReleased[holder] += uint128(bound(amount, 1, open));
        _block += 1;
        uint256 before = vault.free(holder, address(token));
        _deliver(HONEST, holder, [honestlyReleased[holder], 0, 0], _block);
        honored += vault.free(holder, address(token)) - before;
    }

    mapping(address holder => uint128) public honestlyReleased;

    function _deliver(address clearing, address holder, uint128[3] memory said, uint64 blockNumber) private {
        uint128[6] memory fields = [said[0], said[1], said[2], 0, 0, 0];
        bytes32 account = bytes32(bytes20(holder));
        bytes32 item = bytes32(uint256(uint160(address(token))));
        source.vouch(
            Key(Kind.LEDGER, FAR, clearing, block.chainid, address(vault), account, item, holder), fields, blockNumber
        );
        (Record[] memory records, bytes[] memory proofs) = (new Record[](1), new bytes[](1));
        records[0] = Record(Kind.LEDGER, FAR, clearing, account, item, holder, fields);
        proofs[0] = abi.encode(blockNumber);
        vault.learn(records, proofs);
    }

    function _grantKey(address clearing, address holder) private view returns (Key memory) {
        return Key(
            Kind.GRANT,
            block.chainid,
            address(vault),
            FAR,
            clearing,
            bytes32(bytes20(holder)),
            bytes32(uint256(uint160(address(token)))),
            holder
        );
    }
}

/// forge-config: default.invariant.runs = 250
/// forge-config: default.invariant.depth = 400
/// forge-config: default.invariant.include-storage = false
/// forge-config: default.invariant.include-push-bytes = false
contract LyingClearingInvariants is Test {
    LyingClearingHandler private handler;

    function setUp() public {
        handler = new LyingClearingHandler();
        targetContract(address(handler));
        bytes4[] memory calls = new bytes4[](5);
        (calls[0], calls[1], calls[2]) = (handler.deposit.selector, handler.grant.selector, handler.withdraw.selector);
        (calls[3], calls[4]) = (handler.lie.selector, handler.release.selector);
        targetSelector(FuzzSelector(address(handler), calls));
    }

    function _pool(address clearing) private view returns (uint256) {
        return handler.vault().pool(keccak256(abi.encode(handler.FAR(), clearing)), address(handler.token()));
    }

    /// @dev One function, since each would be a campaign of its own: owed is held (VLT-04), the liar stays within what was
    /// granted to it (VLT-03), and the honest clearing's releases are honored whole, whatever the liar did (VLT-05).
    function invariant_VLT_03_VLT_04_VLT_05_a_lying_clearing_harms_only_its_own() public view {
        Vault vault = handler.vault();
        uint256 owed = _pool(handler.LIAR()) + _pool(handler.HONEST());
        uint256 released;
        for (uint256 i; i < 3; ++i) {
            owed += vault.free(handler.holders(i), address(handler.token()));
            released += handler.honestlyReleased(handler.holders(i));
        }
        assertEq(owed, handler.token().balanceOf(address(vault)));
        assertEq(_pool(handler.HONEST()), handler.grantedToHonest() - handler.honored());
        assertLe(_pool(handler.LIAR()), handler.grantedToLiar());
        assertEq(handler.honored(), released);
    }

    function afterInvariant() public view {
        assertGt(handler.lies(), 0);
    }
}

/// @title A remote venue that writes any fills at all for an account with limits there.
contract LyingVenueHandler is World {
    int256 public start;
    uint128 public limit = 10e18;
    uint256 public taken;
    uint256 public refused;
    uint128[6] private _last;
    Vouched private _vouched = new Vouched();

    constructor() {
        _begin();
    }

    function _begin() private {
        setUp();
        // What it writes is believed at once: roots have tests of their own.
        vm.etch(address(roots), address(_vouched).code);
        _fund(alice, 500e18);
        _raise(alice, 1, uint112(limit), uint112(limit));
        start = worth();
    }

    /// @notice Collateral aside: what the venue can have cost or given.
    function worth() public view returns (int256) {
        (Position memory position,) = clearing.positionOf(a, 1);
        return int256(clearing.accountOf(a).cash) + position.quote + position.size * 2000;
    }

    /// @dev Grown by amounts from nothing to beyond the limit, at prices from nothing to twice the index.
    function write(uint128 bought, uint128 sold, uint128 paid, uint128 received, uint128 forfeited, uint8 mood)
        external
    {
        if (clearing.ended(REMOTE, REMOTE_VENUE)) return _restart();
        uint128[6] memory next = _last;
        next[0] += uint128(bound(bought, 0, limit / 8));
        next[1] += uint128(bound(sold, 0, limit / 8));
        next[2] += _payment(next[0] - _last[0], paid, mood);
        next[3] += _payment(next[1] - _last[1], received, mood >> 2);
        if (mood & 16 == 0) next[4] += uint128(bound(forfeited, 0, limit / 32));
        if (mood == 255) next[0] = _last[0] / 2;
        _learnAny(next);
    }

    /// @dev Two in four within the band, one near it, one anything.
    function _payment(uint128 size, uint128 drawn, uint8 mood) private pure returns (uint128) {
        uint256 fair = uint256(size) * 2000;
        uint8 kind = mood % 4;
        if (kind < 2) return uint128(bound(drawn, fair * 97 / 100 + (size > 0 ? 1 : 0), fair * 103 / 100 + 1));
        if (kind == 2) return uint128(bound(drawn, fair * 90 / 100, fair * 110 / 100));
        return uint128(bound(drawn, 0, fair * 2));
    }

    function _learnAny(uint128[6] memory next) private {
        (Record[] memory records, bytes[] memory proofs) = (new Record[](2), new bytes[](2));
        records[0] = Record(Kind.MARKET, REMOTE, REMOTE_VENUE, 0, 0, address(0), remoteFunding);
        records[1] = _fillsOf(a, next);
        ++remoteBlock;
        for (uint256 i; i < 2; ++i) {
            Vouched(address(roots)).vouch(_keyAt(records[i], address(clearing)), records[i].fields, remoteBlock);
            proofs[i] = abi.encode(remoteBlock);
        }
        try clearing.learn(records, proofs) returns (Outcome[] memory outcomes) {
            if (outcomes[1] == Outcome.TAKEN) (_last, taken) = (next, taken + 1);
            else ++refused;
        } catch {
            ++refused;
        }
    }

    /// @dev The generation is over: a new world, so that a run goes on.
    function _restart() private {
        delete _last;
        remoteBlock = 0;
        _begin();
    }
}

/// forge-config: default.invariant.runs = 100
/// forge-config: default.invariant.depth = 1000
/// forge-config: default.invariant.include-storage = false
/// forge-config: default.invariant.include-push-bytes = false
contract LyingVenueInvariants is Test {
    LyingVenueHandler private handler;

    function setUp() public {
        handler = new LyingVenueHandler();
        targetContract(address(handler));
        bytes4[] memory calls = new bytes4[](1);
        calls[0] = handler.write.selector;
        targetSelector(FuzzSelector(address(handler), calls));
    }

    /// @dev At a price of 2,000 that does not move, the limits of 10 ETH each way cost and give at most the band on both.
    function invariant_MRG_21_a_venue_costs_at_most_what_its_limits_bound() public view {
        int256 bound_ = int256(uint256(handler.limit())) * 2 * 2000 * 3 / 100 + 1e6;
        int256 change = handler.worth() - handler.start();
        assertLe(change, bound_);
        assertGe(change, -bound_);
    }

    function afterInvariant() public view {
        assertGt(handler.taken(), 0);
        assertGt(handler.refused(), 0);
    }
}
