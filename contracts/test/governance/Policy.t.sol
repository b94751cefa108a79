// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Breakers} from "../../src/clearing/Breakers.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {ListingTerms, ParameterBlob} from "../../src/clearing/Parameters.sol";
import {Peers} from "../../src/clearing/Peers.sol";
import {Listing} from "../../src/clearing/Ledger.sol";
import {Bound, Bounds} from "../../src/governance/Bounds.sol";
import {Caps} from "../../src/governance/Caps.sol";
import {Policy} from "../../src/governance/Policy.sol";
import {Outcome, Record, Kind} from "../../src/records/Records.sol";
import {Blobs} from "../Blobs.sol";
import {Governed} from "./Governed.sol";

/// @title What a policy lets its owner, a steward and guardians do.
contract PolicyTest is Governed {
    using ParameterBlob for bytes;

    /// Where the caps of the listings, the markets and the vaults are, in their order.
    uint16[12] private words = [4, 5, 5, 6, 7, 8, 8, 9, 12, 14, 18, 19];
    uint16[12] private shifts = [144, 24, 136, 0, 144, 24, 136, 0, 152, 152, 0, 0];
    uint16[12] private widths = [112, 112, 112, 112, 112, 112, 112, 112, 104, 104, 64, 64];

    function _blob() private view returns (bytes memory blob) {
        (, blob) = clearing.parameters();
    }

    /// @dev The parameters in force with other haircuts of WETH.
    function _with(uint256 initial, uint256 maintenance) private view returns (bytes memory) {
        return Blobs.amended(Blobs.amended(_blob(), WETH, 16, initial, 64), WETH, 80, maintenance, 64);
    }

    function _haircuts() private view returns (uint256 initial, uint256 maintenance) {
        ListingTerms terms = _blob().listing(0);
        return (terms.initialHaircutOf(), terms.maintenanceHaircutOf());
    }

    function _cap(uint256 cap) private view returns (uint256) {
        return _wordOf(_blob(), words[cap]) >> shifts[cap] & (1 << widths[cap]) - 1;
    }

    function _withCap(bytes memory blob, uint256 cap, uint256 value) private view returns (bytes memory) {
        return Blobs.amended(blob, words[cap], shifts[cap], value, widths[cap]);
    }

    function _wordOf(bytes memory blob, uint256 index) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(blob, 32), mul(index, 32)))
        }
    }

    /// @dev The parameters in force without all that a steward may move.
    function _rest() private view returns (bytes32) {
        bytes memory blob = _with(0, 0);
        for (uint256 i; i < words.length; ++i) {
            blob = _withCap(blob, i, 0);
        }
        return keccak256(blob);
    }

    function _post(bytes memory blob) private {
        vm.prank(steward);
        policy.post(blob);
    }

    function _refuse(bytes memory blob, bytes memory error) private {
        vm.prank(steward);
        vm.expectRevert(error);
        policy.post(blob);
    }

    /* THE OWNER */

    function test_POL_01_the_clearing_is_the_policys_and_the_policy_its_owners_alone() public {
        assertEq(clearing.owner(), address(policy));
        bytes memory error = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this));
        vm.expectRevert(error);
        clearing.setParameters(_parameters());
        vm.expectRevert(error);
        clearing.freeze(REMOTE, REMOTE_VAULT, uint64(block.timestamp + 1));
        vm.expectRevert(error);
        policy.execute(abi.encodeCall(clearing.setParameters, (_parameters())));
        vm.expectRevert(error);
        policy.setBounds(_bounds());
        vm.expectRevert(error);
        policy.setSteward(address(this), true);
        vm.expectRevert(error);
        policy.setGuardian(address(this), true);
        _throughPolicy(abi.encodeCall(clearing.addFeed, ("BTC")));
        _throughPolicy(abi.encodeCall(clearing.setParameters, (_with(0.3e18, 0.25e18))));
        (uint256 initial,) = _haircuts();
        assertEq(initial, 0.3e18);
    }

    function test_POL_09_a_steward_tightens_at_once_and_only_the_timelock_loosens_beyond_a_step() public {
        _post(_with(0.22e18, 0.17e18));
        (uint256 initial, uint256 maintenance) = _haircuts();
        assertEq(initial, 0.22e18);
        assertEq(maintenance, 0.17e18);
        bytes memory loose =
            abi.encodeCall(Policy.execute, (abi.encodeCall(clearing.setParameters, (_with(0.15e18, 0.1e18)))));
        vm.warp(block.timestamp + INTERVAL);
        _refuse(_with(0.15e18, 0.1e18), abi.encodeWithSelector(Bounds.StepTooLarge.selector, 0, 0.22e18, 0.15e18));
        timelock.schedule(address(policy), 0, loose, 0, 0, DELAY);
        vm.warp(block.timestamp + DELAY - 1);
        vm.expectRevert();
        timelock.execute(address(policy), 0, loose, 0, 0);
        (initial,) = _haircuts();
        assertEq(initial, 0.22e18);
        vm.warp(block.timestamp + 1);
        timelock.execute(address(policy), 0, loose, 0, 0);
        (initial, maintenance) = _haircuts();
        assertEq(initial, 0.15e18);
        assertEq(maintenance, 0.1e18);
    }

    /* THE STEWARD */

    function test_POL_02_a_steward_moves_nothing_that_no_bound_names() public {
        bytes memory blob = _blob();
        vm.expectRevert(abi.encodeWithSelector(Policy.NotASteward.selector, address(this)));
        policy.post(blob);
        bytes memory error = abi.encodeWithSelector(Bounds.NotBounded.selector);
        for (uint256 word; word < blob.length / 32; ++word) {
            uint256 value = _wordOf(blob, word);
            for (uint256 shift; shift < 256; shift += 8) {
                if (_isMovable(word, shift)) continue;
                _refuse(Blobs.amended(blob, word, shift, (value >> shift ^ 1) & 0xff, 8), error);
            }
        }
        _refuse(bytes.concat(blob, bytes32(0)), error);
        _refuse("", error);
        _governed(address(policy), abi.encodeCall(Policy.setSteward, (steward, false)));
        _refuse(blob, abi.encodeWithSelector(Policy.NotASteward.selector, steward));
    }

    function _isMovable(uint256 word, uint256 shift) private view returns (bool isMovable) {
        isMovable = word == WETH && shift >= 16;
        for (uint256 i; i < words.length; ++i) {
            isMovable = isMovable || (word == words[i] && shift >= shifts[i] && shift < shifts[i] + widths[i]);
        }
    }

    function test_POL_03_by_a_step_at_most_once_an_interval_whoever_posts() public {
        _refuse(
            _with(0.22e18 + 1, 0.15e18), abi.encodeWithSelector(Bounds.StepTooLarge.selector, 0, 0.2e18, 0.22e18 + 1)
        );
        _refuse(
            _with(0.19e18 - 1, 0.15e18), abi.encodeWithSelector(Bounds.StepTooLarge.selector, 0, 0.2e18, 0.19e18 - 1)
        );
        _refuse(
            _with(0.2e18, 0.17e18 + 1), abi.encodeWithSelector(Bounds.StepTooLarge.selector, 1, 0.15e18, 0.17e18 + 1)
        );
        uint256 first = block.timestamp;
        _post(_with(0.19e18, 0.17e18));
        vm.warp(first + INTERVAL - 1);
        _refuse(_blob(), abi.encodeWithSelector(Policy.TooEarly.selector, first + INTERVAL, block.timestamp));
        vm.warp(first + INTERVAL);
        _post(_with(0.21e18, 0.16e18));
    }

    function test_POL_04_within_the_floor_and_the_ceiling() public {
        // From outside: may stay, or come nearer.
        _throughPolicy(abi.encodeCall(clearing.setParameters, (_with(0.1e18, 0.07e18))));
        _refuse(
            _with(0.1e18 - 1, 0.07e18),
            abi.encodeWithSelector(Bounds.OutOfBounds.selector, 0, 0.1e18, 0.1e18 - 1, 0.13e18, 0.6e18)
        );
        _post(_with(0.1e18, 0.07e18 + 1));
        vm.warp(block.timestamp + INTERVAL);
        _post(_with(0.12e18, 0.09e18));
        vm.warp(block.timestamp + INTERVAL);
        _post(_with(0.13e18, 0.08e18));
        vm.warp(block.timestamp + INTERVAL);
        _refuse(
            _with(0.13e18, 0.08e18 - 1),
            abi.encodeWithSelector(Bounds.OutOfBounds.selector, 1, 0.08e18, 0.08e18 - 1, 0.08e18, 0.5e18)
        );
        _throughPolicy(abi.encodeCall(clearing.setParameters, (_with(0.7e18, 0.5e18))));
        _refuse(
            _with(0.7e18 + 1, 0.5e18),
            abi.encodeWithSelector(Bounds.OutOfBounds.selector, 0, 0.7e18, 0.7e18 + 1, 0.13e18, 0.6e18)
        );
        _post(_with(0.69e18, 0.5e18));
    }

    function testFuzz_POL_04_the_floor_is_a_gap_and_the_root_of_the_hours(uint64 gap, uint64 hourly, uint32 horizon)
        public
        pure
    {
        gap = uint64(bound(gap, 0, 1e18));
        hourly = uint64(bound(hourly, 0, 1e18));
        uint256 floor = Bounds.floorOf(Bound(0, 0, 0, 0, 0, gap, hourly, horizon));
        // (floor - gap)^2 is the least of its kind not below hourly^2 * hours, but for what two roundings add.
        uint256 root = floor - gap;
        assertGe(root * root * 3600, uint256(hourly) * hourly * horizon);
        if (root > 3) assertLe((root - 3) * (root - 3) * 3600, uint256(hourly) * hourly * horizon);
    }

    /// @dev A steward that posts whatever it likes, as often as it likes.
    function testFuzz_POL_05_a_malicious_steward_stays_within_the_bounds(
        uint64[12] memory wishes,
        uint16[12] memory waits
    ) public {
        uint256 start = block.timestamp;
        bytes32 rest = _rest();
        (uint256 initial, uint256 maintenance) = _haircuts();
        for (uint256 i; i < 12; ++i) {
            vm.warp(block.timestamp + waits[i]);
            uint256 wish = bound(wishes[i], 0, 0.8e18);
            bytes memory blob = i % 2 == 0 ? _with(wish, maintenance) : _with(initial, wish);
            vm.prank(steward);
            (bool done,) = address(policy).call(abi.encodeCall(Policy.post, (blob)));
            (uint256 one, uint256 two) = _haircuts();
            assertTrue(done || (one == initial && two == maintenance));
            assertLe(one, initial + 0.02e18);
            assertGe(one + 0.01e18, initial);
            (initial, maintenance) = (one, two);
        }
        uint256 steps = 1 + (block.timestamp - start) / INTERVAL;
        assertLe(initial, 0.2e18 + steps * 0.02e18);
        assertGe(initial + steps * 0.01e18, 0.2e18);
        assertGe(initial, 0.13e18);
        assertGe(maintenance, 0.08e18);
        assertEq(_rest(), rest, "and touches nothing else");
    }

    /// @dev Each of the caps at once, from nothing to a little more than is in force, near half more often than not.
    function testFuzz_POL_05_a_malicious_steward_raises_no_cap_and_halves_none_twice_an_interval(
        uint256[12] memory wishes,
        uint16[12] memory waits
    ) public {
        uint256 start = block.timestamp;
        bytes32 rest = _rest();
        (uint256[12] memory first, uint256[12] memory last) = (_caps(), _caps());
        for (uint256 i; i < 12; ++i) {
            vm.warp(block.timestamp + waits[i]);
            bytes memory blob = _blob();
            for (uint256 cap; cap < 12; ++cap) {
                blob = _withCap(blob, cap, _wished(last[cap], uint256(keccak256(abi.encode(wishes[i], cap)))));
            }
            vm.prank(steward);
            (bool done,) = address(policy).call(abi.encodeCall(Policy.post, (blob)));
            uint256[12] memory now_ = _caps();
            for (uint256 cap; cap < 12; ++cap) {
                assertTrue(done || now_[cap] == last[cap]);
                assertLe(now_[cap], last[cap]);
            }
            last = now_;
        }
        uint256 posts = 1 + (block.timestamp - start) / INTERVAL;
        for (uint256 cap; cap < 12; ++cap) {
            assertGe(last[cap], first[cap] >> posts);
        }
        assertEq(_rest(), rest, "and touches nothing else");
    }

    function _caps() private view returns (uint256[12] memory caps) {
        for (uint256 cap; cap < 12; ++cap) {
            caps[cap] = _cap(cap);
        }
    }

    /// @dev Once in 64 anything, else between half and what is in force: so that most posts are taken.
    function _wished(uint256 from, uint256 seed) private pure returns (uint256) {
        uint256 half = from / 2;
        return seed % 64 == 0 ? (seed >> 8) % (from + from / 8 + 1) : half + (seed >> 8) % (from - half + 1);
    }

    /* CAPS */

    function test_POL_09_a_cap_is_cut_at_once_and_raised_by_the_timelock_alone() public {
        _post(_withCap(_blob(), 0, CAP / 2));
        vm.warp(block.timestamp + INTERVAL);
        bytes memory raised = _withCap(_blob(), 0, CAP);
        _refuse(raised, abi.encodeWithSelector(Caps.CapRaised.selector, WETH, CAP / 2, CAP));
        _throughPolicy(abi.encodeCall(clearing.setParameters, (raised)));
        assertEq(_cap(0), CAP);
    }

    function test_POL_11_every_cap_down_to_its_half_in_one_post() public {
        bytes memory blob = _blob();
        for (uint256 i; i < words.length; ++i) {
            uint256 from = _cap(i);
            _refuse(
                _withCap(_blob(), i, from / 2 - 1),
                abi.encodeWithSelector(Caps.CapCutTooFar.selector, words[i], from, from / 2 - 1)
            );
            blob = _withCap(blob, i, from / 2);
        }
        _post(_withCap(blob, 0, CAP / 2));
        assertEq(_blob(), blob);
    }

    /// @dev Of several faults the first cap is told, then the first bound, then the rest.
    function test_POL_11_the_first_cap_is_told_before_any_bound() public {
        bytes memory blob = Blobs.amended(_with(0.5e18, 0.15e18), 0, 248, 1, 8);
        bytes memory two = _withCap(_withCap(blob, 8, 501e18), 4, 1e15 + 1);
        _refuse(two, abi.encodeWithSelector(Caps.CapRaised.selector, 7, 1e15, 1e15 + 1));
        _refuse(_withCap(blob, 8, 250e18), abi.encodeWithSelector(Bounds.StepTooLarge.selector, 0, 0.2e18, 0.5e18));
        blob = Blobs.amended(_withCap(_blob(), 8, 250e18), 0, 248, 1, 8);
        _refuse(blob, abi.encodeWithSelector(Bounds.NotBounded.selector));
    }

    function test_POL_11_a_bound_over_a_cap_lets_it_rise_no_more() public {
        _throughPolicy(abi.encodeCall(clearing.setParameters, (_withCap(_blob(), 10, 1e18))));
        Bound[] memory bounds = new Bound[](1);
        bounds[0] = Bound(words[10], 0, type(uint64).max, 1e18, 1e18, 0, 0, 0);
        vm.prank(address(timelock));
        policy.setBounds(bounds);
        _refuse(
            _withCap(_blob(), 10, 1e18 + 1), abi.encodeWithSelector(Caps.CapRaised.selector, words[10], 1e18, 1e18 + 1)
        );
        _refuse(
            _withCap(_blob(), 10, 0.4e18), abi.encodeWithSelector(Caps.CapCutTooFar.selector, words[10], 1e18, 0.4e18)
        );
        _post(_withCap(_blob(), 10, 0.5e18));
    }

    function test_POL_12_what_counted_counts_on_and_what_is_new_waits() public {
        _setPrice(2000);
        _hear();
        _fund(alice, 600e18);
        _fund(bob, 10e18);
        _trade(10e18, 2000e18);
        Margin memory before = clearing.marginOf(a);
        bytes memory blob = _blob();
        for (uint256 i; i < words.length; ++i) {
            blob = _withCap(blob, i, _cap(i) / 2);
        }
        _post(blob);
        assertEq(abi.encode(clearing.marginOf(a)), abi.encode(before));
        _fund(alice, 1e18);
        Margin memory later = clearing.marginOf(a);
        assertEq(later.maintenanceMarginBalance, before.maintenanceMarginBalance, "610 of 500 count already");
        assertEq(later.equity, before.equity + 2000e18);
        assertEq(_units(a, 0), 601e18);
    }

    function test_POL_10_posting_the_same_renews_and_a_silent_steward_makes_all_of_it_careful() public {
        bytes memory blob = Blobs.amended(_blob(), 2, 64, 1 hours, 32);
        _throughPolicy(abi.encodeCall(clearing.setParameters, (Blobs.amended(blob, 2, 96, 1 hours, 32))));
        _fund(alice, 10e18);
        vm.warp(block.timestamp + 90 minutes - 1);
        _setPrice(2000);
        assertEq(clearing.marginOf(a).initialMarginBalance, 8_000e18);
        _post(_blob());
        assertEq(clearing.marginOf(a).initialMarginBalance, 16_000e18);
    }

    /* THE BOUNDS */

    function test_POL_06_bounds_are_in_order_and_over_no_others() public {
        Bound[] memory bounds = _bounds();
        (bounds[0], bounds[1]) = (bounds[1], bounds[0]);
        _refuseBounds(bounds, 1);
        bounds = _bounds();
        bounds[1].shift = 79;
        _refuseBounds(bounds, 1);
        bounds[1].shift = 193;
        _refuseBounds(bounds, 1);
        bounds = _bounds();
        bounds[0].ceiling = 0.13e18 - 1;
        _refuseBounds(bounds, 0);
        bounds[0].ceiling = 0.13e18;
        vm.prank(address(timelock));
        policy.setBounds(bounds);
        assertEq(policy.bounds().length, 2);
        assertEq(policy.bounds()[0].ceiling, 0.13e18);
    }

    function _refuseBounds(Bound[] memory bounds, uint256 which) private {
        vm.prank(address(timelock));
        vm.expectRevert(abi.encodeWithSelector(Bounds.BadBound.selector, which));
        policy.setBounds(bounds);
    }

    function test_POL_06_bounds_beyond_the_end_let_nothing_be_posted() public {
        Bound[] memory bounds = _bounds();
        bounds[1].word = 20;
        vm.prank(address(timelock));
        policy.setBounds(bounds);
        _refuse(_blob(), abi.encodeWithSelector(Bounds.NotBounded.selector));
    }

    /// @dev A listing more moves all words behind it, so that the same bounds would name other fields.
    function test_POL_06_bounds_of_another_layout_hold_no_more() public {
        vm.startPrank(address(timelock));
        Listing memory third = Listing(REMOTE, REMOTE_VAULT, address(9));
        policy.execute(abi.encodeCall(clearing.listAsset, (third)));
        bytes memory blob = bytes.concat(
            Blobs.general(3, 1, 2, 2, 2, 0),
            Blobs.listing(0, 18, 0.2e18, 0.15e18, CAP, 0),
            Blobs.listing(1, 6, 0.05e18, 0.03e18, 1e15, 1),
            Blobs.listing(1, 6, 0.05e18, 0.03e18, 1e15, 1)
        );
        bytes memory old = _blob();
        for (uint256 i = 10; i < 20; ++i) {
            bytes32 word;
            assembly ("memory-safe") {
                word := mload(add(add(old, 32), mul(i, 32)))
            }
            blob = bytes.concat(blob, word);
        }
        policy.execute(abi.encodeCall(clearing.setParameters, (blob)));
        vm.stopPrank();
        uint256 layout = uint256(ParameterBlob.layoutOf(blob));
        _refuse(blob, abi.encodeWithSelector(Policy.BoundsOutdated.selector, layout, policy.layout()));
        vm.prank(address(timelock));
        policy.setBounds(_bounds());
        _post(blob);
    }

    /* THE GUARDIANS */

    function _freeze(uint256 guardian) private {
        vm.prank(guardians[guardian]);
        policy.freeze(REMOTE, REMOTE_VAULT);
    }

    function _lift(uint256 guardian) private {
        vm.prank(guardians[guardian]);
        policy.lift(REMOTE, REMOTE_VAULT);
    }

    function _frozenUntil() private view returns (uint64 until) {
        (, until,) = policy.freezes(REMOTE, REMOTE_VAULT);
    }

    function test_POL_07_one_guardian_freezes_for_a_time_and_none_again_before_a_cool_down() public {
        vm.expectRevert(abi.encodeWithSelector(Policy.NotAGuardian.selector, address(this)));
        policy.freeze(REMOTE, REMOTE_VAULT);
        uint256 start = block.timestamp;
        _freeze(0);
        assertEq(_frozenUntil(), start + FREEZE_FOR);
        uint256 earliest = start + FREEZE_FOR + COOL_DOWN;
        for (uint256 i; i < 3; ++i) {
            vm.warp(i == 2 ? earliest - 1 : block.timestamp + FREEZE_FOR);
            vm.prank(guardians[i]);
            vm.expectRevert(abi.encodeWithSelector(Policy.TooEarly.selector, earliest, block.timestamp));
            policy.freeze(REMOTE, REMOTE_VAULT);
        }
        vm.prank(guardians[0]);
        policy.freeze(REMOTE, REMOTE_VENUE);
        vm.warp(earliest);
        _freeze(1);
    }

    function test_POL_07_what_is_over_cannot_be_frozen_nor_revived() public {
        _freeze(0);
        uint128[6] memory fields = _fields(uint128(block.timestamp + 1), 0, 0, 0, 0, 0);
        Record memory lie = Record(Kind.HEARD, REMOTE, REMOTE_VAULT, 0, 0, address(0), fields);
        assertEq(uint8(_learn(lie)), uint8(Outcome.CONTRADICTION));
        vm.warp(block.timestamp + LIFT_DELAY);
        _lift(0);
        _lift(1);
        assertEq(_frozenUntil(), block.timestamp, "what was frozen before can still be lifted");
        vm.expectRevert(abi.encodeWithSelector(Breakers.CannotReset.selector, REMOTE, REMOTE_VAULT));
        clearing.resetBreaker(REMOTE, REMOTE_VAULT);
        vm.warp(block.timestamp + FREEZE_FOR + COOL_DOWN);
        vm.prank(guardians[1]);
        vm.expectRevert(abi.encodeWithSelector(Breakers.PeerIsOver.selector, REMOTE, REMOTE_VAULT));
        policy.freeze(REMOTE, REMOTE_VAULT);
    }

    function test_POL_08_a_quorum_lifts_a_freeze_after_a_delay_and_the_breaker_recovers_by_itself() public {
        vm.prank(guardians[0]);
        vm.expectRevert(abi.encodeWithSelector(Policy.NotFrozen.selector, REMOTE, REMOTE_VAULT));
        policy.lift(REMOTE, REMOTE_VAULT);
        uint256 start = block.timestamp;
        _freeze(0);
        _lift(0);
        _lift(0);
        _lift(1);
        assertEq(_frozenUntil(), start + FREEZE_FOR, "two, but too early");
        vm.warp(start + LIFT_DELAY);
        _lift(1);
        assertEq(_frozenUntil(), block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(Breakers.CannotReset.selector, REMOTE, REMOTE_VAULT));
        clearing.resetBreaker(REMOTE, REMOTE_VAULT);
        vm.warp(block.timestamp + 10 minutes);
        clearing.resetBreaker(REMOTE, REMOTE_VAULT);
        vm.prank(guardians[2]);
        vm.expectPartialRevert(Policy.TooEarly.selector);
        policy.freeze(REMOTE, REMOTE_VAULT);
    }

    function test_POL_08_one_guardian_lifts_nothing_and_one_who_left_has_no_vote() public {
        uint256 start = block.timestamp;
        _freeze(0);
        _lift(0);
        vm.startPrank(address(timelock));
        policy.setGuardian(guardians[0], false);
        vm.stopPrank();
        vm.warp(start + LIFT_DELAY);
        _lift(1);
        _lift(1);
        assertEq(_frozenUntil(), start + FREEZE_FOR, "one of the two votes has gone");
        vm.prank(guardians[0]);
        vm.expectRevert(abi.encodeWithSelector(Policy.NotAGuardian.selector, guardians[0]));
        policy.lift(REMOTE, REMOTE_VAULT);
        vm.prank(address(timelock));
        policy.setGuardian(guardians[0], true);
        _lift(1);
        assertEq(_frozenUntil(), start + FREEZE_FOR, "who comes back is a new guardian");
        _lift(2);
        assertEq(_frozenUntil(), block.timestamp);
    }

    /// @dev What is forged goes home in no second between the two.
    function test_POL_07_the_owner_goes_on_with_a_freeze_before_it_ends() public {
        _learn(_grantOf(a, address(0xF1), 1e12));
        _freeze(0);
        uint64 until = _frozenUntil();
        _throughPolicy(abi.encodeCall(clearing.freeze, (REMOTE, REMOTE_VAULT, type(uint64).max)));
        assertLt(block.timestamp, until);
        vm.warp(until);
        vm.expectPartialRevert(Peers.VaultFrozen.selector);
        clearing.releaseUnopened(a, remote, address(0xF1));
    }

    function test_POL_08_guardians_lift_no_freeze_that_the_owner_made_longer() public {
        _freeze(0);
        _throughPolicy(abi.encodeCall(clearing.freeze, (REMOTE, REMOTE_VAULT, type(uint64).max)));
        bytes memory error = abi.encodeWithSelector(Policy.NotFrozen.selector, REMOTE, REMOTE_VAULT);
        vm.prank(guardians[0]);
        vm.expectRevert(error);
        policy.lift(REMOTE, REMOTE_VAULT);
        // Nor by one more of their own, which is shorter.
        vm.warp(block.timestamp + FREEZE_FOR + COOL_DOWN);
        _freeze(1);
        vm.prank(guardians[0]);
        vm.expectRevert(error);
        policy.lift(REMOTE, REMOTE_VAULT);
        assertEq(clearing.frozenUntil(REMOTE, REMOTE_VAULT), type(uint64).max);
    }

    function test_POL_08_a_vote_on_one_freeze_is_none_on_the_next() public {
        _freeze(0);
        _lift(0);
        vm.warp(block.timestamp + FREEZE_FOR + COOL_DOWN);
        _freeze(2);
        uint64 until = _frozenUntil();
        vm.warp(block.timestamp + LIFT_DELAY);
        _lift(1);
        assertEq(_frozenUntil(), until);
        _lift(0);
        assertEq(_frozenUntil(), block.timestamp);
    }
}
