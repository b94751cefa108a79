// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Book, Books} from "../records/Books.sol";
import {Key} from "../records/Records.sol";
import {Ledger, Ledgers, Line} from "./Ledger.sol";

/// @title Units of a line that go from one account to another: ledger work, written down for the vault.
library Transfers {
    using Books for Book;
    using Ledgers for Ledger;
    using SafeCast for uint256;

    uint256 private constant GAINED = 1;
    uint256 private constant LOST = 2;

    /// The account has no open line for a listing that it would take units of.
    error LineNotOpen(bytes32 account, uint256 listing);

    /// @notice Moves units, and how many of them are counted, to the other's line of the same listing.
    /// @return lost The keys of the two records, which a vault on this chain has yet to be told of.
    function move(
        Ledger storage ledger,
        Book storage book,
        bytes32 from,
        uint256 i,
        bytes32 to,
        uint256 units,
        uint256 counted
    ) internal returns (Key memory lost, Key memory gained) {
        uint256 j = _lineFor(ledger, to, ledger.lines[from][i].listing);
        _lose(ledger, from, i, units, counted);
        _gain(ledger, to, j, units, counted);
        (lost, gained) = (ledger.ledgerKey(from, i), ledger.ledgerKey(to, j));
        book.keep(lost, LOST, units.toUint128());
        book.keep(gained, GAINED, units.toUint128());
    }

    function _lose(Ledger storage ledger, bytes32 from, uint256 i, uint256 units, uint256 counted) private {
        Line memory line = ledger.lines[from][i];
        ledger.setLine(from, i, line, line.units - units, line.counted - counted);
    }

    function _gain(Ledger storage ledger, bytes32 to, uint256 j, uint256 units, uint256 counted) private {
        Line memory line = ledger.lines[to][j];
        ledger.setLine(to, j, line, line.units + units, line.counted + counted);
    }

    function _lineFor(Ledger storage ledger, bytes32 account, uint256 listing) private view returns (uint256 index) {
        uint256 count = ledger.accounts[account].lineCount;
        while (index < count && ledger.lines[account][index].listing != listing) ++index;
        require(index < count, LineNotOpen(account, listing));
    }
}
