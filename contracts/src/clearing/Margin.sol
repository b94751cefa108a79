// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";
import {Instruments} from "./Instruments.sol";
import {Lateness} from "./Lateness.sol";
import {DepthTerms, ListingTerms, UnderlyingTerms} from "./Parameters.sol";

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
/// `initial` and `maintenance` the wider ones without it. `gross` is the notional of all legs, venue by venue. `legs` has a
/// byte for each venue: the number, from one, of the leg there.
struct Net {
    UnderlyingTerms terms;
    DepthTerms depth;
    uint256 price;
    uint256 initialRate;
    uint256 maintenanceRate;
    uint256 legs;
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

/// A venue: the shares of a rate that a leg there is charged, and the risk of its legs. `initialLost` is what is required
/// more of all underlyings without the venue than with it, below zero (in two's complement) if less.
struct VenueSum {
    uint256 initialLegShare;
    uint256 maintenanceLegShare;
    uint256 initial;
    uint256 maintenance;
    uint256 initialLost;
    uint256 maintenanceLost;
}

/// The positions in an underlying at a venue, added up.
struct Leg {
    Net net;
    VenueSum sum;
    int256 low;
    int256 high;
}

/// The positions of an account, added up. Of `nets` and `venueSums` those are there that the bitmaps `underlyings` and
/// `venues` name, of `legs` the first `legCount`. The credits are words in memory, from the address `firstCredit` up to
/// `endOfCredits`, so that they need not be copied out of the parameters.
struct Sums {
    Net[] nets;
    VenueSum[] venueSums;
    Leg[] legs;
    uint256 underlyings;
    uint256 venues;
    uint256 legCount;
    uint256 firstCredit;
    uint256 endOfCredits;
    uint256 venueLossShare;
    int256 pnl;
    uint256 initialReserve;
    uint256 maintenanceReserve;
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
    /// @dev Of `Net`.
    uint256 private constant NET_BYTES = 512;

    function meetsInitial(Margin memory margin) internal pure returns (bool) {
        return margin.initialMarginBalance >= int256(margin.initialMargin);
    }

    function meetsMaintenance(Margin memory margin) internal pure returns (bool) {
        return margin.maintenanceMarginBalance >= int256(margin.maintenanceMargin);
    }

    /// @notice Adds the cash, after the lines, of which all exposure is until then.
    function addCash(Margin memory margin, int256 cash, uint256 cashHaircut) internal pure {
        unchecked {
            margin.equity = cash + int256(margin.exposure);
            int256 counted = cash > 0 ? cash.mulDown(WAD - cashHaircut) : cash;
            margin.initialMarginBalance += counted;
            margin.maintenanceMarginBalance += counted;
        }
    }

    /// @notice Adds a line at its asset's index price, rounded down; `addCash` completes the equity. `late` is how late its
    /// vault is, for new risk in the lowest 64 bits and for maintenance in the next: so much of what a haircut leaves is not
    /// counted.
    /// @dev Capped, so that what is computed from it stays far below 2^256 whatever the token's decimals.
    function addLine(
        Margin memory margin,
        uint256 units,
        uint256 counted,
        uint256 price,
        ListingTerms terms,
        uint256 late
    ) internal pure {
        unchecked {
            uint256 unit = terms.unitOf();
            uint256 value = units * price / unit;
            if (value >> 128 != 0) value = MAX_LINE_VALUE;
            margin.exposure += value;
            if (counted != units) value = (counted * price / unit).min(MAX_LINE_VALUE);
            (uint256 initial, uint256 maintenance) = (terms.initialHaircutOf(), terms.maintenanceHaircutOf());
            if (late << 128 != 0) {
                initial = Lateness.widen(initial, uint64(late));
                maintenance = Lateness.widen(maintenance, uint64(late >> 64));
            }
            margin.initialMarginBalance += int256(value * (WAD - initial) / WAD);
            margin.maintenanceMarginBalance += int256(value * (WAD - maintenance) / WAD);
        }
    }

    /// @notice What units of a listing are worth at the index price, rounded down, as `addLine` has it.
    function lineValue(uint256 units, uint256 price, ListingTerms terms) internal pure returns (uint256) {
        return (units * price / terms.unitOf()).min(MAX_LINE_VALUE);
    }

    /// @notice Makes room for the positions of an account: `positions` at most, of which no more than 255.
    /// @dev The lists are words of one block at first, since the compiler would fill lists of structs.
    function make(Sums memory sums, uint256 underlyings, uint256 venues, uint256 positions) internal pure {
        uint256[] memory nets = new uint256[](underlyings + 1 + venues + 1 + positions);
        assembly ("memory-safe") {
            let venueSums := add(nets, shl(5, add(underlyings, 1)))
            let legs := add(venueSums, shl(5, add(venues, 1)))
            mstore(nets, underlyings)
            mstore(venueSums, venues)
            mstore(legs, positions)
            // The first three members of `Sums`.
            mstore(sums, nets)
            mstore(add(sums, 0x20), venueSums)
            mstore(add(sums, 0x40), legs)
        }
    }

    /// @notice Adds an underlying, before its first position.
    function addUnderlying(Sums memory sums, uint256 underlying, UnderlyingTerms terms, DepthTerms depth, uint256 price)
        internal
        pure
    {
        unchecked {
            Net[] memory nets = sums.nets;
            sums.underlyings |= 1 << underlying;
            Net memory net = nets[0];
            assembly ("memory-safe") {
                // Zeros from beyond the end of the calldata.
                net := mload(0x40)
                mstore(0x40, add(net, NET_BYTES))
                calldatacopy(net, calldatasize(), NET_BYTES)
                mstore(add(add(nets, 0x20), shl(5, underlying)), net)
            }
            net.terms = terms;
            net.depth = depth;
            net.price = price;
            net.initialRate = terms.initialRateOf();
            net.maintenanceRate = terms.maintenanceRateOf();
        }
    }

    /// @notice Adds a venue, before its first position.
    function addVenue(Sums memory sums, uint256 venue, uint256 initialLegShare, uint256 maintenanceLegShare)
        internal
        pure
    {
        unchecked {
            sums.venues |= 1 << venue;
            sums.venueSums[venue] = VenueSum(initialLegShare, maintenanceLegShare, 0, 0, 0, 0);
        }
    }

    /// @notice Adds a position whose underlying and venue have been added.
    function addPosition(Sums memory sums, uint256 underlying, uint256 venue, int256 size, int256 quote) internal pure {
        unchecked {
            Net memory net = sums.nets[underlying];
            sums.pnl += Instruments.positionValue(size, net.price) + quote;
            net.size += size;
            uint256 number = uint8(net.legs >> 8 * venue);
            if (number != 0) {
                Leg memory leg = sums.legs[number - 1];
                leg.low += size;
                leg.high += size;
                return;
            }
            number = sums.legCount;
            sums.legs[number] = Leg(net, sums.venueSums[venue], size, size);
            sums.legCount = number + 1;
            net.legs |= (number + 1) << 8 * venue;
        }
    }

    /// @notice Adds what is outstanding in a market whose position has been added.
    function addLimits(
        Sums memory sums,
        uint256 underlying,
        uint256 venue,
        uint256 buyOut,
        uint256 sellOut,
        uint256 band,
        uint256 initialBand
    ) internal pure {
        unchecked {
            Net memory net = sums.nets[underlying];
            Leg memory leg = sums.legs[uint8(net.legs >> 8 * venue) - 1];
            leg.low -= int256(sellOut);
            leg.high += int256(buyOut);
            uint256 notional = (buyOut + sellOut).mulUp(net.price);
            sums.initialReserve += notional.mulUp(initialBand);
            sums.maintenanceReserve += notional.mulUp(band);
        }
    }

    /// @notice Turns the sums into balances and requirements.
    function addPositions(Margin memory margin, Sums memory sums) internal pure {
        unchecked {
            int256 pnl = sums.pnl;
            margin.equity += pnl;
            margin.maintenanceMarginBalance += pnl;
            if (pnl < 0) margin.initialMarginBalance += pnl;
            _sumLegs(sums);
            (uint256 most, uint256 mostMaintenance) = _addVenues(margin, sums);
            (uint256 whole, uint256 wholeMaintenance) = _addNets(margin, sums);
            (uint256 initial, uint256 maintenance) = _offsets(sums);
            (initial, maintenance) = (whole - initial, wholeMaintenance - maintenance);
            // No venue can be lost with more than all there is.
            uint256 share = sums.venueLossShare;
            if (most.mulUp(share) > initial || mostMaintenance.mulUp(share) > maintenance) {
                (most, mostMaintenance) = _venueLoss(sums, whole, wholeMaintenance);
                (initial, maintenance) = (initial.max(most), maintenance.max(mostMaintenance));
            }
            margin.initialMargin += initial;
            margin.maintenanceMargin += maintenance;
        }
    }

    /// @dev Adds the legs up, by underlying and by venue.
    function _sumLegs(Sums memory sums) private pure {
        unchecked {
            Leg[] memory legs = sums.legs;
            uint256 count = sums.legCount;
            Leg memory leg = legs[0];
            for (uint256 i = 1; i <= count; ++i) {
                assembly ("memory-safe") {
                    // The list has room for more.
                    leg := mload(add(legs, shl(5, i)))
                }
                Net memory net = leg.net;
                (int256 low, int256 high) = (leg.low, leg.high);
                net.low += low;
                net.high += high;
                low = -low;
                if (low > high) high = low;
                // As `_widest` and `mulUp`, written out since the compiler would call them.
                uint256 notional = (uint256(high) * net.price + (WAD - 1)) / WAD;
                net.gross += notional;
                VenueSum memory sum = leg.sum;
                sum.initial += (notional * net.initialRate + (WAD - 1)) / WAD;
                sum.maintenance += (notional * net.maintenanceRate + (WAD - 1)) / WAD;
            }
        }
    }

    /// @dev Adds each venue's share of the risk it holds, since its chain may be late.
    /// @return initial The risk of all venues together.
    function _addVenues(Margin memory margin, Sums memory sums)
        private
        pure
        returns (uint256 initial, uint256 maintenance)
    {
        unchecked {
            uint256 venue;
            for (uint256 left = sums.venues; left != 0; (left >>= 1, ++venue)) {
                if (left & 1 == 0) continue;
                VenueSum memory sum = sums.venueSums[venue];
                (uint256 risk, uint256 riskMaintenance) = (sum.initial, sum.maintenance);
                initial += risk;
                maintenance += riskMaintenance;
                margin.initialMargin += (risk * sum.initialLegShare + (WAD - 1)) / WAD;
                margin.maintenanceMargin += (riskMaintenance * sum.maintenanceLegShare + (WAD - 1)) / WAD;
            }
        }
    }

    /// @dev Adds the band on what is outstanding, and what is charged at either rate: basis and concentration.
    /// @return initial Each underlying's net at its rate, together.
    function _addNets(Margin memory margin, Sums memory sums)
        private
        pure
        returns (uint256 initial, uint256 maintenance)
    {
        unchecked {
            uint256 both;
            uint256 u;
            for (uint256 left = sums.underlyings; left != 0; (left >>= 1, ++u)) {
                if (left & 1 == 0) continue;
                Net memory net = sums.nets[u];
                both += (net.gross * net.terms.basisRateOf() + (WAD - 1)) / WAD;
                if (net.low == 0 && net.high == 0) continue;
                uint256 notional = _setRisks(net);
                initial += net.initial;
                maintenance += net.maintenance;
                margin.exposure += net.low == net.high ? notional : net.size.abs().mulUp(net.price);
                uint256 depth = net.depth.depthOf();
                if (notional > depth) both += (notional - depth).mulUp(net.depth.concentrationRateOf());
            }
            margin.initialMargin += both + sums.initialReserve;
            margin.maintenanceMargin += both + sums.maintenanceReserve;
        }
    }

    /// @return notional That of the wider end.
    function _setRisks(Net memory net) private pure returns (uint256 notional) {
        unchecked {
            (int256 low, int256 high) = (net.low, net.high);
            uint256 initial;
            uint256 maintenance;
            (notional, initial, maintenance) = _risks(net, high);
            (net.initial, net.maintenance) = (initial, maintenance);
            (int256 one, int256 two) = (int256(initial), int256(maintenance));
            if (high < 0) (one, two) = (-one, -two);
            (net.initialHigh, net.maintenanceHigh) = (one, two);
            if (low != high) {
                uint256 other;
                (other, initial, maintenance) = _risks(net, low);
                // Both rates are of the same notional, so that the wider end is wider at either.
                if (other > notional) (notional, net.initial, net.maintenance) = (other, initial, maintenance);
                (one, two) = (int256(initial), int256(maintenance));
                if (low < 0) (one, two) = (-one, -two);
            }
            (net.initialLow, net.maintenanceLow) = (one, two);
        }
    }

    /// @return notional That of the size; `initial` and `maintenance` its risk at either rate.
    function _risks(Net memory net, int256 size)
        private
        pure
        returns (uint256 notional, uint256 initial, uint256 maintenance)
    {
        unchecked {
            // As `mulUp`, written out since the compiler would call it.
            notional = (uint256(size < 0 ? -size : size) * net.price + (WAD - 1)) / WAD;
            initial = (notional * net.initialRate + (WAD - 1)) / WAD;
            maintenance = (notional * net.maintenanceRate + (WAD - 1)) / WAD;
        }
    }

    /// @dev What opposite positions in correlated underlyings offset.
    function _offsets(Sums memory sums) private pure returns (uint256 initial, uint256 maintenance) {
        unchecked {
            uint256 end = sums.endOfCredits;
            uint256 held = sums.underlyings;
            for (uint256 place = sums.firstCredit; place < end; place += 32) {
                uint256 credit;
                assembly ("memory-safe") {
                    credit := mload(place)
                }
                // `CreditTerms`, taken apart here for the same reason.
                (uint256 first, uint256 second, uint256 ratio) =
                    (uint8(credit), uint8(credit >> 8), uint64(credit >> 16));
                if (held >> first & held >> second & 1 == 0) continue;
                (Net memory a, Net memory b) = (sums.nets[first], sums.nets[second]);
                uint256 together = _widest(a.initialLow + b.initialLow, a.initialHigh + b.initialHigh);
                initial += _offset(a.initial + b.initial, together, ratio);
                together = _widest(a.maintenanceLow + b.maintenanceLow, a.maintenanceHigh + b.maintenanceHigh);
                maintenance += _offset(a.maintenance + b.maintenance, together, ratio);
            }
        }
    }

    /// @dev The ratio of what two risks have less together than apart, less what rounding may have added.
    function _offset(uint256 apart, uint256 together, uint256 ratio) private pure returns (uint256) {
        unchecked {
            return apart > together + ROUNDING ? (apart - together - ROUNDING) * ratio / WAD : 0;
        }
    }

    /// @dev The share of what would be required of the rest without a venue, without credits; of the worst venue.
    /// @param whole What is required with all venues; `wholeMaintenance` at the other rate.
    function _venueLoss(Sums memory sums, uint256 whole, uint256 wholeMaintenance)
        private
        pure
        returns (uint256 initial, uint256 maintenance)
    {
        unchecked {
            _loseLegs(sums);
            uint256 venue;
            for (uint256 left = sums.venues; left != 0; (left >>= 1, ++venue)) {
                if (left & 1 == 0) continue;
                VenueSum memory sum = sums.venueSums[venue];
                (uint256 rest, uint256 restMaintenance) =
                    (whole + sum.initialLost, wholeMaintenance + sum.maintenanceLost);
                if (rest > initial) initial = rest;
                if (restMaintenance > maintenance) maintenance = restMaintenance;
            }
            return (initial.mulUp(sums.venueLossShare), maintenance.mulUp(sums.venueLossShare));
        }
    }

    function _loseLegs(Sums memory sums) private pure {
        unchecked {
            Leg[] memory legs = sums.legs;
            uint256 count = sums.legCount;
            Leg memory leg = legs[0];
            for (uint256 i = 1; i <= count; ++i) {
                assembly ("memory-safe") {
                    leg := mload(add(legs, shl(5, i)))
                }
                Net memory net = leg.net;
                (int256 low, int256 high) = (leg.low - net.low, net.high - leg.high);
                if (low > high) high = low;
                uint256 rest = (uint256(high) * net.price + (WAD - 1)) / WAD;
                VenueSum memory sum = leg.sum;
                sum.initialLost += (rest * net.initialRate + (WAD - 1)) / WAD - net.initial;
                sum.maintenanceLost += (rest * net.maintenanceRate + (WAD - 1)) / WAD - net.maintenance;
            }
        }
    }

    /// @dev The larger magnitude of two ends, of which `low` is not above `high`.
    function _widest(int256 low, int256 high) private pure returns (uint256) {
        unchecked {
            low = -low;
            return uint256(low > high ? low : high);
        }
    }
}
