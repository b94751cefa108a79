// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD} from "../math/Wad.sol";

/// When a peer is late, in seconds of its age, from the least significant bit: calmAge, warnAge, endAge (32 each), isRemote
/// (1), tripAge (32). A peer on this chain is never late. The endAge is a venue's deadAge, or a vault's zeroAge.
type Ages is uint256;

using {calmAgeOf, warnAgeOf, endAgeOf, tripAgeOf, isRemoteOf, areInOrder} for Ages global;

function calmAgeOf(Ages ages) pure returns (uint256) {
    return uint32(Ages.unwrap(ages));
}

function warnAgeOf(Ages ages) pure returns (uint256) {
    return uint32(Ages.unwrap(ages) >> 32);
}

function endAgeOf(Ages ages) pure returns (uint256) {
    return uint32(Ages.unwrap(ages) >> 64);
}

function tripAgeOf(Ages ages) pure returns (uint256) {
    return uint32(Ages.unwrap(ages) >> 97);
}

function isRemoteOf(Ages ages) pure returns (bool) {
    return Ages.unwrap(ages) >> 96 & 1 == 1;
}

/// @dev Then what is late for maintenance is never later than what is late for new risk.
function areInOrder(Ages ages) pure returns (bool) {
    return ages.calmAgeOf() <= ages.warnAgeOf() && ages.warnAgeOf() < ages.endAgeOf()
        && ages.calmAgeOf() < ages.tripAgeOf() && ages.tripAgeOf() <= ages.endAgeOf();
}

/// @title How age grows into what is charged, or not counted: spec/margin.md.
/// @notice Twin of core/src/lateness.ts. No step anywhere: straight lines from 0 to 1e18.
library Lateness {
    /// @notice How late an age is: 0 up to `from`, 1e18 from `until` on, which is beyond it. Rounds up.
    function at(uint256 age, uint256 from, uint256 until) internal pure returns (uint256) {
        unchecked {
            if (age <= from) return 0;
            if (age >= until) return WAD;
            uint256 span = until - from;
            return ((age - from) * WAD + span - 1) / span;
        }
    }

    /// @notice A share, and of the rest of it as much as it is late. Rounds up.
    function widen(uint256 share, uint256 late) internal pure returns (uint256) {
        unchecked {
            return share + ((WAD - share) * late + WAD - 1) / WAD;
        }
    }

    /// @notice How late a peer of that age is, for new risk and for maintenance.
    function atAges(Ages ages, uint256 age) internal pure returns (uint256 initial, uint256 maintenance) {
        unchecked {
            initial = at(age, ages.calmAgeOf(), ages.tripAgeOf());
            maintenance = at(age, ages.warnAgeOf(), ages.endAgeOf());
        }
    }
}
