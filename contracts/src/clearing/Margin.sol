// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";

/// A line with everything the formula needs. `unit` is 10^decimals.
struct LineInput {
    uint256 units;
    uint256 counted;
    uint256 unit;
    uint256 price;
    uint256 initialHaircut;
    uint256 maintenanceHaircut;
}

/// A position with everything the formula needs; `underlying` counts within the portfolio's list.
struct PositionInput {
    int256 size;
    int256 quote;
    uint256 buyOut;
    uint256 sellOut;
    uint256 price;
    uint256 band;
    uint256 underlying;
}

struct UnderlyingInput {
    uint256 initialRate;
    uint256 maintenanceRate;
    uint256 legRate;
}

/// An account and all that is known about it: looked up first, so that the formula is a pure function.
struct Portfolio {
    int256 cash;
    uint256 cashHaircut;
    LineInput[] lines;
    PositionInput[] positions;
    UnderlyingInput[] underlyings;
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

/// @title The margin of a portfolio: spec/margin.md.
/// @notice Twin of core/src/margin.ts; vectors/margin.json is run by both.
/// @dev Unchecked for the reason given in `Wad`: nothing here can reach 2^255.
library Margins {
    using Wad for uint256;
    using Wad for int256;

    /// @notice The most that one line can be worth: 3.4e20 USD.
    uint256 internal constant MAX_LINE_VALUE = type(uint128).max;

    struct Net {
        int256 size;
        int256 high;
        int256 low;
        uint256 gross;
        uint256 price;
        uint256 reserve;
    }

    /// @notice Balances, requirements, equity and exposure of a portfolio.
    function compute(Portfolio memory portfolio) internal pure returns (Margin memory margin) {
        unchecked {
            _addLines(margin, portfolio.lines);
            int256 pnl = _addPositions(margin, portfolio);
            int256 cash = portfolio.cash;
            margin.equity += cash + pnl;
            int256 counted = cash > 0 ? cash.mulDown(WAD - portfolio.cashHaircut) : cash;
            margin.initialMarginBalance += counted + (pnl < 0 ? pnl : int256(0));
            margin.maintenanceMarginBalance += counted + pnl;
        }
    }

    function meetsInitial(Margin memory margin) internal pure returns (bool) {
        return margin.initialMarginBalance >= int256(margin.initialMargin);
    }

    function meetsMaintenance(Margin memory margin) internal pure returns (bool) {
        return margin.maintenanceMarginBalance >= int256(margin.maintenanceMargin);
    }

    function _addLines(Margin memory margin, LineInput[] memory lines) private pure {
        unchecked {
            for (uint256 i; i < lines.length; ++i) {
                LineInput memory line = lines[i];
                uint256 value = _valueOf(line.units, line);
                uint256 countedValue = line.counted == line.units ? value : _valueOf(line.counted, line);
                margin.equity += int256(value);
                margin.exposure += value;
                margin.initialMarginBalance += int256(countedValue.mulDown(WAD - line.initialHaircut));
                margin.maintenanceMarginBalance += int256(countedValue.mulDown(WAD - line.maintenanceHaircut));
            }
        }
    }

    /// @dev Rounds down. Capped, so that what is computed from it stays far below 2^256 whatever the token's decimals.
    function _valueOf(uint256 units, LineInput memory line) private pure returns (uint256) {
        unchecked {
            return Wad.min(units * line.price / line.unit, MAX_LINE_VALUE);
        }
    }

    function _addPositions(Margin memory margin, Portfolio memory portfolio) private pure returns (int256 pnl) {
        unchecked {
            Net[] memory nets = new Net[](portfolio.underlyings.length);
            for (uint256 i; i < portfolio.positions.length; ++i) {
                PositionInput memory position = portfolio.positions[i];
                pnl += position.size.mulDown(position.price) + position.quote;
                _net(nets[position.underlying], position);
            }
            for (uint256 u; u < nets.length; ++u) {
                if (nets[u].gross > 0) _addRequirement(margin, nets[u], portfolio.underlyings[u]);
            }
        }
    }

    /// @dev Outstanding limits may fill either way, so each position is an interval from `low` to `high`.
    function _net(Net memory net, PositionInput memory position) private pure {
        unchecked {
            int256 high = position.size + int256(position.buyOut);
            int256 low = position.size - int256(position.sellOut);
            net.size += position.size;
            net.high += high;
            net.low += low;
            net.gross += high.abs().max(low.abs());
            net.price = position.price;
            uint256 outstanding = position.buyOut + position.sellOut;
            if (outstanding > 0) net.reserve += outstanding.mulUp(position.price).mulUp(position.band);
        }
    }

    function _addRequirement(Margin memory margin, Net memory net, UnderlyingInput memory terms) private pure {
        unchecked {
            uint256 netNotional = net.high.abs().max(net.low.abs()).mulUp(net.price);
            uint256 fixedPart = net.gross.mulUp(net.price).mulUp(terms.legRate) + net.reserve;
            margin.exposure += net.size.abs().mulUp(net.price);
            margin.initialMargin += netNotional.mulUp(terms.initialRate - terms.legRate) + fixedPart;
            margin.maintenanceMargin += netNotional.mulUp(terms.maintenanceRate - terms.legRate) + fixedPart;
        }
    }
}
