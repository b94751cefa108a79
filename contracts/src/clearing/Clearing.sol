// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IPyth} from "@pythnetwork/pyth-sdk-solidity/IPyth.sol";
import {Price, PricePolicy} from "../price/Prices.sol";
import {Books} from "../records/Books.sol";
import {Key, Kind} from "../records/Records.sol";
import {RecordBook} from "../records/RecordBook.sol";
import {RecordSource} from "../records/RecordSource.sol";
import {Index} from "./Index.sol";
import {Account, Ledger, Ledgers, Line, Listing, Market, OpenInterest, Outstanding, Position} from "./Ledger.sol";
import {Limits} from "./Limits.sol";
import {Lines} from "./Lines.sol";
import {Liquidation} from "./Liquidation.sol";
import {Margin} from "./Margin.sol";
import {Registry} from "./Registry.sol";

/// @title One margin account over every chain.
/// @notice Counts collateral locked in vaults, after a haircut, as margin for what the account trades at venues; gives
/// and voids trade limits; releases collateral that is not needed; liquidates by moving a share of the whole portfolio
/// on this ledger. It holds no tokens: all it can do at a vault is what was granted to it there.
/// @dev spec/contracts.md, CLR-01 to CLR-11; spec/margin.md. The verbs are in the linked libraries `Index`, `Lines`, `Limits`
/// and `Liquidation`. Each checks, changes the ledger, checks margin, and writes its records last, since a record
/// for a reader on this chain runs that reader's code.
contract Clearing is RecordBook, Registry, ReentrancyGuardTransient {
    using Ledgers for Ledger;

    IPyth public immutable pyth;
    PricePolicy public pricePolicy;

    error NotTheOwner(address caller, bytes32 account);

    modifier onlyOwnerOf(bytes32 account) {
        require(msg.sender == address(bytes20(account)), NotTheOwner(msg.sender, account));
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

    /* TRADING */

    /// @notice Lets the account buy and sell more at a venue (base units at 1e18). Below initial margin only a limit
    /// that shrinks the position is given, and below maintenance none.
    function raiseLimits(bytes32 account, uint256 market, uint112 buy, uint112 sell)
        external
        nonReentrant
        onlyOwnerOf(account)
    {
        Limits.raise(_ledger, _book, account, market, buy, sell);
    }

    /// @notice Voids the account's limits in a market. They keep being charged until the venue shows them forfeited.
    /// @dev By the owner; by anyone once the account is below maintenance.
    function voidLimits(bytes32 account, uint256 market) external nonReentrant {
        Limits.voidAt(_ledger, _book, account, market, msg.sender == address(bytes20(account)));
    }

    /* DEFAULT */

    /// @notice Liquidates an account below maintenance: its limits are voided, then a share of everything it has goes
    /// to `liquidator`, an account of the caller, which pays for it in ledger cash and must end above initial margin.
    function liquidate(bytes32 account, bytes32 liquidator) external nonReentrant onlyOwnerOf(liquidator) {
        Liquidation.liquidate(_ledger, _book, account, liquidator);
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

    function indexPrice(uint256 feed) external view returns (Price memory) {
        return _ledger.indexPrice[feed];
    }

    /// @notice The number of the parameters in force, and the blob itself (`ParameterBlob`).
    function parameters() external view returns (uint32 version, bytes memory blob) {
        return (_ledger.version, _ledger.blobOf());
    }

    /* RECORDS */

    function _reads(Kind kind, uint256 chainId, address writer) internal view override returns (bool) {
        bytes32 peer = Books.peerOf(chainId, writer);
        if (kind == Kind.GRANT) return _isVault[peer];
        bool isVenue = _ledger.venueNumber[peer] > 0;
        if (kind == Kind.FILLS) return isVenue;
        return kind == Kind.HEARD && (isVenue || _isVault[peer]);
    }

    function _isConsistent(Key memory key, uint128[6] memory known, uint128[6] calldata next, uint64 knownAsOf)
        internal
        view
        override
        returns (bool)
    {
        return key.kind != Kind.FILLS || Limits.isConsistent(_ledger, _book, key, known, next, knownAsOf);
    }

    function _apply(Key memory key, uint128[6] memory known, uint128[6] calldata next) internal override {
        if (key.kind == Kind.GRANT) Lines.applyGrant(_ledger, _book, key);
        if (key.kind == Kind.FILLS) Limits.applyFills(_ledger, key, known, next);
        if (key.kind == Kind.HEARD) {
            uint256 number = _ledger.venueNumber[Books.peerOf(key.writerChain, key.writer)];
            if (number > 0) _ledger.setHeard(number - 1, next[0]);
        }
    }
}
