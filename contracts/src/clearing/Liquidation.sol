// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";
import {Book, Books} from "../records/Books.sol";
import {Key} from "../records/Records.sol";
import {Checks} from "./Checks.sol";
import {Ledger, Ledgers, Line, Position} from "./Ledger.sol";
import {Limits} from "./Limits.sol";
import {LocalFills} from "./LocalFills.sol";
import {Margin, Margins} from "./Margin.sol";
import {Outages} from "./Outages.sol";
import {ParameterBlob} from "./Parameters.sol";
import {Share, Taken, Unbacking} from "./Share.sol";
import {Transfers} from "./Transfers.sol";

/// @title Liquidation: ledger work on one chain. No token moves, so no remote step can hold it up.
/// @dev Linked: runs in the clearing's storage. spec/margin.md, LIQ-01 to LIQ-07.
library Liquidation {
    using Books for Book;
    using Checks for Ledger;
    using Ledgers for Ledger;
    using Margins for Margin;
    using ParameterBlob for bytes;
    using Wad for uint256;

    event Liquidated(
        bytes32 indexed account,
        bytes32 indexed liquidator,
        uint256 share,
        uint256 payment,
        Margin margin,
        uint32 version
    );

    error SelfLiquidation(bytes32 account);

    function liquidate(Ledger storage ledger, Book storage book, bytes32 account, bytes32 liquidator) external {
        require(account != liquidator, SelfLiquidation(account));
        bytes memory blob = ledger.blobOf();
        Outages.requireGraceOver(ledger, blob);
        uint256 aged = LocalFills.pull(ledger, book, liquidator);
        ledger.bringUpToDate(account);
        ledger.bringUpToDate(liquidator);
        Limits.requireLiquidatable(ledger, account, blob);
        ledger.requireFreshRecords(book, liquidator, ledger.accounts[liquidator].limited & aged, blob);
        _voidAll(ledger, book, account);
        // A venue on this chain has forfeited at once what was void; that may be enough.
        LocalFills.pull(ledger, book, account);
        ledger.bringUpToDate(account);
        ledger.bringUpToDate(liquidator);
        Margin memory margin = ledger.marginOf(account, blob);
        if (!margin.meetsMaintenance()) _takeOver(ledger, book, account, liquidator, margin, blob);
    }

    /// @dev Moves a share of positions, cash and what backs margin for its price. A vault on this chain is told last, and one that
    /// does not want to hear of it holds up nobody.
    function _takeOver(
        Ledger storage ledger,
        Book storage book,
        bytes32 account,
        bytes32 liquidator,
        Margin memory margin,
        bytes memory blob
    ) private {
        Taken memory taken = _takenOf(ledger, account, margin, blob);
        _moveCash(ledger, account, liquidator, taken.share, taken.payment);
        _movePositions(ledger, account, liquidator, taken.share);
        Key[] memory moved = _moveLines(ledger, book, account, liquidator, taken, blob);
        ledger.requireInitialMargin(liquidator, blob);
        emit Liquidated(account, liquidator, taken.share, taken.payment, margin, ledger.version);
        for (uint256 i; i < moved.length; ++i) {
            book.tell(moved[i]);
        }
    }

    /// @dev Units that back no margin are never paid for, else a liquidator would buy what caps keep out, or what may be gone,
    /// instead of taking risk over. Where the others have no price, these make up for that.
    function _takenOf(Ledger storage ledger, bytes32 account, Margin memory margin, bytes memory blob)
        private
        view
        returns (Taken memory)
    {
        Unbacking memory other = ledger.unbackingOf(account, blob);
        Margin memory backed;
        (backed.equity, backed.exposure) = (margin.equity - int256(other.value), margin.exposure - other.value);
        (backed.maintenanceMarginBalance, backed.maintenanceMargin) =
        (margin.maintenanceMarginBalance, margin.maintenanceMargin);
        return Share.takenOf(backed, other, blob.liquidationDiscount(), blob.healthTarget(), blob.cashHaircut());
    }

    /// @dev A venue on this chain that does not take it keeps nobody from being liquidated.
    function _voidAll(Ledger storage ledger, Book storage book, bytes32 account) private {
        uint256 market;
        for (uint256 left = ledger.accounts[account].limited; left != 0; (left >>= 1, ++market)) {
            if (left & 1 == 0) continue;
            (Key memory key, uint128[6] memory fields) = Limits.voidOf(ledger, book, account, market);
            book.writeUnheard(key, fields);
        }
    }

    function _moveCash(Ledger storage ledger, bytes32 from, bytes32 to, uint256 share, uint256 payment) private {
        int256 cash = Wad.mulTrunc(ledger.accounts[from].cash, share) - int256(payment);
        ledger.addCash(from, -cash);
        ledger.addCash(to, cash);
    }

    function _movePositions(Ledger storage ledger, bytes32 from, bytes32 to, uint256 share) private {
        uint256 market;
        for (uint256 left = ledger.accounts[from].markets; left != 0; (left >>= 1, ++market)) {
            if (left & 1 == 0) continue;
            Position memory position = ledger.positions[from][market];
            int256 size = Wad.mulTrunc(position.size, share);
            int256 quote = Wad.mulTrunc(position.quote, share);
            if (size == 0 && quote == 0) continue;
            ledger.change(from, market, -size, -quote, ledger.outstanding[from][market]);
            ledger.change(to, market, size, quote, ledger.outstanding[to][market]);
        }
    }

    /// @return moved The keys of the records that say so, two a line.
    function _moveLines(
        Ledger storage ledger,
        Book storage book,
        bytes32 from,
        bytes32 to,
        Taken memory taken,
        bytes memory blob
    ) private returns (Key[] memory moved) {
        uint256 count = ledger.accounts[from].lineCount;
        moved = new Key[](2 * count);
        uint256 written;
        for (uint256 i; i < count; ++i) {
            (uint256 units, uint256 counted) = _partOf(ledger, ledger.lines[from][i], taken, blob);
            if (units == 0) continue;
            (moved[written], moved[written + 1]) = Transfers.move(ledger, book, from, i, to, units, counted);
            written += 2;
        }
        assembly ("memory-safe") {
            mstore(moved, written)
        }
    }

    /// @dev What is shed has no price, and so makes up for nothing: it goes only when all does.
    function _partOf(Ledger storage ledger, Line memory line, Taken memory taken, bytes memory blob)
        private
        view
        returns (uint256 units, uint256 counted)
    {
        if (blob.listing(line.listing).maintenanceHaircutOf() == WAD) {
            return taken.rest == WAD ? (line.units, line.counted) : (0, 0);
        }
        uint256 backing = uint256(line.counted).mulDown(WAD - ledger.latenessOf(line.listing, blob));
        units = backing.mulDown(taken.share) + (line.units - backing).mulDown(taken.rest);
        counted = backing.mulDown(taken.share) + (line.counted - backing).mulDown(taken.rest);
    }
}
