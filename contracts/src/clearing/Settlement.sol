// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";
import {Book, Books} from "../records/Books.sol";
import {Key} from "../records/Records.sol";
import {Checks} from "./Checks.sol";
import {Account, Ledger, Ledgers, Line, Listing} from "./Ledger.sol";
import {Outages} from "./Outages.sol";
import {ListingTerms, ParameterBlob} from "./Parameters.sol";
import {Peers} from "./Peers.sol";
import {Transfers} from "./Transfers.sol";

/// @title Settlement of cash: what one account owes against units that another wants.
/// @notice Only units leave a clearing, at a named vault. Whoever has cash buys units of an account that owes it; never at
/// par, so that nobody gains by being first at the better vault.
/// @dev Linked: runs in the clearing's storage. spec/settlement.md.
library Settlement {
    using Books for Book;
    using Checks for Ledger;
    using Ledgers for Ledger;
    using ParameterBlob for bytes;

    event PutUp(bytes32 indexed account, bool byOwner);
    event Sold(
        bytes32 indexed seller,
        bytes32 indexed buyer,
        uint256 indexed listing,
        uint256 units,
        uint256 price,
        uint32 version
    );

    error NoDebt(bytes32 account);
    /// The debt is neither old nor large enough for anyone but the owner to put it up.
    error DebtNotDue(bytes32 account, uint256 debt, uint256 most, uint256 dueAt);
    error NotPutUp(bytes32 account);
    error SelfSale(bytes32 account);
    error NoSuchLine(bytes32 account, uint256 index);
    error InsufficientUnits(uint256 requested, uint256 units);
    error NothingToBuy();
    /// The units cost more than the buyer has or than the seller owes: buy fewer.
    error PriceAboveCash(uint256 price, int256 buyerCash, uint256 debt);
    /// Nothing young enough has come back from the line's vault: what it will still pay is not known.
    error RoundTripTooOld(uint256 listing, uint256 heard, uint256 now_);
    /// The vault contradicted itself: units there are worth nothing to a buyer.
    error VaultEnded(uint256 chainId, address vault);

    /// @notice Brings an account up to date: funding, and what is left in closed markets.
    function payFunding(Ledger storage ledger, bytes32 account) external {
        ledger.bringUpToDate(account);
    }

    /// @notice Lets an account's lines be bought until its cash is not below zero any more: by its owner at any time, by
    /// anyone once the debt is older than `settleAfter` or larger than `settleShare` of the collateral.
    function putUp(Ledger storage ledger, bytes32 account, bool byOwner) external {
        ledger.bringUpToDate(account);
        Account memory account_ = ledger.accounts[account];
        require(account_.cash < 0, NoDebt(account));
        if (!byOwner) _requireDue(ledger, account, account_);
        ledger.accounts[account].isPutUp = true;
        emit Ledgers.DebtChanged(account, account_.debtSince, true);
        emit PutUp(account, byOwner);
    }

    /// @notice Buys units of an account that is put up, for ledger cash that the buyer has and the seller owes.
    function buy(Ledger storage ledger, Book storage book, bytes32 seller, uint256 index, uint256 units, bytes32 buyer)
        external
    {
        require(seller != buyer, SelfSale(buyer));
        bytes memory blob = ledger.blobOf();
        ledger.bringUpToDate(seller);
        ledger.bringUpToDate(buyer);
        (uint256 listing, uint256 counted) = _requireForSale(ledger, seller, index, units);
        _requireYoung(ledger, book, listing, blob);
        uint256 price = priceOf(ledger, listing, units, blob);
        _pay(ledger, buyer, seller, price);
        emit Sold(seller, buyer, listing, units, price, ledger.version);
        (Key memory lost, Key memory gained) = Transfers.move(ledger, book, seller, index, buyer, units, counted);
        ledger.requireInitialMargin(buyer, blob);
        // A vault on this chain has to hear of it: units at one that does not answer pay no debt.
        book.push(lost);
        book.push(gained);
    }

    /// @dev An old debt needs no prices: a line on a dead feed keeps nobody from putting it up.
    function _requireDue(Ledger storage ledger, bytes32 account, Account memory account_) private view {
        bytes memory blob = ledger.blobOf();
        Outages.requireGraceOver(ledger, blob);
        uint256 dueAt = account_.debtSince + blob.settleAfter();
        if (block.timestamp >= dueAt) return;
        uint256 debt = Wad.abs(account_.cash);
        uint256 most = Wad.mulDown(ledger.collateralOf(account, blob), blob.settleShare());
        require(debt > most, DebtNotDue(account, debt, most, dueAt));
    }

    /// @return listing What the line is of.
    /// @return counted The units' part of what counts of it, rounded down.
    function _requireForSale(Ledger storage ledger, bytes32 seller, uint256 index, uint256 units)
        private
        view
        returns (uint256 listing, uint256 counted)
    {
        require(units > 0, NothingToBuy());
        require(ledger.accounts[seller].isPutUp, NotPutUp(seller));
        require(index < ledger.accounts[seller].lineCount, NoSuchLine(seller, index));
        Line memory line = ledger.lines[seller][index];
        require(units <= line.units, InsufficientUnits(units, line.units));
        return (line.listing, line.counted * units / line.units);
    }

    function _pay(Ledger storage ledger, bytes32 buyer, bytes32 seller, uint256 price) private {
        int256 cash = ledger.accounts[buyer].cash;
        uint256 debt = Wad.abs(ledger.accounts[seller].cash);
        require(int256(price) <= cash && price <= debt, PriceAboveCash(price, cash, debt));
        ledger.addCash(seller, int256(price));
        ledger.addCash(buyer, -int256(price));
    }

    /// @notice What units of a listing are sold for, USD at 1e18, rounded up: the index price less the sale discount, or
    /// less the maintenance haircut where that is smaller, so that no sale lowers the seller's maintenance margin.
    function priceOf(Ledger storage ledger, uint256 listing, uint256 units, bytes memory blob)
        internal
        view
        returns (uint256)
    {
        ListingTerms terms = blob.listing(listing);
        uint256 discount = Wad.min(blob.saleDiscount(), terms.maintenanceHaircutOf());
        return priceAt(units, terms.unitOf(), ledger.freshPrice(terms.feedOf(), blob), discount);
    }

    /// @dev Twin of core/src/settlement.ts; vectors/settlement.json is run by both.
    function priceAt(uint256 units, uint256 unit, uint256 indexPrice, uint256 discount)
        internal
        pure
        returns (uint256)
    {
        uint256 value = (units * indexPrice + unit - 1) / unit;
        // With overflow checks, unlike `Wad`: what is sold may be worth more than a line counts.
        return (value * (WAD - discount) + WAD - 1) / WAD;
    }

    /// @dev A vault on this chain answers at once; one that is frozen for a time, or contradicted itself, settles nothing.
    function _requireYoung(Ledger storage ledger, Book storage book, uint256 listing, bytes memory blob) private view {
        Listing memory l = ledger.listings[listing];
        require(!book.ended[Books.peerOf(l.chainId, l.vault)], VaultEnded(l.chainId, l.vault));
        Peers.requireNotFrozen(ledger, l.chainId, l.vault);
        if (l.chainId == block.chainid) return;
        uint256 age = Peers.ageOf(ledger, Peers.ofVault(blob.capTerms(listing).vaultOf()));
        require(age <= blob.maxMoveAge(), RoundTripTooOld(listing, block.timestamp - age, block.timestamp));
    }
}
