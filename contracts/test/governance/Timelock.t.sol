// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Bound} from "../../src/governance/Bounds.sol";
import {Policy, Seats, Times} from "../../src/governance/Policy.sol";
import {Governed} from "./Governed.sol";

/// @title What a policy is made with.
contract TimelockTest is Governed {
    /// @dev From its first block on, so that there is no time in which a key is the owner and prepares what holds later.
    function test_POL_14_a_policy_makes_its_own_timelock_and_no_key_is_above_it() public {
        Policy fresh = new Policy(clearing, _times(), _seats(), _bounds());
        TimelockController owner = TimelockController(payable(fresh.owner()));
        assertEq(owner.getMinDelay(), DELAY);
        assertFalse(owner.hasRole(owner.DEFAULT_ADMIN_ROLE(), address(this)), "who deploys");
        assertTrue(owner.hasRole(owner.DEFAULT_ADMIN_ROLE(), address(owner)));
        assertTrue(fresh.isSteward(steward));
        assertEq(fresh.standing(), 7);
        bytes memory call = abi.encodeCall(Policy.setSteward, (address(this), true));
        vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockInsufficientDelay.selector, DELAY - 1, DELAY));
        owner.schedule(address(fresh), 0, call, 0, 0, DELAY - 1);
        bytes memory error = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, steward, owner.PROPOSER_ROLE()
        );
        vm.prank(steward);
        vm.expectRevert(error);
        owner.schedule(address(fresh), 0, call, 0, 0, DELAY);
        owner.schedule(address(fresh), 0, call, 0, 0, DELAY);
        bytes32 id = owner.hashOperation(address(fresh), 0, call, 0, 0);
        owner.cancel(id);
        vm.warp(block.timestamp + DELAY);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        owner.execute(address(fresh), 0, call, 0, 0);
        vm.expectPartialRevert(TimelockController.TimelockUnauthorizedCaller.selector);
        owner.updateDelay(0);
    }

    /// @dev A call of its own: a `new` that reverts as expected ends the test that makes it.
    function make(Times memory times, Seats memory seats, Bound[] memory bounds) external {
        new Policy(clearing, times, seats, bounds);
    }

    function test_POL_07_times_that_would_undo_each_other_are_refused() public {
        (Seats memory seats, Bound[] memory bounds) = (_seats(), _bounds());
        for (uint256 i; i < 8; ++i) {
            Times memory times = _times();
            if (i == 0) times.interval = 0;
            if (i == 1) times.freezeFor = 0;
            if (i == 2) times.coolDown = 0;
            if (i == 3) times.liftDelay = 0;
            if (i == 4) times.quorum = 1;
            if (i == 5) times.delay = 0;
            if (i == 6) times.delay = uint32(INTERVAL - 1);
            // What a guardian stopped would go out before the owner could go on stopping it.
            if (i == 7) times.freezeFor = times.delay;
            vm.expectRevert(Policy.BadTimes.selector);
            this.make(times, seats, bounds);
        }
    }

    function test_POL_14_seats_that_govern_nothing_or_let_everybody_in_are_refused() public {
        Bound[] memory bounds = _bounds();
        Seats[4] memory bad = [_seats(), _seats(), _seats(), _seats()];
        bad[3].guardians[2] = address(0);
        bad[0].council = new address[](0);
        bad[1].council = new address[](2);
        bad[1].council[0] = address(this);
        // Twice the same is one.
        bad[2].guardians = new address[](_times().quorum);
        for (uint256 i; i < bad[2].guardians.length; ++i) {
            bad[2].guardians[i] = address(this);
        }
        for (uint256 i; i < 4; ++i) {
            vm.expectRevert(Policy.BadSeats.selector);
            this.make(_times(), bad[i], bounds);
        }
    }
}
