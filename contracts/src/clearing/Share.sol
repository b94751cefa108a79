// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";
import {Margin} from "./Margin.sol";

/// What the units of an account are worth that back no maintenance margin, and how much of the margin balance would stay with
/// those of them that count but whose vault is late. USD at 1e18.
struct Unbacking {
    uint256 value;
    uint256 kept;
}

/// The shares (1e18) of an account that are taken over: of what backs maintenance margin, with positions and cash, for the
/// payment (USD at 1e18); and of the other units.
struct Taken {
    uint256 share;
    uint256 rest;
    uint256 payment;
}

/// @title How much of an account is liquidated and for what: spec/margin.md.
/// @notice Twin of core/src/liquidation.ts; vectors/liquidation.json is run by both.
library Share {
    using Wad for uint256;

    /// @notice What brings an account below maintenance to the target health, and the ledger cash a liquidator pays for it. What
    /// is paid counts as cash, after the cash haircut. Where nothing is, the other units make up for what is missing.
    /// @param margin Of the account without its other units.
    function takenOf(
        Margin memory margin,
        Unbacking memory other,
        uint256 discount,
        uint256 healthTarget,
        uint256 cashHaircut
    ) internal pure returns (Taken memory taken) {
        int256 whole = margin.equity - int256(margin.exposure.mulUp(discount));
        uint256 price = whole > 0 ? uint256(whole) : 0;
        uint256 rest = whole > 0 ? 0 : _restOf(uint256(-whole), other.value - other.value.mulUp(discount));
        int256 missing = int256(margin.maintenanceMargin.mulUp(healthTarget)) - margin.maintenanceMarginBalance;
        assert(missing > 0);
        uint256 relief = price.mulDown(WAD - cashHaircut) + other.kept.mulDown(WAD - rest);
        taken.share = (uint256(missing) * WAD).divUp(uint256(missing) + relief).min(WAD);
        taken.rest = rest.mulUp(taken.share);
        taken.payment = price.mulUp(taken.share);
    }

    /// @dev All, once it is not enough, or worth nothing.
    function _restOf(uint256 missing, uint256 worth) private pure returns (uint256) {
        return worth > missing ? (missing * WAD).divUp(worth) : WAD;
    }
}
