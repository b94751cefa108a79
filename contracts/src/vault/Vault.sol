// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {Wad} from "../math/Wad.sol";
import {Book, Books} from "../records/Books.sol";
import {Key, Kind, Records} from "../records/Records.sol";
import {RecordBook, Seen} from "../records/RecordBook.sol";
import {RecordSource} from "../records/RecordSource.sol";
import {WrappedNative} from "./WrappedNative.sol";

/// @title Where collateral stays locked, on the chain where it lives.
/// @notice A holder deposits tokens, grants them to an account at a clearing of their choice, and withdraws what is
/// free. What a clearing releases becomes free again, up to what that clearing was granted here and not one unit more.
/// No owner, no upgrade: the only inputs are holders' calls and records proven through `source`.
/// @dev spec/contracts.md, VLT-01 to VLT-12. Tokens must not rebase; a fee on transfer is borne by the depositor.
contract Vault is RecordBook, ReentrancyGuardTransient {
    using Books for Book;
    using SafeCast for uint256;
    using SafeTransferLib for address;

    /// @notice The token that the chain's own coin is kept as; zero if the vault takes no coin.
    address public immutable wrapped;
    /// @notice What a holder may withdraw or grant, in the asset's own units.
    mapping(address holder => mapping(address asset => uint256)) public free;
    /// @notice Granted and not honored, per clearing and asset: the most that clearing can still cause to be paid.
    mapping(bytes32 clearing => mapping(address asset => uint256)) public pool;
    /// @notice The part of a line's learned `released` that has been made free, by the hash of its ledger record's key.
    mapping(bytes32 key => uint256) public honored;

    event Deposited(address indexed holder, address indexed asset, uint256 amount);
    event Withdrawn(address indexed holder, address indexed asset, uint256 amount, address to);
    event Honored(address indexed holder, address indexed asset, bytes32 indexed account, uint256 amount);

    error ZeroAmount();
    error InsufficientFree(uint256 requested, uint256 free);
    /// This vault was made without a wrapped coin.
    error NoWrappedCoin();
    /// Coin comes in by `depositNative`, or from the wrapper while it unwraps; otherwise nobody could be credited.
    error NotTheWrapper(address sender);
    /// A pool beyond 112 bits would not fit a line at the clearing.
    error PoolTooLarge(uint256 pool);

    constructor(RecordSource source_, uint64 heartbeat_, address wrapped_) RecordBook(source_, heartbeat_) {
        wrapped = wrapped_;
    }

    receive() external payable {
        require(msg.sender == wrapped, NotTheWrapper(msg.sender));
    }

    /// @notice Takes `amount` of `asset` from the caller and credits what arrived.
    function deposit(address asset, uint256 amount) external nonReentrant {
        _deposit(asset, amount);
    }

    /// @notice Deposits and grants what arrived to `account` at a clearing, in one call.
    function depositAndGrant(address asset, uint256 amount, uint256 clearingChain, address clearing, bytes32 account)
        external
        nonReentrant
    {
        _grant(asset, _deposit(asset, amount), clearingChain, clearing, account);
    }

    /// @notice Moves free balance of the caller into a line of `account` at a clearing, with the caller as its holder.
    /// @dev Whoever grants trusts that clearing's code, and this vault's `source` about it, with this amount.
    function grant(address asset, uint256 amount, uint256 clearingChain, address clearing, bytes32 account)
        external
        nonReentrant
    {
        _grant(asset, amount, clearingChain, clearing, account);
    }

    /// @notice Pays out free balance of the caller.
    function withdraw(address asset, uint256 amount, address to) external nonReentrant {
        _take(asset, amount);
        emit Withdrawn(msg.sender, asset, amount, to);
        asset.safeTransfer(to, amount);
    }

    /// @notice Wraps the coin sent and credits what arrived, as a deposit of the wrapped token.
    function depositNative() external payable nonReentrant {
        _depositNative();
    }

    /// @notice Wraps the coin sent, deposits and grants what arrived to `account` at a clearing, in one call.
    function depositNativeAndGrant(uint256 clearingChain, address clearing, bytes32 account)
        external
        payable
        nonReentrant
    {
        _grant(wrapped, _depositNative(), clearingChain, clearing, account);
    }

    /// @notice Pays out free balance of the caller in the wrapped token, as the coin itself.
    function withdrawNative(uint256 amount, address to) external nonReentrant {
        require(wrapped != address(0), NoWrappedCoin());
        _take(wrapped, amount);
        emit Withdrawn(msg.sender, wrapped, amount, to);
        WrappedNative(wrapped).withdraw(amount);
        to.safeTransferETH(amount);
    }

    function _deposit(address asset, uint256 amount) private returns (uint256) {
        uint256 before = asset.balanceOf(address(this));
        asset.safeTransferFrom(msg.sender, address(this), amount);
        return _credit(asset, before);
    }

    function _depositNative() private returns (uint256) {
        require(wrapped != address(0), NoWrappedCoin());
        uint256 before = wrapped.balanceOf(address(this));
        WrappedNative(wrapped).deposit{value: msg.value}();
        return _credit(wrapped, before);
    }

    /// @dev What the vault holds more than before is the caller's.
    function _credit(address asset, uint256 before) private returns (uint256 received) {
        received = asset.balanceOf(address(this)) - before;
        require(received > 0, ZeroAmount());
        free[msg.sender][asset] += received;
        emit Deposited(msg.sender, asset, received);
    }

    function _grant(address asset, uint256 amount, uint256 clearingChain, address clearing, bytes32 account) private {
        _take(asset, amount);
        bytes32 peer = Books.peerOf(clearingChain, clearing);
        require(!_book.ended[peer], PeerEnded(clearingChain, clearing));
        uint256 pool_ = pool[peer][asset] + amount;
        require(pool_ <= type(uint112).max, PoolTooLarge(pool_));
        pool[peer][asset] = pool_;
        Key memory key =
            Books.keyTo(Kind.GRANT, clearingChain, clearing, account, bytes32(uint256(uint160(asset))), msg.sender);
        _book.add(key, 0, amount.toUint128());
    }

    function _take(address asset, uint256 amount) private {
        uint256 free_ = free[msg.sender][asset];
        require(amount > 0, ZeroAmount());
        require(amount <= free_, InsufficientFree(amount, free_));
        free[msg.sender][asset] = free_ - amount;
    }

    /// @dev `released` may exceed what this line was granted: that is how a winner is paid. The pool is the clamp.
    function _honor(Key memory key, uint256 released) private {
        address asset = address(uint160(uint256(key.item)));
        bytes32 peer = Books.peerOf(key.writerChain, key.writer);
        bytes32 line = Records.hashOf(key);
        uint256 honored_ = honored[line];
        uint256 pool_ = pool[peer][asset];
        uint256 amount = Wad.min(released - honored_, pool_);
        if (amount == 0) return;
        honored[line] = honored_ + amount;
        pool[peer][asset] = pool_ - amount;
        free[key.holder][asset] += amount;
        emit Honored(key.holder, asset, key.account, amount);
    }

    /// @dev Any contract may be the clearing of those who grant to it: the pool keeps others out of its reach.
    function _reads(Kind kind, uint256, address) internal pure override returns (bool) {
        return kind == Kind.LEDGER || kind == Kind.HEARD;
    }

    function _isConsistent(Key memory, uint128[6] memory, uint128[6] memory, Seen memory)
        internal
        pure
        override
        returns (bool)
    {
        return true;
    }

    function _apply(Key memory key, uint128[6] memory, uint128[6] memory next, uint64) internal override {
        if (key.kind == Kind.LEDGER) _honor(key, next[0]);
    }
}
