// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Wad} from "../math/Wad.sol";
import {Book, Books} from "../records/Books.sol";
import {Key, Kind, Records} from "../records/Records.sol";
import {Checks} from "./Checks.sol";
import {Counting} from "./Counting.sol";
import {MAX_LINES, Account, Ledger, Ledgers, Line, Listing} from "./Ledger.sol";
import {LocalFills} from "./LocalFills.sol";
import {ParameterBlob} from "./Parameters.sol";
import {Peers} from "./Peers.sol";

/// @title Lines of collateral: opened by the account's owner, fed by grants, emptied by releases.
/// @dev Linked: runs in the clearing's storage. spec/contracts.md, CLR-02, CLR-03, CLR-05.
library Lines {
    using Books for Book;
    using Checks for Ledger;
    using Ledgers for Ledger;
    using ParameterBlob for bytes;
    using SafeCast for uint256;

    event LineOpened(
        bytes32 indexed account, uint256 indexed index, uint256 indexed listing, address holder, uint32 version
    );
    event Released(bytes32 indexed account, uint256 indexed index, uint256 units, uint32 version);

    error NotListed(uint256 chainId, address vault, address asset);
    /// The listing was added after the parameters were set.
    error NoListingParameters(uint256 listing);
    error LineIsOpen(bytes32 account);
    error TooManyLines(bytes32 account);
    error NoSuchLine(bytes32 account, uint256 index);
    error InsufficientUnits(uint256 requested, uint256 units);
    error NothingToRelease();

    function open(Ledger storage ledger, Book storage book, bytes32 account, Listing calldata listing, address holder)
        external
        returns (uint256 index)
    {
        bytes memory blob = ledger.blobOf();
        uint256 number = ledger.listingIndex[keccak256(abi.encode(listing))];
        require(number > 0, NotListed(listing.chainId, listing.vault, listing.asset));
        require(number <= blob.listingCount(), NoListingParameters(number - 1));
        bytes32 grant = Records.hashOf(_grantKey(account, listing, holder));
        require(ledger.lineIndex[grant] == 0, LineIsOpen(account));
        index = ledger.accounts[account].lineCount;
        require(index < MAX_LINES, TooManyLines(account));
        ledger.accounts[account].lineCount = uint8(index + 1);
        ledger.lineIndex[grant] = index + 1;
        ledger.lines[account][index].listing = uint8(number - 1);
        ledger.holders[account][index] = holder;
        emit LineOpened(account, index, number - 1, holder, ledger.version);
        Counting.setUnits(ledger, account, index, unitsOf(book, account, listing, holder), blob);
    }

    /// @notice Counts of a line what by now there is room for.
    function count(Ledger storage ledger, bytes32 account, uint256 index) external {
        require(index < ledger.accounts[account].lineCount, NoSuchLine(account, index));
        Counting.setUnits(ledger, account, index, ledger.lines[account][index].units, ledger.blobOf());
    }

    /// @dev A guardian's freeze holds back what is at the vault; one that is merely late, or tripped, lets it go home.
    function release(Ledger storage ledger, Book storage book, bytes32 account, uint256 index, uint256 units) external {
        require(index < ledger.accounts[account].lineCount, NoSuchLine(account, index));
        Line memory line = ledger.lines[account][index];
        require(units > 0, NothingToRelease());
        require(units <= line.units, InsufficientUnits(units, line.units));
        Listing memory listing = ledger.listings[line.listing];
        Peers.requireNotFrozen(ledger, listing.chainId, listing.vault);
        uint256 aged = LocalFills.pull(ledger, book, account);
        ledger.bringUpToDate(account);
        uint256 left = line.units - units;
        ledger.setLine(account, index, line, left, Wad.min(line.counted, left));
        Account memory account_ = ledger.accounts[account];
        if (account_.markets != 0 || account_.cash < 0) {
            bytes memory blob = ledger.blobOf();
            ledger.requireFreshRecords(book, account, account_.limited & aged, blob);
            ledger.requireFreshFunding(account, blob);
            ledger.requireInitialMargin(account, blob);
        }
        emit Released(account, index, units, ledger.version);
        book.add(ledger.ledgerKey(account, index), 0, units.toUint128());
    }

    function releaseUnopened(
        Ledger storage ledger,
        Book storage book,
        bytes32 account,
        Listing calldata listing,
        address holder
    ) external {
        require(ledger.lineIndex[Records.hashOf(_grantKey(account, listing, holder))] == 0, LineIsOpen(account));
        uint256 units = unitsOf(book, account, listing, holder);
        require(units > 0, NothingToRelease());
        Peers.requireNotFrozen(ledger, listing.chainId, listing.vault);
        book.add(_ledgerKey(account, listing, holder), 0, units.toUint128());
    }

    /// @dev What a line owns: granted + gained - lost - released.
    function unitsOf(Book storage book, bytes32 account, Listing memory listing, address holder)
        internal
        view
        returns (uint256)
    {
        (uint128[6] memory grant,,) = book.learnedOf(_grantKey(account, listing, holder));
        uint128[6] memory written = book.writtenOf(_ledgerKey(account, listing, holder));
        return uint256(grant[0]) + written[1] - written[2] - written[0];
    }

    function _grantKey(bytes32 account, Listing memory listing, address holder) private view returns (Key memory) {
        return Books.keyFrom(
            Kind.GRANT, listing.chainId, listing.vault, account, bytes32(uint256(uint160(listing.asset))), holder
        );
    }

    function _ledgerKey(bytes32 account, Listing memory listing, address holder) private view returns (Key memory) {
        return Books.keyTo(
            Kind.LEDGER, listing.chainId, listing.vault, account, bytes32(uint256(uint160(listing.asset))), holder
        );
    }
}
