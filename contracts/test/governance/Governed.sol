// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Bound} from "../../src/governance/Bounds.sol";
import {Policy, Seats, Times} from "../../src/governance/Policy.sol";
import {World} from "../World.sol";

/// @title A world whose clearing is a policy's, with its own timelock as its owner.
abstract contract Governed is World {
    uint256 internal constant DELAY = 2 days;
    uint256 internal constant INTERVAL = 1 hours;
    uint256 internal constant FREEZE_FOR = 3 days;
    uint256 internal constant COOL_DOWN = 7 days;
    uint256 internal constant LIFT_DELAY = 1 hours;
    /// The places of WETH's haircuts: word 4, the initial one from bit 16, the other from bit 80.
    uint256 internal constant WETH = 4;

    TimelockController internal timelock;
    Policy internal policy;
    address internal steward = makeAddr("steward");
    address[3] internal guardians = [makeAddr("guardian 1"), makeAddr("guardian 2"), makeAddr("guardian 3")];

    function setUp() public virtual override {
        super.setUp();
        policy = new Policy(clearing, _times(), _seats(), _bounds());
        timelock = TimelockController(payable(policy.owner()));
        clearing.transferOwnership(address(policy));
        policy.accept();
    }

    /// @dev This test is the council, and deployed all of it.
    function _seats() internal view returns (Seats memory seats) {
        seats = Seats(new address[](1), new address[](1), new address[](3));
        (seats.council[0], seats.stewards[0]) = (address(this), steward);
        for (uint256 i; i < 3; ++i) {
            seats.guardians[i] = guardians[i];
        }
    }

    function _times() internal pure returns (Times memory) {
        return Times(uint32(DELAY), uint32(INTERVAL), uint32(FREEZE_FOR), uint32(COOL_DOWN), uint32(LIFT_DELAY), 2);
    }

    /// @dev WETH's haircuts: floors of 5 % + 4 % * 2 and 2 % + 3 % * 2, ceilings of 60 % and 50 %, up by 2 points and
    /// down by one at a time.
    function _bounds() internal pure returns (Bound[] memory bounds) {
        bounds = new Bound[](2);
        bounds[0] = Bound(uint16(WETH), 16, 0.6e18, 0.02e18, 0.01e18, 0.05e18, 0.04e18, 4 hours);
        bounds[1] = Bound(uint16(WETH), 80, 0.5e18, 0.02e18, 0.01e18, 0.02e18, 0.03e18, 4 hours);
    }

    /// @dev Through the timelock, which makes it wait.
    function _governed(address target, bytes memory call) internal {
        timelock.schedule(target, 0, call, 0, 0, DELAY);
        vm.warp(block.timestamp + DELAY);
        timelock.execute(target, 0, call, 0, 0);
    }

    function _throughPolicy(bytes memory call) internal {
        _governed(address(policy), abi.encodeCall(Policy.execute, (call)));
    }
}
