// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Clearing} from "../../src/clearing/Clearing.sol";
import {Listing, Market} from "../../src/clearing/Ledger.sol";
import {Kind, Record} from "../../src/records/Records.sol";
import {Blobs} from "../Blobs.sol";
import {Intruder} from "../Intruder.sol";
import {World} from "../World.sol";

/// @title A vault and venue on the clearing's chain that calls the clearing back when a record is pushed to it.
/// @notice Listing 2 and market 2 are there; it is a holder there and has an account, which could do all that it tries.
contract ClearingReentrancyTest is World {
    address private constant ASSET = address(0xC2);
    Intruder private intruder;
    Listing private hostile;
    bytes32 private own;

    function setUp() public override {
        super.setUp();
        intruder = new Intruder();
        own = bytes32(bytes20(address(intruder)));
        hostile = Listing(block.chainid, address(intruder), ASSET);
        clearing.addVault(block.chainid, address(intruder));
        clearing.addVenue(block.chainid, address(intruder));
        clearing.listAsset(hostile);
        clearing.addMarket(Market(block.chainid, address(intruder), 0));
        clearing.setParameters(_moreParameters());
        vm.startPrank(address(intruder));
        clearing.openLine(own, hostile, address(intruder));
        _grant(own, 1_000e18, address(intruder));
        _grant(a, 10e18, address(intruder));
        _grant(b, 1e18, address(intruder));
        clearing.raiseLimits(own, 2, 1e18, 0);
        vm.stopPrank();
        vm.prank(alice.addr);
        clearing.openLine(a, hostile, address(intruder));
        _fund(bob, 100e18);
        _trade(60e18, 2000e18);
        _setPrice(1800);
    }

    function _moreParameters() private pure returns (bytes memory) {
        return bytes.concat(
            bytes.concat(
                Blobs.general(3, 1, 3, 3, 0),
                Blobs.listing(0, 18, 0.2e18, 0.15e18, CAP),
                Blobs.listing(1, 6, 0.05e18, 0.03e18, 1e15),
                Blobs.listing(0, 18, 0.2e18, 0.15e18, 10_000e18),
                Blobs.underlying(0, 0.1e18, 0.05e18, 0, 1e30)
            ),
            Blobs.market(0, 0.03e18, 0.01e18, 500e18, 0),
            Blobs.market(0, 0.03e18, 0.01e18, 500e18, 1),
            Blobs.market(0, 0.03e18, 0.01e18, 500e18, 2),
            bytes.concat(Blobs.venue(0, false), Blobs.venue(0.05e18, true), Blobs.venue(0, false))
        );
    }

    /// @dev As the vault that it is.
    function _grant(bytes32 account, uint128 units, address holder) private {
        bytes32 item = bytes32(uint256(uint160(ASSET)));
        uint128[6] memory fields = _fields(units, 0, 0, 0, 0, 0);
        clearing.push(Record(Kind.GRANT, block.chainid, address(intruder), account, item, holder, fields));
    }

    function _waysIn() private view returns (bytes[6] memory) {
        return [
            abi.encodeCall(Clearing.openLine, (own, local, address(intruder))),
            abi.encodeCall(Clearing.release, (own, 0, 1e18)),
            abi.encodeCall(Clearing.releaseUnopened, (b, hostile, address(intruder))),
            abi.encodeCall(Clearing.raiseLimits, (own, 0, 1e18, 0)),
            abi.encodeCall(Clearing.voidLimits, (own, 2)),
            abi.encodeCall(Clearing.liquidate, (a, own))
        ];
    }

    /// @dev The intruder's own call out runs its code as a reader; its call back is refused by the guard, though it
    /// succeeds by itself.
    function _assertLocked(bytes memory out) private {
        bytes[6] memory waysIn = _waysIn();
        for (uint256 i; i < waysIn.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(address(intruder));
            (bool success,) = address(clearing).call(waysIn[i]);
            assertTrue(success, "by itself the call is fine");
            vm.revertToState(snapshot);
            intruder.arm(address(clearing), waysIn[i]);
            vm.prank(address(intruder));
            (success,) = address(clearing).call(out);
            assertTrue(success, "the call out goes on");
            assertTrue(intruder.tried());
            assertFalse(intruder.wentIn(), "went in");
            assertEq(
                intruder.answer(),
                abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
            );
            vm.revertToState(snapshot);
        }
    }

    function test_CLR_11_a_vault_that_calls_back_while_units_are_released_finds_the_clearing_locked() public {
        _assertLocked(abi.encodeCall(Clearing.release, (own, 0, 1e18)));
        _assertLocked(abi.encodeCall(Clearing.releaseUnopened, (b, hostile, address(intruder))));
    }

    function test_CLR_11_a_venue_that_calls_back_while_it_is_told_of_limits_finds_the_clearing_locked() public {
        _assertLocked(abi.encodeCall(Clearing.raiseLimits, (own, 2, 1e18, 0)));
        _assertLocked(abi.encodeCall(Clearing.voidLimits, (own, 2)));
    }

    function test_CLR_11_a_vault_that_calls_back_during_a_liquidation_finds_the_clearing_locked() public {
        _assertLocked(abi.encodeCall(Clearing.liquidate, (a, own)));
    }
}
