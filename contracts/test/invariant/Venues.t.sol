// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {VenuesHandler} from "./VenuesHandler.sol";

/// forge-config: default.invariant.runs = 250
/// forge-config: default.invariant.depth = 400
contract VenuesInvariants is Test {
    VenuesHandler private handler;

    function setUp() public {
        handler = new VenuesHandler();
        targetContract(address(handler));
        bytes4[] memory calls = new bytes4[](21);
        (calls[0], calls[1], calls[2]) = (handler.move.selector, handler.deposit.selector, handler.withdraw.selector);
        (calls[3], calls[4], calls[5]) = (handler.raise.selector, handler.void.selector, handler.tradeNear.selector);
        (calls[6], calls[7], calls[8]) = (handler.carry.selector, handler.tradeFar.selector, handler.accrue.selector);
        (calls[9], calls[10], calls[11]) =
        (handler.checkpoint.selector, handler.deliver.selector, handler.deliverNewest.selector);
        (calls[12], calls[13], calls[14]) =
        (handler.relay.selector, handler.liquidate.selector, handler.payFunding.selector);
        (calls[15], calls[16], calls[17]) = (handler.sell.selector, handler.kill.selector, handler.bury.selector);
        (calls[18], calls[19], calls[20]) = (handler.relay.selector, handler.tradeFar.selector, handler.pull.selector);
        targetSelector(FuzzSelector(address(handler), calls));
    }

    function invariant_MRG_20_CLO_05_FND_23_SET_04_two_venues_that_are_late_and_one_that_dies_add_up() public view {
        handler.check(false);
    }

    function afterInvariant() public {
        handler.check(true);
        handler.settle();
        handler.check(true);
        // Where a venue died, it may have been before anything happened.
        if (handler.done(6) > 0) return;
        assertGt(handler.done(0), 0, "far fills");
        assertGt(handler.done(2), 0, "stale records");
        assertGt(handler.looked(), 0, "releases and limits");
    }
}
