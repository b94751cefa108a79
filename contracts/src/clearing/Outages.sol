// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ledger, Ledgers} from "./Ledger.sol";
import {ParameterBlob} from "./Parameters.sol";

/// @title Outages: of the clearing's chain, or of all who poke it. A contract sees the absence of prices, not of blocks.
/// @notice Nobody could be heard meanwhile, or top up: a silence of that time proves nothing. What cannot be undone waits.
/// @dev Runs in the clearing's storage. spec/breakers.md, BRK-08; spec/closing.md, CLO-12.
library Outages {
    using Ledgers for Ledger;
    using ParameterBlob for bytes;

    /// @notice How often a poke is noticed at most, in seconds.
    uint256 internal constant NOTICE_STEP = 1 minutes;
    /// @notice The `outageAfter` of parameters to which no time without prices is an outage.
    uint256 internal constant NO_OUTAGES = type(uint32).max;
    /// @notice What takes longer without a price is an outage for everybody, in seconds.
    uint256 internal constant MAX_OUTAGE_AFTER = 30 minutes;
    /// @notice The longest that debtors are spared after one, in seconds: whoever sets parameters must not spare them for ever.
    uint256 internal constant MAX_OUTAGE_GRACE = 1 days;

    /// Nobody had poked a price since `last`.
    event Resumed(uint64 last, uint64 resumedAt);

    /// This chain, or its prices, stood still: there is time to top up, and to be heard, first.
    error OutageGrace(uint256 until, uint256 now_);

    /// @notice Keeps when a price was taken, and whether that ends an outage. What brings no price ends none, and hides none.
    function notice(Ledger storage ledger) internal {
        (uint256 last, uint256 now_) = (ledger.pokedAt, block.timestamp);
        if (now_ < last + NOTICE_STEP) return;
        ledger.pokedAt = uint64(now_);
        if (last == 0) ledger.firstPriceAt = uint64(now_);
        if (last == 0 || ledger.parameters == address(0)) return;
        if (now_ < last + ledger.blobOf().outageAfter()) return;
        ledger.resumedAt = uint64(now_);
        emit Resumed(uint64(last), uint64(now_));
    }

    /// @notice When the last outage ended, 0 if there was none. One that no price has ended yet would end now: else who comes
    /// first after it would find none.
    function lastEnd(Ledger storage ledger, bytes memory blob) internal view returns (uint256) {
        bool isOut = block.timestamp >= ledger.pokedAt + blob.outageAfter();
        return isOut ? block.timestamp : ledger.resumedAt;
    }

    /// @notice Refuses to go on until the grace of the last outage is over.
    function requireGraceOver(Ledger storage ledger, bytes memory blob) internal view {
        uint256 end = lastEnd(ledger, blob);
        uint256 until = end + blob.outageGrace();
        require(end == 0 || block.timestamp >= until, OutageGrace(until, block.timestamp));
    }
}
