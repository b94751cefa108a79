// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";
import {Instruments} from "./Instruments.sol";

/// A line with everything the formula needs. `unit` is 10^decimals.
struct LineInput {
    uint256 units;
    uint256 counted;
    uint256 unit;
    uint256 price;
    uint256 initialHaircut;
    uint256 maintenanceHaircut;
}

/// A position with everything the formula needs; `underlying` and `venue` count within the terms' lists.
struct PositionInput {
    int256 size;
    int256 quote;
    uint256 buyOut;
    uint256 sellOut;
    uint256 price;
    uint256 band;
    uint256 underlying;
    uint256 venue;
}

struct UnderlyingInput {
    uint256 initialRate;
    uint256 maintenanceRate;
    uint256 basisRate;
    uint256 depth;
    uint256 concentrationRate;
}

/// The share of an underlying's rate that a leg at this venue is charged, because it may have to be closed late.
struct VenueInput {
    uint256 initialLegShare;
    uint256 maintenanceLegShare;
}

/// The share of two underlyings' rates that is one common risk: opposite positions offset in it, others do not.
struct CreditInput {
    uint256 first;
    uint256 second;
    uint256 ratio;
}

/// What is charged for what.
struct Terms {
    uint256 cashHaircut;
    uint256 venueLossShare;
    UnderlyingInput[] underlyings;
    VenueInput[] venues;
    CreditInput[] credits;
}

/// The result, USD at 1e18. `equity` is without haircuts; `exposure` is what a liquidator would take on: collateral
/// value plus the net notional of each underlying, which has to be hedged.
struct Margin {
    int256 equity;
    int256 initialMarginBalance;
    uint256 initialMargin;
    int256 maintenanceMarginBalance;
    uint256 maintenanceMargin;
    uint256 exposure;
}

/// The positions of an underlying, added up; outstanding limits may fill either way, so it is an interval from `low` to
/// `high`. The risks are both ends' notional at a rate, with their sign, filled in at the end.
struct Net {
    int256 size;
    int256 low;
    int256 high;
    uint256 price;
    int256 initialLow;
    int256 initialHigh;
    int256 maintenanceLow;
    int256 maintenanceHigh;
}

/// The positions added so far. `parts` holds the low and the high end of each venue's part in each underlying, venue by
/// venue; `venues` is a bitmap of those with a position; `initial` and `maintenance` are the charges leg by leg.
struct Sums {
    Net[] nets;
    int256[] parts;
    uint256 venues;
    int256 pnl;
    uint256 initial;
    uint256 maintenance;
}

/// @title The margin of a portfolio: spec/margin.md.
/// @notice Twin of core/src/margin.ts; vectors/margin.json is run by both. Lines and positions are added one by one, so
/// that a check holds no list of them.
/// @dev Unchecked for the reason given in `Wad`: nothing here can reach 2^255.
library Margins {
    using Wad for uint256;
    using Wad for int256;

    /// @notice The most that one line can be worth: 3.4e20 USD.
    uint256 internal constant MAX_LINE_VALUE = type(uint128).max;
    /// @dev What two rounded risks of opposite sign may differ by from the exact ones.
    uint256 private constant ROUNDING = 2;

    function meetsInitial(Margin memory margin) internal pure returns (bool) {
        return margin.initialMarginBalance >= int256(margin.initialMargin);
    }

    function meetsMaintenance(Margin memory margin) internal pure returns (bool) {
        return margin.maintenanceMarginBalance >= int256(margin.maintenanceMargin);
    }

    function addCash(Margin memory margin, int256 cash, uint256 cashHaircut) internal pure {
        unchecked {
            margin.equity += cash;
            int256 counted = cash > 0 ? cash.mulDown(WAD - cashHaircut) : cash;
            margin.initialMarginBalance += counted;
            margin.maintenanceMarginBalance += counted;
        }
    }

    function addLine(Margin memory margin, LineInput memory line) internal pure {
        unchecked {
            uint256 value = _valueOf(line.units, line);
            uint256 countedValue = line.counted == line.units ? value : _valueOf(line.counted, line);
            margin.equity += int256(value);
            margin.exposure += value;
            margin.initialMarginBalance += int256(countedValue * (WAD - line.initialHaircut) / WAD);
            margin.maintenanceMarginBalance += int256(countedValue * (WAD - line.maintenanceHaircut) / WAD);
        }
    }

    function newSums(Terms memory terms) internal pure returns (Sums memory sums) {
        unchecked {
            uint256 count = terms.underlyings.length;
            sums.nets = new Net[](count);
            sums.parts = new int256[](2 * count * terms.venues.length);
        }
    }

    function addPosition(Sums memory sums, Terms memory terms, PositionInput memory position) internal pure {
        unchecked {
            (int256 size, uint256 price) = (position.size, position.price);
            sums.pnl += Instruments.valueOf(size, price) + position.quote;
            int256 low = size - int256(position.sellOut);
            int256 high = size + int256(position.buyOut);
            Net memory net = sums.nets[position.underlying];
            net.size += size;
            net.low += low;
            net.high += high;
            net.price = price;
            sums.venues |= 1 << position.venue;
            uint256 place = 2 * (position.venue * sums.nets.length + position.underlying);
            sums.parts[place] += low;
            sums.parts[place + 1] += high;
            _addLeg(sums, terms, position, _widest(low, high).mulUp(price));
        }
    }

    /// @notice Turns the sums into balances and requirements.
    function addPositions(Margin memory margin, Sums memory sums, Terms memory terms) internal pure {
        unchecked {
            margin.equity += sums.pnl;
            margin.initialMarginBalance += sums.pnl < 0 ? sums.pnl : int256(0);
            margin.maintenanceMarginBalance += sums.pnl;
            (uint256 initial, uint256 maintenance) = _directional(margin, sums, terms);
            (uint256 initialLoss, uint256 maintenanceLoss) = _venueLoss(sums, terms);
            margin.initialMargin += initial.max(initialLoss) + sums.initial;
            margin.maintenanceMargin += maintenance.max(maintenanceLoss) + sums.maintenance;
        }
    }

    /// @dev Rounds down. Capped, so that what is computed from it stays far below 2^256 whatever the token's decimals.
    function _valueOf(uint256 units, LineInput memory line) private pure returns (uint256 value) {
        unchecked {
            value = units * line.price / line.unit;
            if (value > MAX_LINE_VALUE) return MAX_LINE_VALUE;
        }
    }

    /// @dev The venue's basis, the underlying's move while its chain is late, and the band on what is outstanding.
    function _addLeg(Sums memory sums, Terms memory terms, PositionInput memory position, uint256 notional)
        private
        pure
    {
        unchecked {
            UnderlyingInput memory underlying = terms.underlyings[position.underlying];
            VenueInput memory venue = terms.venues[position.venue];
            uint256 basis = underlying.basisRate;
            uint256 latency = underlying.initialRate.mulUp(venue.initialLegShare);
            sums.initial += notional.mulUp(basis + latency);
            latency = underlying.maintenanceRate.mulUp(venue.maintenanceLegShare);
            sums.maintenance += notional.mulUp(basis + latency);
            uint256 outstanding = position.buyOut + position.sellOut;
            if (outstanding == 0) return;
            uint256 reserve = outstanding.mulUp(position.price).mulUp(position.band);
            sums.initial += reserve;
            sums.maintenance += reserve;
        }
    }

    /// @dev Each underlying's net at its rates, less what opposite positions in correlated ones offset. What is charged
    /// for concentration joins the legs.
    function _directional(Margin memory margin, Sums memory sums, Terms memory terms)
        private
        pure
        returns (uint256 initial, uint256 maintenance)
    {
        unchecked {
            for (uint256 u; u < sums.nets.length; ++u) {
                Net memory net = sums.nets[u];
                if (net.low == 0 && net.high == 0) continue;
                UnderlyingInput memory underlying = terms.underlyings[u];
                uint256 widest = _setRisks(net, underlying);
                margin.exposure += net.size.abs().mulUp(net.price);
                initial += _widest(net.initialLow, net.initialHigh);
                maintenance += _widest(net.maintenanceLow, net.maintenanceHigh);
                if (widest <= underlying.depth) continue;
                uint256 concentration = (widest - underlying.depth).mulUp(underlying.concentrationRate);
                sums.initial += concentration;
                sums.maintenance += concentration;
            }
            for (uint256 i; i < terms.credits.length; ++i) {
                CreditInput memory credit = terms.credits[i];
                (Net memory a, Net memory b) = (sums.nets[credit.first], sums.nets[credit.second]);
                if (a.price == 0 || b.price == 0) continue;
                initial -= _offset(a.initialLow, a.initialHigh, b.initialLow, b.initialHigh).mulDown(credit.ratio);
                maintenance -=
                    _offset(a.maintenanceLow, a.maintenanceHigh, b.maintenanceLow, b.maintenanceHigh).mulDown(credit.ratio);
            }
        }
    }

    /// @return widest The notional of the wider end.
    function _setRisks(Net memory net, UnderlyingInput memory underlying) private pure returns (uint256 widest) {
        unchecked {
            widest = net.high.abs().mulUp(net.price);
            (net.initialHigh, net.maintenanceHigh) = _risks(net.high, widest, underlying);
            if (net.low == net.high) {
                (net.initialLow, net.maintenanceLow) = (net.initialHigh, net.maintenanceHigh);
                return widest;
            }
            uint256 notional = net.low.abs().mulUp(net.price);
            (net.initialLow, net.maintenanceLow) = _risks(net.low, notional, underlying);
            if (notional > widest) return notional;
        }
    }

    function _risks(int256 size, uint256 notional, UnderlyingInput memory underlying)
        private
        pure
        returns (int256 initial, int256 maintenance)
    {
        unchecked {
            initial = int256(notional.mulUp(underlying.initialRate));
            maintenance = int256(notional.mulUp(underlying.maintenanceRate));
            if (size < 0) (initial, maintenance) = (-initial, -maintenance);
        }
    }

    /// @dev |a| + |b| - |a + b|, each at its widest, less what rounding may have added.
    function _offset(int256 aLow, int256 aHigh, int256 bLow, int256 bHigh) private pure returns (uint256) {
        unchecked {
            uint256 apart = _widest(aLow, aHigh) + _widest(bLow, bHigh);
            uint256 both = _widest(aLow + bLow, aHigh + bHigh) + ROUNDING;
            return apart > both ? apart - both : 0;
        }
    }

    /// @dev For each venue with a position, what the rest would require without credits; the most of it, in part.
    function _venueLoss(Sums memory sums, Terms memory terms)
        private
        pure
        returns (uint256 initial, uint256 maintenance)
    {
        unchecked {
            uint256 venues = sums.venues;
            // Of a single venue there is no rest.
            if (venues & (venues - 1) == 0) return (0, 0);
            for (uint256 venue; venues != 0; (venues >>= 1, ++venue)) {
                if (venues & 1 == 0) continue;
                (uint256 restInitial, uint256 restMaintenance) = _restWithout(sums, terms, venue);
                initial = initial.max(restInitial);
                maintenance = maintenance.max(restMaintenance);
            }
            return (initial.mulUp(terms.venueLossShare), maintenance.mulUp(terms.venueLossShare));
        }
    }

    function _restWithout(Sums memory sums, Terms memory terms, uint256 venue)
        private
        pure
        returns (uint256 initial, uint256 maintenance)
    {
        unchecked {
            uint256 place = 2 * venue * sums.nets.length;
            for (uint256 u; u < sums.nets.length; (++u, place += 2)) {
                Net memory net = sums.nets[u];
                (int256 low, int256 high) = (sums.parts[place], sums.parts[place + 1]);
                if (low == 0 && high == 0) {
                    initial += _widest(net.initialLow, net.initialHigh);
                    maintenance += _widest(net.maintenanceLow, net.maintenanceHigh);
                    continue;
                }
                uint256 notional = _widest(net.low - low, net.high - high).mulUp(net.price);
                initial += notional.mulUp(terms.underlyings[u].initialRate);
                maintenance += notional.mulUp(terms.underlyings[u].maintenanceRate);
            }
        }
    }

    function _widest(int256 low, int256 high) private pure returns (uint256) {
        return low.abs().max(high.abs());
    }
}
