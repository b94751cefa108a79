// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";
import {Instruments} from "./Instruments.sol";
import {CreditTerms, DepthTerms, ListingTerms, UnderlyingTerms} from "./Parameters.sol";

/// A position with everything the formula needs; `underlying` and `venue` count within the lists of the sums.
struct PositionInput {
    int256 size;
    int256 quote;
    uint256 buyOut;
    uint256 sellOut;
    uint256 band;
    uint256 underlying;
    uint256 venue;
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
/// what is held is an interval from `low` to `high`. The risks are both ends' notional at a rate, with their sign;
/// `initial` and `maintenance` the wider ones without it. `gross` is the notional of all legs, venue by venue.
struct Net {
    UnderlyingTerms terms;
    DepthTerms depth;
    uint256 price;
    int256 size;
    int256 low;
    int256 high;
    int256 initialLow;
    int256 initialHigh;
    int256 maintenanceLow;
    int256 maintenanceHigh;
    uint256 initial;
    uint256 maintenance;
    uint256 gross;
}

/// The positions of an account, added up. `legShares` holds each venue's initial and maintenance share of a rate that a
/// leg there is charged; `legs` the low and the high end of each underlying at the first venue, then at the next; `used`
/// is a bitmap of the venues with a position. An underlying is filled in where its price is not zero.
struct Sums {
    Net[] nets;
    uint256[] legShares;
    int256[] legs;
    CreditTerms[] credits;
    uint256 venueLossShare;
    uint256 used;
    int256 pnl;
    uint256 reserve;
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

    /// @notice Adds a line at its asset's index price.
    function addLine(Margin memory margin, uint256 units, uint256 counted, uint256 price, ListingTerms terms)
        internal
        pure
    {
        unchecked {
            uint256 unit = terms.unitOf();
            uint256 value = _valueOf(units, price, unit);
            margin.equity += int256(value);
            margin.exposure += value;
            if (counted != units) value = _valueOf(counted, price, unit);
            margin.initialMarginBalance += int256(value * (WAD - terms.initialHaircutOf()) / WAD);
            margin.maintenanceMarginBalance += int256(value * (WAD - terms.maintenanceHaircutOf()) / WAD);
        }
    }

    /// @notice Makes room for the positions of an account.
    function make(Sums memory sums, uint256 underlyings, uint256 venues) internal pure {
        unchecked {
            sums.nets = new Net[](underlyings);
            sums.legShares = new uint256[](2 * venues);
            sums.legs = new int256[](2 * underlyings * venues);
        }
    }

    /// @notice Adds a position whose underlying and venue are filled in.
    function addPosition(Sums memory sums, PositionInput memory position) internal pure {
        unchecked {
            Net memory net = sums.nets[position.underlying];
            (int256 size, int256 low) = (position.size, position.size);
            int256 high = size;
            sums.pnl += Instruments.positionValue(size, net.price) + position.quote;
            uint256 outstanding = position.buyOut + position.sellOut;
            if (outstanding > 0) {
                (low, high) = (size - int256(position.sellOut), size + int256(position.buyOut));
                sums.reserve += outstanding.mulUp(net.price).mulUp(position.band);
            }
            (net.size, net.low, net.high) = (net.size + size, net.low + low, net.high + high);
            sums.used |= 1 << position.venue;
            int256[] memory legs = sums.legs;
            uint256 place = 2 * (position.venue * sums.nets.length + position.underlying);
            legs[place] += low;
            legs[place + 1] += high;
        }
    }

    /// @notice Turns the sums into balances and requirements.
    function addPositions(Margin memory margin, Sums memory sums) internal pure {
        unchecked {
            int256 pnl = sums.pnl;
            margin.equity += pnl;
            margin.maintenanceMarginBalance += pnl;
            if (pnl < 0) margin.initialMarginBalance += pnl;
            (uint256 initial, uint256 maintenance) = _addLegs(margin, sums);
            // No venue can be lost with more than all there is.
            (uint256 most, uint256 mostMaintenance) =
                (initial.mulUp(sums.venueLossShare), maintenance.mulUp(sums.venueLossShare));
            uint256 both;
            (initial, maintenance, both) = _directional(margin, sums);
            if (most > initial || mostMaintenance > maintenance) {
                (most, mostMaintenance) = _venueLoss(sums);
                (initial, maintenance) = (initial.max(most), maintenance.max(mostMaintenance));
            }
            margin.initialMargin += initial + both;
            margin.maintenanceMargin += maintenance + both;
        }
    }

    /// @dev What legs are charged beside the net: each venue's share of the risk it holds, since its chain may be late, and
    /// each underlying's basis.
    /// @return initial The risk of all venues together.
    function _addLegs(Margin memory margin, Sums memory sums)
        private
        pure
        returns (uint256 initial, uint256 maintenance)
    {
        unchecked {
            uint256 venue;
            for (uint256 left = sums.used; left != 0; (left >>= 1, ++venue)) {
                if (left & 1 == 0) continue;
                (uint256 here, uint256 hereMaintenance) = _riskAt(sums, venue);
                margin.initialMargin += here.mulUp(sums.legShares[2 * venue]);
                margin.maintenanceMargin += hereMaintenance.mulUp(sums.legShares[2 * venue + 1]);
                (initial, maintenance) = (initial + here, maintenance + hereMaintenance);
            }
        }
    }

    /// @dev The risk of a venue's legs, underlying by underlying; adds their notional to each underlying's gross.
    function _riskAt(Sums memory sums, uint256 venue) private pure returns (uint256 initial, uint256 maintenance) {
        unchecked {
            (Net[] memory nets, int256[] memory legs) = (sums.nets, sums.legs);
            uint256 place = 2 * venue * nets.length;
            for (uint256 u; u < nets.length; (++u, place += 2)) {
                uint256 notional = _widest(legs[place], legs[place + 1]);
                if (notional == 0) continue;
                Net memory net = nets[u];
                notional = notional.mulUp(net.price);
                net.gross += notional;
                UnderlyingTerms terms = net.terms;
                initial += notional.mulUp(terms.initialRateOf());
                maintenance += notional.mulUp(terms.maintenanceRateOf());
            }
        }
    }

    /// @dev Rounds down. Capped, so that what is computed from it stays far below 2^256 whatever the token's decimals.
    function _valueOf(uint256 units, uint256 price, uint256 unit) private pure returns (uint256 value) {
        unchecked {
            value = units * price / unit;
            if (value > MAX_LINE_VALUE) return MAX_LINE_VALUE;
        }
    }

    /// @dev Each underlying's net at its rates, less what opposite positions in correlated ones offset; and what is charged
    /// at either rate: basis, concentration, and the band on what is outstanding.
    function _directional(Margin memory margin, Sums memory sums)
        private
        pure
        returns (uint256 initial, uint256 maintenance, uint256 both)
    {
        unchecked {
            both = sums.reserve;
            Net[] memory nets = sums.nets;
            for (uint256 u; u < nets.length; ++u) {
                Net memory net = nets[u];
                if (net.gross == 0) continue;
                both += net.gross.mulUp(net.terms.basisRateOf());
                if (net.low == 0 && net.high == 0) continue;
                uint256 notional = _setRisks(net);
                (initial, maintenance) = (initial + net.initial, maintenance + net.maintenance);
                margin.exposure += net.low == net.high ? notional : net.size.abs().mulUp(net.price);
                uint256 depth = net.depth.depthOf();
                if (notional > depth) both += (notional - depth).mulUp(net.depth.concentrationRateOf());
            }
            CreditTerms[] memory credits = sums.credits;
            for (uint256 i; i < credits.length; ++i) {
                CreditTerms credit = credits[i];
                (Net memory a, Net memory b) = (nets[credit.firstOf()], nets[credit.secondOf()]);
                if (a.price == 0 || b.price == 0) continue;
                uint256 together = _widest(a.initialLow + b.initialLow, a.initialHigh + b.initialHigh);
                initial -= _offset(a.initial + b.initial, together, credit.ratioOf());
                together = _widest(a.maintenanceLow + b.maintenanceLow, a.maintenanceHigh + b.maintenanceHigh);
                maintenance -= _offset(a.maintenance + b.maintenance, together, credit.ratioOf());
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
            } else {
                uint256 other = low.abs().mulUp(net.price);
                (net.initialLow, net.maintenanceLow) = _risks(net, low, other);
                if (other > notional) notional = other;
            }
            net.initial = _widest(net.initialLow, net.initialHigh);
            net.maintenance = _widest(net.maintenanceLow, net.maintenanceHigh);
        }
    }

    function _risks(Net memory net, int256 size, uint256 notional)
        private
        pure
        returns (int256 initial, int256 maintenance)
    {
        unchecked {
            initial = int256(notional.mulUp(net.terms.initialRateOf()));
            maintenance = int256(notional.mulUp(net.terms.maintenanceRateOf()));
            if (size < 0) (initial, maintenance) = (-initial, -maintenance);
        }
    }

    /// @dev The ratio of what two risks have less together than apart, less what rounding may have added.
    function _offset(uint256 apart, uint256 together, uint256 ratio) private pure returns (uint256) {
        unchecked {
            return apart > together + ROUNDING ? (apart - together - ROUNDING) * ratio / WAD : 0;
        }
    }

    /// @dev The share of what would be required of the rest without a venue, without credits; of the worst venue.
    function _venueLoss(Sums memory sums) private pure returns (uint256 initial, uint256 maintenance) {
        unchecked {
            uint256 venue;
            for (uint256 left = sums.used; left != 0; (left >>= 1, ++venue)) {
                if (left & 1 == 0) continue;
                (uint256 rest, uint256 restMaintenance) = _riskWithout(sums, venue);
                (initial, maintenance) = (initial.max(rest), maintenance.max(restMaintenance));
            }
            return (initial.mulUp(sums.venueLossShare), maintenance.mulUp(sums.venueLossShare));
        }
    }

    function _riskWithout(Sums memory sums, uint256 venue) private pure returns (uint256 initial, uint256 maintenance) {
        unchecked {
            (Net[] memory nets, int256[] memory legs) = (sums.nets, sums.legs);
            uint256 place = 2 * venue * nets.length;
            for (uint256 u; u < nets.length; (++u, place += 2)) {
                Net memory net = nets[u];
                (int256 low, int256 high) = (legs[place], legs[place + 1]);
                if (low == 0 && high == 0) {
                    (initial, maintenance) = (initial + net.initial, maintenance + net.maintenance);
                    continue;
                }
                uint256 rest = _widest(net.low - low, net.high - high);
                if (rest == 0) continue;
                rest = rest.mulUp(net.price);
                initial += rest.mulUp(net.terms.initialRateOf());
                maintenance += rest.mulUp(net.terms.maintenanceRateOf());
            }
        }
    }

    function _widest(int256 low, int256 high) private pure returns (uint256) {
        unchecked {
            if (low == high) return low < 0 ? uint256(-low) : uint256(low);
            return low.abs().max(high.abs());
        }
    }
}
