// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Kind, LocalRecord} from "../records/Records.sol";
import {RecordBook} from "../records/RecordBook.sol";
import {Ledger, Market} from "./Ledger.sol";

/// @title What venues on the clearing's own chain have filled, fetched by whoever decides something from it.
/// @dev Runs in the clearing's storage. spec/records.md, REC-18; spec/contracts.md, CLR-03, CLR-12.
library LocalFills {
    /// @notice Learns what venues on this chain have filled or forfeited of an account's limits, each behind the record of
    /// its market.
    /// @dev What cannot be pulled keeps its age and is judged by that, as if it were far: a liquidation does not wait for
    /// it, a loosening action may have to.
    function pull(Ledger storage ledger, bytes32 account) internal {
        uint256 market;
        for (uint256 left = ledger.accounts[account].limited; left != 0; (left >>= 1, ++market)) {
            if (left & 1 == 0) continue;
            Market memory m = ledger.markets[market];
            if (m.chainId != block.chainid) continue;
            LocalRecord[] memory records = new LocalRecord[](2);
            records[0] = LocalRecord(Kind.MARKET, m.venue, 0, m.item, address(0));
            records[1] = LocalRecord(Kind.FILLS, m.venue, account, m.item, address(0));
            try RecordBook(address(this)).pull(records) {} catch {}
        }
    }
}
