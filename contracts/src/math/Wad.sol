// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

uint256 constant WAD = 1e18;

/// @title Fixed point at 1e18, with the rounding in the verb: spec/rounding.md.
/// @notice Twin of core/src/wad.ts.
/// @dev Unchecked, because the operands are bounded by their types: a line's value below 2^128, prices below 2^96,
/// sizes and quotes below 2^127, ratios below 2^64, and sums of at most 16 of their products: none reaches 2^255.
library Wad {
    function mulDown(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            return a * b / WAD;
        }
    }

    function mulUp(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            return (a * b + (WAD - 1)) / WAD;
        }
    }

    function divUp(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            return a == 0 ? 0 : (a - 1) / b + 1;
        }
    }

    /// @notice Signed product, toward minus infinity.
    function mulDown(int256 a, uint256 b) internal pure returns (int256) {
        unchecked {
            return a >= 0 ? int256(uint256(a) * b / WAD) : -int256((uint256(-a) * b + (WAD - 1)) / WAD);
        }
    }

    /// @notice Signed product, toward zero.
    function mulTrunc(int256 a, uint256 b) internal pure returns (int256) {
        unchecked {
            return a >= 0 ? int256(mulDown(uint256(a), b)) : -int256(mulDown(uint256(-a), b));
        }
    }

    function abs(int256 a) internal pure returns (uint256) {
        unchecked {
            return a >= 0 ? uint256(a) : uint256(-a);
        }
    }

    function max(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a : b;
    }

    function min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }
}
