// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Clearing} from "../../src/clearing/Clearing.sol";
import {Listing, Market} from "../../src/clearing/Ledger.sol";
import {Kind, LocalRecord, Outcome, Record} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {Blobs} from "../Blobs.sol";
import {Intruder} from "../Intruder.sol";
import {World} from "../World.sol";

/// @title A vault and venue on the clearing's chain that calls the clearing back when a record is pushed to it.
/// @notice It is listing 2, venue 2 and market 2, a holder, and has an account that could do all that it tries.
contract ClearingReentrancyTest is World {
    address private constant ASSET = address(0xC2);
    address private constant DEAD_VENUE = address(0xB3);
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
        clearing.addVenue(REMOTE, DEAD_VENUE);
        clearing.listAsset(hostile);
        clearing.addMarket(Market(block.chainid, address(intruder), 0));
        clearing.addMarket(Market(REMOTE, DEAD_VENUE, 0));
        clearing.setParameters(_moreParameters());
        _openLines();
        _trade(60e18, 2000e18);
        _loseCash();
        _endVenues();
        // Alice's debt is old, market 3 can be settled, and Alice is below maintenance.
        vm.warp(block.timestamp + 2 days);
        _setPrice(1780);
        clearing.putUp(a);
    }

    function _moreParameters() private pure returns (bytes memory blob) {
        blob = bytes.concat(
            Blobs.general(3, 1, 4, 4, 3, 0),
            Blobs.listing(0, 18, 0.2e18, 0.15e18, CAP, 0),
            Blobs.listing(1, 6, 0.05e18, 0.03e18, 1e15, 1),
            Blobs.listing(0, 18, 0.2e18, 0.15e18, 10_000e18, 2),
            Blobs.underlying(0, 0.1e18, 0.05e18, 0, 1e30)
        );
        for (uint256 i; i < 4; ++i) {
            blob = bytes.concat(blob, Blobs.market(0, 0.03e18, 0.01e18, 500e18, i));
        }
        for (uint256 i; i < 4; ++i) {
            blob = bytes.concat(blob, i % 2 == 0 ? Blobs.venue(0, false) : Blobs.venue(0.05e18, true));
        }
        return bytes.concat(blob, Blobs.vault(false), Blobs.vault(true), Blobs.vault(false));
    }

    /// @dev The intruder and Alice are backed by units of the intruder's vault, Bob by WETH.
    function _openLines() private {
        _fund(bob, 100e18);
        vm.prank(alice.addr);
        clearing.openLine(a, hostile, address(intruder));
        vm.startPrank(address(intruder));
        clearing.openLine(own, hostile, address(intruder));
        _grant(own, 1_000e18);
        _grant(a, 10e18);
        _grant(b, 1e18);
        vm.stopPrank();
    }

    /// @dev As the vault that it is.
    function _grant(bytes32 account, uint128 units) private {
        bytes32 item = bytes32(uint256(uint160(ASSET)));
        uint128[6] memory fields = _fields(units, 0, 0, 0, 0, 0);
        clearing.push(Record(Kind.GRANT, block.chainid, address(intruder), account, item, address(intruder), fields));
    }

    /// @dev Both remote venues say that Bob bought more than he could: 1 can be closed, 3 is.
    function _endVenues() private {
        _raise(bob, 3, 1e18, 0);
        Record memory lie = _fillsOf(b, _fields(2e18, 0, 4_000e18, 0, 0, 0));
        assertEq(uint8(_learnWith(lie, _attest(lie, address(clearing)))), uint8(Outcome.CONTRADICTION));
        lie.writer = DEAD_VENUE;
        assertEq(uint8(_learnWith(lie, _attest(lie, address(clearing)))), uint8(Outcome.CONTRADICTION));
        clearing.closeVenue(3);
    }

    /// @dev Alice realizes a loss of 500 dollars; the intruder, as the venue that it is, a gain of 100 for itself.
    function _loseCash() private {
        _setPrice(1950);
        _raise(alice, 0, 0, 10e18);
        _raise(bob, 0, 10e18, 0);
        Order memory maker = _order(bob, true, 10e18, 1950e18);
        Order memory taker = _order(alice, false, 10e18, 1950e18);
        venue.fill(maker, _signOrder(bob, maker), taker, _signOrder(alice, taker), 10e18);
        _pullFills();
        vm.startPrank(address(intruder));
        clearing.raiseLimits(own, 2, 2e18, 1e18);
        vm.stopPrank();
        intruder.say(Kind.FILLS, _fields(1e18, 1e18, 1900e18, 2000e18, 0, 0));
        LocalRecord[] memory records = new LocalRecord[](2);
        records[0] = LocalRecord(Kind.MARKET, address(intruder), 0, 0, address(0));
        records[1] = LocalRecord(Kind.FILLS, address(intruder), own, 0, address(0));
        clearing.pull(records);
    }

    function _waysIn() private view returns (bytes[12] memory) {
        return [
            abi.encodeCall(Clearing.openLine, (own, local, address(intruder))),
            abi.encodeCall(Clearing.release, (own, 0, 1e18)),
            abi.encodeCall(Clearing.count, (own, 0)),
            abi.encodeCall(Clearing.releaseUnopened, (b, hostile, address(intruder))),
            abi.encodeCall(Clearing.raiseLimits, (own, 0, 1e18, 0)),
            abi.encodeCall(Clearing.voidLimits, (own, 2)),
            abi.encodeCall(Clearing.liquidate, (a, own)),
            abi.encodeCall(Clearing.closeVenue, (1)),
            abi.encodeCall(Clearing.settleClosed, (b, 3)),
            abi.encodeCall(Clearing.payFunding, (a)),
            abi.encodeCall(Clearing.putUp, (a)),
            abi.encodeCall(Clearing.buyUnits, (a, 0, 0.01e18, own))
        ];
    }

    /// @dev The intruder's own call out runs its code as a reader; its call back is refused by the guard, though it
    /// succeeds by itself.
    function _assertLocked(bytes memory out) private {
        bytes[12] memory waysIn = _waysIn();
        for (uint256 i; i < waysIn.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(address(intruder));
            (bool success,) = address(clearing).call(waysIn[i]);
            assertTrue(success, string.concat("by itself the call is fine: ", vm.toString(i)));
            vm.revertToState(snapshot);
            intruder.arm(address(clearing), 0, waysIn[i]);
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

    function test_CLR_11_a_vault_that_calls_back_while_units_move_finds_the_clearing_locked() public {
        _assertLocked(abi.encodeCall(Clearing.liquidate, (a, own)));
        _assertLocked(abi.encodeCall(Clearing.buyUnits, (a, 0, 0.01e18, own)));
    }
}
