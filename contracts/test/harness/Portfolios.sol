// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    CreditInput,
    LineInput,
    Margin,
    Margins,
    Net,
    PositionInput,
    Sums,
    VenueInput
} from "../../src/clearing/Margin.sol";

/// The terms of an underlying and its price.
struct UnderlyingInput {
    uint256 initialRate;
    uint256 maintenanceRate;
    uint256 basisRate;
    uint256 depth;
    uint256 concentrationRate;
    uint256 price;
}

/// An account and all that is known about it, in the shape of core's.
struct Portfolio {
    int256 cash;
    uint256 cashHaircut;
    uint256 venueLossShare;
    LineInput[] lines;
    PositionInput[] positions;
    UnderlyingInput[] underlyings;
    VenueInput[] venues;
    CreditInput[] credits;
}

/// @title The margin of a portfolio that is handed over whole, added up as the ledger adds it.
library Portfolios {
    function marginOf(Portfolio memory p) internal pure returns (Margin memory margin) {
        for (uint256 i; i < p.lines.length; ++i) {
            Margins.addLine(margin, p.lines[i]);
        }
        Margins.addCash(margin, p.cash, p.cashHaircut);
        if (p.positions.length == 0) return margin;
        Sums memory sums = Margins.newSums(p.underlyings.length, p.venues.length, 0);
        (sums.credits, sums.venues, sums.venueLossShare) = (p.credits, p.venues, p.venueLossShare);
        for (uint256 i; i < p.positions.length; ++i) {
            PositionInput memory position = p.positions[i];
            _fill(sums.nets[position.underlying], p.underlyings[position.underlying]);
            Margins.addPosition(sums, position);
        }
        Margins.addPositions(margin, sums);
    }

    function _fill(Net memory net, UnderlyingInput memory u) private pure {
        (net.initialRate, net.maintenanceRate, net.basisRate) = (u.initialRate, u.maintenanceRate, u.basisRate);
        (net.depth, net.concentrationRate, net.price) = (u.depth, u.concentrationRate, u.price);
    }
}
