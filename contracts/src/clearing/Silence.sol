// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD} from "../math/Wad.sol";

/// @title How a venue's silence grows into what its legs are charged: spec/margin.md.
/// @notice Twin of core/src/silence.ts.
library Silence {
    /// @notice From `legShare` (1e18) up to `from` seconds of silence, in a straight line to all of the rate at `dead`
    /// seconds, which is beyond `from`. Rounds up.
    function legShareAt(uint256 legShare, uint256 from, uint256 dead, uint256 silence) internal pure returns (uint256) {
        unchecked {
            if (silence <= from) return legShare;
            uint256 span = dead - from;
            uint256 late = silence < dead ? silence - from : span;
            return legShare + ((WAD - legShare) * late + span - 1) / span;
        }
    }
}
