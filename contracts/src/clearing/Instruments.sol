// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD} from "../math/Wad.sol";

/// @title What a position is worth: the one place that knows which kind of instrument it is.
/// @notice Twin of core/src/instrument.ts. A perpetual's value is its size times the index price; its delta its size.
library Instruments {
    uint256 internal constant PERPETUAL = 0;

    /// @notice A perpetual of `size` base units at the index price, USD at 1e18; rounds down.
    function positionValue(int256 size, uint256 price) internal pure returns (int256) {
        // As `Wad.mulDown`, written out since the compiler would call it.
        unchecked {
            return size >= 0 ? int256(uint256(size) * price / WAD) : -int256((uint256(-size) * price + (WAD - 1)) / WAD);
        }
    }
}
