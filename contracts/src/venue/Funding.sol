// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";
import {Price} from "../price/Prices.sol";

/// The funding of one market that runs between two writes of its record; kept in one slot.
struct Running {
    /// What the last fill's price was above the index, as a share of it (1e18): above zero longs pay, below shorts.
    int256 premium;
    /// Accrued up to here, in seconds; 0 until the market has a record.
    uint256 accruedAt;
    /// When the record was last written, in seconds.
    uint256 writtenAt;
    /// Accrued since and not in the record yet, in USD at 1e18 per base unit.
    uint256 byLongs;
    uint256 byShorts;
}

/// @title Funding: what longs pay shorts for a price above the index, and shorts longs for one below.
/// @notice Twin of core/src/funding.ts; vectors/funding.json is run by both. @dev spec/funding.md.
library Funding {
    /// @notice (mark - index) / index, toward zero, held within `maxPremium` (1e18) either way. `index` is not zero.
    function premiumOf(uint256 mark, uint256 index, uint256 maxPremium) internal pure returns (int256) {
        unchecked {
            bool isAbove = mark > index;
            uint256 size = Wad.min((isAbove ? mark - index : index - mark) * WAD / index, maxPremium);
            return isAbove ? int256(size) : -int256(size);
        }
    }

    /// @notice Brings `running` up to `now_`: index * |premium| * elapsed / (1e18 * period), rounded down, is owed per base unit.
    /// @dev Nothing accrues for the time in which the index was older than `maxAge`. What one side pays the other receives,
    /// the same number, so rounding favours neither. No overflow: 96 + 64 + 32 bits.
    function accrue(Running memory running, Price memory index, uint256 maxAge, uint256 period, uint256 now_)
        internal
        pure
    {
        unchecked {
            uint256 until = Wad.min(now_, uint256(index.publishTime) + maxAge);
            if (until > running.accruedAt) {
                uint256 elapsed = until - running.accruedAt;
                uint256 owed = uint256(index.price) * Wad.abs(running.premium) * elapsed / (WAD * period);
                if (running.premium > 0) running.byLongs += owed;
                else running.byShorts += owed;
            }
            running.accruedAt = now_;
        }
    }

    /// @notice Whether what is owed still fits the slot; if not, it must go into the record.
    function fits(Running memory running) internal pure returns (bool) {
        return running.byLongs | running.byShorts <= type(uint64).max;
    }

    /// @notice premium ‖ accruedAt ‖ writtenAt ‖ byLongs ‖ byShorts: 64, 32, 32, 64 and 64 bits. It must fit.
    function pack(Running memory running) internal pure returns (bytes32) {
        return bytes32(
            uint256(uint64(int64(running.premium))) << 192 | uint256(uint32(running.accruedAt)) << 160
                | uint256(uint32(running.writtenAt)) << 128 | uint256(uint64(running.byLongs)) << 64
                | uint64(running.byShorts)
        );
    }

    function unpack(bytes32 slot) internal pure returns (Running memory) {
        uint256 word = uint256(slot);
        return
            Running(
                int64(uint64(word >> 192)), uint32(word >> 160), uint32(word >> 128), uint64(word >> 64), uint64(word)
            );
    }
}
