// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CreditTerms, DepthTerms, ListingTerms, UnderlyingTerms} from "../../src/clearing/Parameters.sol";
import {Margin, Margins, Net, PositionInput, Sums} from "../../src/clearing/Margin.sol";

struct LineInput {
    uint256 units;
    uint256 counted;
    uint256 decimals;
    uint256 price;
    uint256 initialHaircut;
    uint256 maintenanceHaircut;
}

struct UnderlyingInput {
    uint256 initialRate;
    uint256 maintenanceRate;
    uint256 basisRate;
    uint256 depth;
    uint256 concentrationRate;
    uint256 price;
}

struct VenueInput {
    uint256 initialLegShare;
    uint256 maintenanceLegShare;
}

struct CreditInput {
    uint256 first;
    uint256 second;
    uint256 ratio;
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
            LineInput memory line = p.lines[i];
            uint256 terms = line.decimals << 8 | line.initialHaircut << 16 | line.maintenanceHaircut << 80;
            Margins.addLine(margin, line.units, line.counted, line.price, ListingTerms.wrap(terms));
        }
        Margins.addCash(margin, p.cash, p.cashHaircut);
        if (p.positions.length == 0) return margin;
        Sums memory sums;
        Margins.make(sums, p.underlyings.length, p.venues.length);
        sums.venueLossShare = p.venueLossShare;
        sums.credits = new CreditTerms[](p.credits.length);
        for (uint256 i; i < p.credits.length; ++i) {
            CreditInput memory credit = p.credits[i];
            sums.credits[i] = CreditTerms.wrap(credit.first | credit.second << 8 | credit.ratio << 16);
        }
        for (uint256 i; i < p.positions.length; ++i) {
            PositionInput memory position = p.positions[i];
            VenueInput memory venue = p.venues[position.venue];
            sums.legShares[2 * position.venue] = venue.initialLegShare;
            sums.legShares[2 * position.venue + 1] = venue.maintenanceLegShare;
            _fill(sums.nets[position.underlying], p.underlyings[position.underlying]);
            Margins.addPosition(sums, position);
        }
        Margins.addPositions(margin, sums);
    }

    function _fill(Net memory net, UnderlyingInput memory u) private pure {
        net.terms = UnderlyingTerms.wrap(u.initialRate << 8 | u.maintenanceRate << 72 | u.basisRate << 136);
        net.depth = DepthTerms.wrap(u.depth | u.concentrationRate << 128);
        net.price = u.price;
    }
}
