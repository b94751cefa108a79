// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IPyth} from "@pythnetwork/pyth-sdk-solidity/IPyth.sol";
import {Price, PricePolicy} from "../price/Prices.sol";
import {Books} from "../records/Books.sol";
import {Key, Kind} from "../records/Records.sol";
import {RecordBook, Seen} from "../records/RecordBook.sol";
import {RecordSource} from "../records/RecordSource.sol";
import {Breakers} from "./Breakers.sol";
import {Checks} from "./Checks.sol";
import {Closings} from "./Closings.sol";
import {Index} from "./Index.sol";
import {Account, Ledger, Ledgers, Line, Listing, Market, OpenInterest, Outstanding, Position} from "./Ledger.sol";
import {Learning} from "./Learning.sol";
import {Limits} from "./Limits.sol";
import {Lines} from "./Lines.sol";
import {Liquidation} from "./Liquidation.sol";
import {Margin} from "./Margin.sol";
import {Registry} from "./Registry.sol";
import {Settlement} from "./Settlement.sol";

/// @title One margin account over every chain.
/// @notice Counts collateral locked in vaults, after a haircut, as margin for what the account trades at venues; gives
/// and voids trade limits; releases collateral that is not needed; liquidates by moving a share of the portfolio
/// on this ledger. It holds no tokens: all it can do at a vault is what was granted to it there.
/// @dev spec/contracts.md, CLR-01 to CLR-12; spec/margin.md, breakers.md. The verbs are in the linked libraries `Index`, `Lines`, `Limits`,
/// `Liquidation`, `Settlement`, `Closings` and `Breakers`. Each checks, changes the ledger, checks margin, and hands its records over last, since a record
/// for a reader on this chain runs that reader's code.
contract Clearing is RecordBook, Registry, ReentrancyGuardTransient {
    using Checks for Ledger;
    using Ledgers for Ledger;

    IPyth public immutable pyth;
    PricePolicy public pricePolicy;

    error NotTheOwner(address caller, bytes32 account);

    modifier onlyOwnerOf(bytes32 account) {
        _requireOwner(account);
        _;
    }

    constructor(RecordSource source_, uint64 heartbeat_, IPyth pyth_, PricePolicy memory pricePolicy_, address owner)
        RecordBook(source_, heartbeat_)
        Registry(owner)
    {
        (pyth, pricePolicy) = (pyth_, pricePolicy_);
    }

    /* COLLATERAL */

    /// @notice Opens a line: from now on what `holder` granted of a listed asset counts for the account.
    function openLine(bytes32 account, Listing calldata listing, address holder)
        external
        nonReentrant
        onlyOwnerOf(account)
        returns (uint256 index)
    {
        return Lines.open(_ledger, _book, account, listing, holder);
    }

    /// @notice Lets units of a line go home to its holder, if the account keeps its initial margin without them and
    /// every record that can hurt is fresh.
    function release(bytes32 account, uint256 index, uint256 units) external nonReentrant onlyOwnerOf(account) {
        Lines.release(_ledger, _book, account, index, units);
    }

    /// @notice Sends a grant that the account's owner never opened back to its holder. Anyone may ask.
    function releaseUnopened(bytes32 account, Listing calldata listing, address holder) external nonReentrant {
        Lines.releaseUnopened(_ledger, _book, account, listing, holder);
    }

    /// @notice Counts of a line what by now its caps and the inflow of its listing leave room for. Anyone may.
    function count(bytes32 account, uint256 index) external nonReentrant {
        Lines.count(_ledger, account, index);
    }

    /* TRADING */

    /// @notice Lets the account buy and sell more at a venue (base units at 1e18). Below initial margin only a limit that
    /// shrinks the position, and bares nothing else, is given; below maintenance none.
    function raiseLimits(bytes32 account, uint256 market, uint112 buy, uint112 sell)
        external
        nonReentrant
        onlyOwnerOf(account)
    {
        Limits.raise(_ledger, _book, account, market, buy, sell);
    }

    /// @notice Voids the account's limits in a market. They keep being charged until the venue shows them forfeited.
    /// @dev By the owner; by anyone once the account is below maintenance, and no outage has just been.
    function voidLimits(bytes32 account, uint256 market) external nonReentrant {
        Limits.voidAt(_ledger, _book, account, market, _isOwnerOf(account));
    }

    /* DEFAULT */

    /// @notice Liquidates an account below maintenance: its limits are voided, then a share of its positions, its cash and what
    /// backs its margin goes to `liquidator`, an account of the caller, which pays for it in ledger cash and must end above
    /// initial margin.
    function liquidate(bytes32 account, bytes32 liquidator) external nonReentrant onlyOwnerOf(liquidator) {
        Liquidation.liquidate(_ledger, _book, account, liquidator);
    }

    /// @notice Closes a venue that contradicted itself, or has been silent for longer than its `deadAge`; by the owner any.
    function closeVenue(uint256 venue) external nonReentrant {
        Closings.close(_ledger, _book, source, venue, msg.sender == owner());
    }

    /// @notice Fixes a closed market's price: the first that Pyth published at or after the end of the venue's grace.
    function priceClosed(uint256 market, bytes[] calldata updates) external payable {
        Closings.price(_ledger, pyth, pricePolicy, market, updates);
    }

    /// @notice Settles a position at a closed venue in cash, once the last root's records have had their time.
    function settleClosed(bytes32 account, uint256 market) external nonReentrant {
        Closings.settle(_ledger, account, market);
    }

    /* BREAKERS */

    /// @notice Trips the breaker of a listing's vault while the asset's two feeds differ by too much. Anyone may.
    function tripDispersed(uint256 listing) external {
        Breakers.tripDispersed(_ledger, listing);
    }

    /// @notice Resets a breaker whose cause has been gone for long enough. Anyone may.
    function resetBreaker(uint256 chainId, address peer) external {
        Breakers.reset(_ledger, chainId, peer);
    }

    /* CASH */

    /// @notice Brings an account up to date: positions in closed markets that have their price are settled in cash, of others
    /// the funding up to the newest known index. Anyone may.
    function payFunding(bytes32 account) external nonReentrant {
        Settlement.payFunding(_ledger, account);
    }

    /// @notice Puts up an account's lines for the cash it owes: by its owner, or by anyone once the debt is old or large.
    function putUp(bytes32 account) external nonReentrant {
        Settlement.putUp(_ledger, account, _isOwnerOf(account));
    }

    /// @notice Buys units of an account that is put up, for ledger cash of the caller's account.
    function buyUnits(bytes32 seller, uint256 index, uint256 units, bytes32 buyer)
        external
        nonReentrant
        onlyOwnerOf(buyer)
    {
        Settlement.buy(_ledger, _book, seller, index, units, buyer);
    }

    /* PRICES */

    /// @notice Brings the named feeds up to date from Pyth. An older report than the cached one changes nothing.
    function poke(uint256[] calldata feedIndexes, bytes[] calldata updates) external payable {
        Index.poke(_ledger, pyth, pricePolicy, feedIndexes, updates);
    }

    /// @notice Adds a signed report of the past to the feed's extremes, for fills at a price that nobody poked.
    function widenIndex(uint256 feed, bytes[] calldata updates) external payable {
        Index.widen(_ledger, pyth, pricePolicy, feed, updates);
    }

    /* VIEWS */

    /// @notice The account's margin balances and requirements, USD at 1e18: initial for new risk, maintenance for
    /// liquidation. Reverts if a price it needs is too old.
    function marginOf(bytes32 account) external view returns (Margin memory) {
        return _ledger.marginOf(account, _ledger.blobOf());
    }

    function accountOf(bytes32 account) external view returns (Account memory) {
        return _ledger.accounts[account];
    }

    function lineOf(bytes32 account, uint256 index) external view returns (Line memory line, address holder) {
        return (_ledger.lines[account][index], _ledger.holders[account][index]);
    }

    function positionOf(bytes32 account, uint256 market)
        external
        view
        returns (Position memory position, Outstanding memory outstanding)
    {
        return (_ledger.positions[account][market], _ledger.outstanding[account][market]);
    }

    function listings(uint256 listing) external view returns (Listing memory, uint256 counted) {
        return (_ledger.listings[listing], _ledger.counted[listing]);
    }

    function markets(uint256 market) external view returns (Market memory, OpenInterest memory) {
        return (_ledger.markets[market], _ledger.openInterest[market]);
    }

    function indexPrice(uint256 feed) external view returns (Price memory price) {
        (price.price, price.publishTime) = _ledger.indexPrice[feed].unpacked();
    }

    /// @notice Until when a peer is frozen (seconds); a time that has passed is over, and 0 if it never was.
    function frozenUntil(uint256 chainId, address peer) external view returns (uint64) {
        return Breakers.frozenUntil(_ledger, chainId, peer);
    }

    /// @notice The number of the parameters in force, and the blob itself (`ParameterBlob`).
    function parameters() external view returns (uint32 version, bytes memory blob) {
        return (_ledger.version, _ledger.blobOf());
    }

    function _requireOwner(bytes32 account) private view {
        require(_isOwnerOf(account), NotTheOwner(msg.sender, account));
    }

    function _isOwnerOf(bytes32 account) private view returns (bool) {
        return msg.sender == address(bytes20(account));
    }

    /* RECORDS */

    function _reads(Kind kind, uint256 chainId, address writer) internal view override returns (bool) {
        return Learning.reads(_ledger, kind, chainId, writer);
    }

    function _isConsistent(Key memory key, uint128[6] memory known, uint128[6] memory next, Seen memory seen)
        internal
        view
        override
        returns (bool)
    {
        return Learning.isConsistent(_ledger, _book, key, known, next, seen);
    }

    function _write(Key memory key, uint128[6] memory fields) internal override {
        Learning.write(_book, key, fields);
    }

    function _end(bytes32 peer) internal override {
        Closings.end(_ledger, source, peer);
    }

    function _isOver(bytes32 peer, uint64 blockNumber) internal view override returns (bool) {
        return Learning.isOver(_ledger, peer, blockNumber);
    }

    function _apply(Key memory key, uint128[6] memory known, uint128[6] memory next, uint64 blockNumber)
        internal
        override
    {
        Learning.take(_ledger, _book, key, known, next, blockNumber);
    }
}
