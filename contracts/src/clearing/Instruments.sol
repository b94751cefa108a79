// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Wad} from "../math/Wad.sol";

/// @title What a position is worth: the one place that knows which kind of instrument it is.
/// @notice Twin of core/src/instrument.ts. A perpetual's value is its size times the index price; its delta its size.
library Instruments {
    uint256 internal constant PERPETUAL = 0;

    /// @notice A perpetual of `size` base units at the index price, USD at 1e18; rounds down.
    function positionValue(int256 size, uint256 price) internal pure returns (int256) {
        return Wad.mulDown(size, price);
    }
}
