// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CreditTerms, DepthTerms, ListingTerms, UnderlyingTerms} from "../../src/clearing/Parameters.sol";
import {Margin, Margins, Sums} from "../../src/clearing/Margin.sol";

struct LineInput {
    uint256 units;
    uint256 counted;
    uint256 decimals;
    uint256 price;
    uint256 initialHaircut;
    uint256 maintenanceHaircut;
}

/// `underlying` and `venue` count within the portfolio's lists.
struct PositionInput {
    int256 size;
    int256 quote;
    uint256 buyOut;
    uint256 sellOut;
    uint256 band;
    uint256 initialBand;
    uint256 underlying;
    uint256 venue;
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
            Margins.addLine(margin, line.units, line.counted, line.price, ListingTerms.wrap(terms), 0);
        }
        Margins.addCash(margin, p.cash, p.cashHaircut);
        if (p.positions.length == 0) return margin;
        Sums memory sums;
        Margins.make(sums, p.underlyings.length, p.venues.length, p.positions.length);
        sums.venueLossShare = p.venueLossShare;
        _addCredits(sums, p.credits);
        for (uint256 i; i < p.positions.length; ++i) {
            PositionInput memory position = p.positions[i];
            (uint256 underlying, uint256 venue) = (position.underlying, position.venue);
            if (sums.underlyings >> underlying & 1 == 0) _addUnderlying(sums, underlying, p.underlyings[underlying]);
            if (sums.venues >> venue & 1 == 0) {
                VenueInput memory v = p.venues[venue];
                Margins.addVenue(sums, venue, v.initialLegShare, v.maintenanceLegShare);
            }
            Margins.addPosition(sums, underlying, venue, position.size, position.quote);
            if (position.buyOut + position.sellOut > 0) {
                Margins.addLimits(
                    sums, underlying, venue, position.buyOut, position.sellOut, position.band, position.initialBand
                );
            }
        }
        Margins.addPositions(margin, sums);
    }

    function _addCredits(Sums memory sums, CreditInput[] memory inputs) private pure {
        CreditTerms[] memory credits = new CreditTerms[](inputs.length);
        for (uint256 i; i < inputs.length; ++i) {
            CreditInput memory credit = inputs[i];
            credits[i] = CreditTerms.wrap(credit.first | credit.second << 8 | credit.ratio << 16);
        }
        uint256 first;
        assembly ("memory-safe") {
            first := add(credits, 32)
        }
        (sums.firstCredit, sums.endOfCredits) = (first, first + 32 * inputs.length);
    }

    function _addUnderlying(Sums memory sums, uint256 index, UnderlyingInput memory u) private pure {
        UnderlyingTerms terms = UnderlyingTerms.wrap(u.initialRate << 8 | u.maintenanceRate << 72 | u.basisRate << 136);
        DepthTerms depth = DepthTerms.wrap(u.depth | u.concentrationRate << 128);
        Margins.addUnderlying(sums, index, terms, depth, u.price);
    }
}
