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

/// A position with everything the formula needs; `underlying` and `venue` count within the lists of the
/// sums.
struct PositionInput {
    int256 size;
    int256 quote;
    uint256 buyOut;
    uint256 sellOut;
    uint256 band;
    uint256 underlying;
    uint256 venue;
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

/// An underlying's terms and the account's positions in it, added up; outstanding limits may fill either way, so that
/// what is held is an interval from `low` to `high`. The risks are both ends' notional at a rate, with their sign.
struct Net {
    uint256 initialRate;
    uint256 maintenanceRate;
    uint256 basisRate;
    uint256 depth;
    uint256 concentrationRate;
    uint256 price;
    int256 size;
    int256 low;
    int256 high;
    int256 initialLow;
    int256 initialHigh;
    int256 maintenanceLow;
    int256 maintenanceHigh;
}

/// What an account holds of one underlying at one venue.
struct Leg {
    int256 low;
    int256 high;
}

/// The positions of an account, added up. `legs` lists all underlyings of the first venue, then of the next; `used` is a
/// bitmap of the venues with a position. An underlying is filled in where its price is not zero.
struct Sums {
    Net[] nets;
    VenueInput[] venues;
    Leg[] legs;
    CreditInput[] credits;
    uint256 venueLossShare;
    uint256 used;
    int256 pnl;
    uint256 reserve;
}

/// @title The margin of a portfolio: spec/margin.md.
/// @notice Twin of core/src/margin.ts; vectors/margin.json is run by both. Lines and positions are added one by one, so
/// that a check holds no list of them.
/// @dev Unchecked for the reason given in `Wad`: nothing here can reach 2^255. Lists are read without a bounds check,
/// which would cost a tenth of a margin check: `ParameterBlob.check` sees to it that every index is in its list.
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
            (uint256 units, uint256 counted) = (line.units, line.counted);
            uint256 value = _valueOf(units, line);
            margin.equity += int256(value);
            margin.exposure += value;
            if (counted != units) value = _valueOf(counted, line);
            margin.initialMarginBalance += int256(value * (WAD - line.initialHaircut) / WAD);
            margin.maintenanceMarginBalance += int256(value * (WAD - line.maintenanceHaircut) / WAD);
        }
    }

    /// @notice Room for the positions of an account.
    function newSums(uint256 underlyings, uint256 venues, uint256 credits) internal pure returns (Sums memory sums) {
        unchecked {
            sums.nets = new Net[](underlyings);
            sums.venues = new VenueInput[](venues);
            sums.legs = new Leg[](underlyings * venues);
            sums.credits = new CreditInput[](credits);
        }
    }

    /// @notice Adds a position whose underlying and venue are filled in.
    function addPosition(Sums memory sums, PositionInput memory position) internal pure {
        unchecked {
            Net memory net = netAt(sums, position.underlying);
            (int256 size, int256 low) = (position.size, position.size);
            int256 high = size;
            sums.pnl += Instruments.valueOf(size, net.price) + position.quote;
            uint256 outstanding = position.buyOut + position.sellOut;
            if (outstanding > 0) {
                (low, high) = (size - int256(position.sellOut), size + int256(position.buyOut));
                sums.reserve += outstanding.mulUp(net.price).mulUp(position.band);
            }
            (net.size, net.low, net.high) = (net.size + size, net.low + low, net.high + high);
            sums.used |= 1 << position.venue;
            Leg memory leg = _legAt(sums, position.venue * sums.nets.length + position.underlying);
            (leg.low, leg.high) = (leg.low + low, leg.high + high);
        }
    }

    /// @notice Turns the sums into balances and requirements.
    function addPositions(Margin memory margin, Sums memory sums) internal pure {
        unchecked {
            int256 pnl = sums.pnl;
            margin.equity += pnl;
            margin.maintenanceMarginBalance += pnl;
            if (pnl < 0) margin.initialMarginBalance += pnl;
            (uint256 initial, uint256 maintenance, uint256 both) = _directional(margin, sums);
            both += sums.reserve;
            _addVenues(margin, sums, initial, maintenance);
            margin.initialMargin += both;
            margin.maintenanceMargin += both;
        }
    }

    function netAt(Sums memory sums, uint256 index) internal pure returns (Net memory net) {
        Net[] memory nets = sums.nets;
        assembly ("memory-safe") {
            net := mload(add(add(nets, 32), shl(5, index)))
        }
    }

    function venueAt(Sums memory sums, uint256 index) internal pure returns (VenueInput memory venue) {
        VenueInput[] memory venues = sums.venues;
        assembly ("memory-safe") {
            venue := mload(add(add(venues, 32), shl(5, index)))
        }
    }

    function _legAt(Sums memory sums, uint256 index) private pure returns (Leg memory leg) {
        Leg[] memory legs = sums.legs;
        assembly ("memory-safe") {
            leg := mload(add(add(legs, 32), shl(5, index)))
        }
    }

    /// @dev Rounds down. Capped, so that what is computed from it stays far below 2^256 whatever the token's decimals.
    function _valueOf(uint256 units, LineInput memory line) private pure returns (uint256 value) {
        unchecked {
            value = units * line.price / line.unit;
            if (value > MAX_LINE_VALUE) return MAX_LINE_VALUE;
        }
    }

    /// @dev Each underlying's net at its rates, less what opposite positions in correlated ones offset; and what is
    /// charged for concentration, at either rate.
    function _directional(Margin memory margin, Sums memory sums)
        private
        pure
        returns (uint256 initial, uint256 maintenance, uint256 concentration)
    {
        unchecked {
            for (uint256 u; u < sums.nets.length; ++u) {
                Net memory net = netAt(sums, u);
                if (net.low == 0 && net.high == 0) continue;
                uint256 notional = _setRisks(net);
                margin.exposure += net.size.abs().mulUp(net.price);
                initial += _widest(net.initialLow, net.initialHigh);
                maintenance += _widest(net.maintenanceLow, net.maintenanceHigh);
                if (notional > net.depth) concentration += (notional - net.depth).mulUp(net.concentrationRate);
            }
            CreditInput[] memory credits = sums.credits;
            for (uint256 i; i < credits.length; ++i) {
                CreditInput memory credit = credits[i];
                (Net memory a, Net memory b) = (netAt(sums, credit.first), netAt(sums, credit.second));
                if (a.price == 0 || b.price == 0) continue;
                uint256 offset = _offset(a.initialLow, a.initialHigh, b.initialLow, b.initialHigh);
                if (offset > 0) initial -= offset.mulDown(credit.ratio);
                offset = _offset(a.maintenanceLow, a.maintenanceHigh, b.maintenanceLow, b.maintenanceHigh);
                if (offset > 0) maintenance -= offset.mulDown(credit.ratio);
            }
        }
    }

    /// @return notional That of the wider end.
    function _setRisks(Net memory net) private pure returns (uint256 notional) {
        unchecked {
            (int256 low, int256 high) = (net.low, net.high);
            notional = high.abs().mulUp(net.price);
            (net.initialHigh, net.maintenanceHigh) = _risks(net, high, notional);
            if (low == high) {
                (net.initialLow, net.maintenanceLow) = (net.initialHigh, net.maintenanceHigh);
                return notional;
            }
            uint256 other = low.abs().mulUp(net.price);
            (net.initialLow, net.maintenanceLow) = _risks(net, low, other);
            if (other > notional) return other;
        }
    }

    function _risks(Net memory net, int256 size, uint256 notional)
        private
        pure
        returns (int256 initial, int256 maintenance)
    {
        unchecked {
            initial = int256(notional.mulUp(net.initialRate));
            maintenance = int256(notional.mulUp(net.maintenanceRate));
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

    /// @dev The greater of the directional risk and the share of what would be required of the rest without a venue,
    /// without credits; and what each venue's legs are charged.
    function _addVenues(Margin memory margin, Sums memory sums, uint256 initial, uint256 maintenance) private pure {
        unchecked {
            (uint256 lossInitial, uint256 lossMaintenance) = (0, 0);
            uint256 venue;
            for (uint256 left = sums.used; left != 0; (left >>= 1, ++venue)) {
                if (left & 1 == 0) continue;
                (uint256 restInitial, uint256 restMaintenance) = _addVenue(margin, sums, venue);
                lossInitial = lossInitial.max(restInitial);
                lossMaintenance = lossMaintenance.max(restMaintenance);
            }
            margin.initialMargin += initial.max(lossInitial.mulUp(sums.venueLossShare));
            margin.maintenanceMargin += maintenance.max(lossMaintenance.mulUp(sums.venueLossShare));
        }
    }

    /// @return restInitial What would be required of the other venues' positions, and likewise for maintenance.
    function _addVenue(Margin memory margin, Sums memory sums, uint256 index)
        private
        pure
        returns (uint256 restInitial, uint256 restMaintenance)
    {
        unchecked {
            VenueInput memory venue = venueAt(sums, index);
            uint256 count = sums.nets.length;
            for (uint256 u; u < count; ++u) {
                Net memory net = netAt(sums, u);
                if (net.price == 0) continue;
                Leg memory leg = _legAt(sums, index * count + u);
                (int256 low, int256 high) = (leg.low, leg.high);
                if (low == 0 && high == 0) {
                    restInitial += _widest(net.initialLow, net.initialHigh);
                    restMaintenance += _widest(net.maintenanceLow, net.maintenanceHigh);
                    continue;
                }
                _addLeg(margin, net, venue, _widest(low, high).mulUp(net.price));
                (low, high) = (net.low - low, net.high - high);
                if (low == 0 && high == 0) continue;
                uint256 notional = _widest(low, high).mulUp(net.price);
                restInitial += notional.mulUp(net.initialRate);
                restMaintenance += notional.mulUp(net.maintenanceRate);
            }
        }
    }

    /// @dev The venue's basis, and the underlying's move while its chain is late.
    function _addLeg(Margin memory margin, Net memory net, VenueInput memory venue, uint256 notional) private pure {
        unchecked {
            uint256 rate = net.basisRate + net.initialRate.mulUp(venue.initialLegShare);
            margin.initialMargin += notional.mulUp(rate);
            rate = net.basisRate + net.maintenanceRate.mulUp(venue.maintenanceLegShare);
            margin.maintenanceMargin += notional.mulUp(rate);
        }
    }

    function _widest(int256 low, int256 high) private pure returns (uint256) {
        unchecked {
            if (low == high) return low.abs();
            return low.abs().max(high.abs());
        }
    }
}
