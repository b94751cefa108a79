// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LineInput, Margin, Margins, PositionInput, Sums, Terms} from "../../src/clearing/Margin.sol";

/// An account and all that is known about it, in the shape of core's.
struct Portfolio {
    int256 cash;
    Terms terms;
    LineInput[] lines;
    PositionInput[] positions;
}

/// @title The margin of a portfolio that is handed over whole, added up as the ledger adds it.
library Portfolios {
    function marginOf(Portfolio memory portfolio) internal pure returns (Margin memory margin) {
        Terms memory terms = portfolio.terms;
        for (uint256 i; i < portfolio.lines.length; ++i) {
            Margins.addLine(margin, portfolio.lines[i]);
        }
        Margins.addCash(margin, portfolio.cash, terms.cashHaircut);
        if (portfolio.positions.length == 0) return margin;
        Sums memory sums = Margins.newSums(terms);
        for (uint256 i; i < portfolio.positions.length; ++i) {
            Margins.addPosition(sums, terms, portfolio.positions[i]);
        }
        Margins.addPositions(margin, sums, terms);
    }
}
