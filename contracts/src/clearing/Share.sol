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
}
