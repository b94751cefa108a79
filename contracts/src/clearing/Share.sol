// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";
import {Margin} from "./Margin.sol";

/// @title How much of an account is liquidated and for what: spec/margin.md.
/// @notice Twin of core/src/liquidation.ts; vectors/liquidation.json is run by both.
library Share {
    using Wad for uint256;

    /// @notice The share (1e18) that brings an account below maintenance to the target health, and the ledger cash a
    /// liquidator pays for it (USD at 1e18). What is paid counts as cash, after the cash haircut.
    function shareOf(Margin memory margin, uint256 discount, uint256 healthTarget, uint256 cashHaircut)
        internal
        pure
        returns (uint256 share, uint256 payment)
    {
        int256 whole = margin.equity - int256(margin.exposure.mulUp(discount));
        uint256 price = whole > 0 ? uint256(whole) : 0;
        int256 missing = int256(margin.maintenanceMargin.mulUp(healthTarget)) - margin.maintenanceMarginBalance;
        assert(missing > 0);
        uint256 relief = price.mulDown(WAD - cashHaircut);
        share = (uint256(missing) * WAD).divUp(uint256(missing) + relief).min(WAD);
        payment = price.mulUp(share);
    }

    /// @notice The share (1e18) of the units that do not count which makes up for what the rest of the account is worth less
    /// than its discount: none while that has a price, and all once they are not enough, or worth nothing.
    /// @param equity Without those units, as `exposure`; `uncounted` is what they are worth.
    function restOf(int256 equity, uint256 exposure, uint256 uncounted, uint256 discount)
        internal
        pure
        returns (uint256)
    {
        int256 missing = int256(exposure.mulUp(discount)) - equity;
        if (missing < 0) return 0;
        uint256 worth = uncounted - uncounted.mulUp(discount);
        return worth > uint256(missing) ? (uint256(missing) * WAD).divUp(worth) : WAD;
    }
}
