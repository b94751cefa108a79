// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Book, Books} from "../records/Books.sol";
import {Key, Kind, LocalRecord, Outcome} from "../records/Records.sol";
import {RecordBook} from "../records/RecordBook.sol";
import {Ledger, Ledgers, Market, Outstanding} from "./Ledger.sol";

/// @title What venues on the clearing's own chain have filled, asked of them by whoever decides something from it.
/// @dev Runs in the clearing's storage. spec/contracts.md, CLR-03, CLR-12.
library LocalFills {
    using Books for Book;
    using Ledgers for Ledger;

    /// @notice Learns what venues on this chain have filled or forfeited of an account's limits, each behind the record of
    /// its market.
    /// @dev What cannot be pulled keeps its age and is judged by that, as if it were far: a liquidation does not wait for
    /// it, a loosening action may have to. A venue is given little gas, so that it cannot burn what the rest needs.
    /// @return aged A bitmap of the markets with limits whose fills are known from a record alone, which has an age: all but
    /// those that a venue has just been asked about.
    function pull(Ledger storage ledger, Book storage book, bytes32 account) internal returns (uint256 aged) {
        uint256 market;
        aged = ledger.accounts[account].limited;
        for (uint256 left = aged; left != 0; (left >>= 1, ++market)) {
            if (left & 1 == 0) continue;
            Market memory m = ledger.markets[market];
            if (m.chainId != block.chainid) continue;
            if (_isKnown(book, m, account)) _renew(ledger, account, market);
            else if (!_isPulled(m, account)) continue;
            aged &= ~(1 << market);
        }
    }

    function _renew(Ledger storage ledger, bytes32 account, uint256 market) private {
        Outstanding memory left = ledger.outstanding[account][market];
        if (left.asOf == block.timestamp) return;
        left.asOf = uint32(block.timestamp);
        ledger.setOutstanding(account, market, left);
    }

    /// @dev Most often nothing has been filled since, and looking is cheaper than learning it again.
    function _isKnown(Book storage book, Market memory m, bytes32 account) private view returns (bool) {
        Key memory key = Books.keyFrom(Kind.FILLS, m.chainId, m.venue, account, m.item, address(0));
        (uint128[6] memory known,,) = book.learnedOf(key);
        bytes memory question = abi.encodeCall(RecordBook.writtenOf, (key));
        (address venue, uint256 gasLimit) = (m.venue, Books.READ_GAS);
        uint128[6] memory written;
        bool success;
        assembly ("memory-safe") {
            // No more of the answer is copied than there should be.
            success := staticcall(gasLimit, venue, add(question, 0x20), mload(question), written, 0xc0)
            success := and(success, eq(returndatasize(), 0xc0))
            success := and(success, eq(keccak256(written, 0xc0), keccak256(known, 0xc0)))
        }
        return success;
    }

    /// @dev By the clearing's own front door, so that a refusal undoes itself and nothing else.
    function _isPulled(Market memory m, bytes32 account) private returns (bool) {
        LocalRecord[] memory records = new LocalRecord[](2);
        records[0] = LocalRecord(Kind.MARKET, m.venue, 0, m.item, address(0));
        records[1] = LocalRecord(Kind.FILLS, m.venue, account, m.item, address(0));
        try RecordBook(address(this)).pull(records) returns (Outcome[] memory outcomes) {
            return outcomes[1] == Outcome.TAKEN;
        } catch {
            return false;
        }
    }
}
