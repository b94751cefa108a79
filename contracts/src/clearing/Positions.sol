// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Wad} from "../math/Wad.sol";

/// @title Booking a change into a position: what stays open and what is realized.
/// @notice Twin of core/src/position.ts; vectors/positions.json is run by both.
library Positions {
    /// @notice The size and quote after a change, and the cash it realizes.
    /// @param quote The signed cash flows of the open position (USD at 1e18): negative for what a long has paid.
    /// @dev spec/margin.md, "Booking a fill"; MRG-10: quote + realized is conserved exactly.
    function book(int256 size, int256 quote, int256 deltaSize, int256 deltaQuote)
        internal
        pure
        returns (int256 newSize, int256 newQuote, int256 realized)
    {
        newSize = size + deltaSize;
        uint256 left = Wad.abs(newSize);
        bool sameSide = (newSize > 0) == (size > 0);
        if (newSize == 0) newQuote = 0;
        else if (deltaSize == 0) newQuote = quote;
        else if (size == 0 || (sameSide && left > Wad.abs(size))) newQuote = quote + deltaQuote;
        else if (sameSide) newQuote = _share(quote, left, Wad.abs(size));
        else newQuote = _share(deltaQuote, left, Wad.abs(deltaSize));
        realized = quote + deltaQuote - newQuote;
    }

    function _share(int256 amount, uint256 part, uint256 whole) private pure returns (int256) {
        int256 share = int256(Wad.abs(amount) * part / whole);
        return amount >= 0 ? share : -share;
    }
}
