// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Key, Kind, Record, Records} from "../../src/records/Records.sol";
import {Checkpoint, CommitteeRoots, Rotation} from "../../src/roots/CommitteeRoots.sol";
import {Attestors} from "../Attestors.sol";

contract CommitteeRootsTest is Attestors {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    address private constant EMITTER = address(0xE1);
    uint40 private end;
    CommitteeRoots private roots;

    function setUp() public {
        vm.warp(1_700_000_000);
        end = uint40(block.timestamp + 30 days);
        _makeAttestors(4, 0);
        roots = new CommitteeRoots(signers, 3, end);
    }

    function _checkpoint(uint64 blockNumber) private view returns (Checkpoint memory) {
        return Checkpoint(0, 1, EMITTER, blockNumber, uint64(block.timestamp), "hash", bytes32(uint256(blockNumber)));
    }

    function _submit(Checkpoint memory checkpoint) private {
        roots.submit(checkpoint, signers, _sign(checkpoint, 3));
    }

    function _newest() private view returns (uint64 blockNumber) {
        (blockNumber,) = roots.newest(1, EMITTER);
    }

    function _assertRefused(Checkpoint memory checkpoint, bytes memory signatures, bytes memory error) private {
        vm.expectRevert(error);
        roots.submit(checkpoint, signers, signatures);
        assertEq(_newest(), 0, "a refused root leaves nothing");
    }

    /* COMMITTEE */

    /// @dev A call of its own: a `new` that reverts as expected ends the test that makes it.
    function make(address[] memory signers_, uint8 threshold) external {
        new CommitteeRoots(signers_, threshold, end);
    }

    function test_ROOT_01_a_weak_committee_is_refused() public {
        uint8[2][6] memory weak = [[3, 3], [4, 2], [5, 3], [7, 4], [4, 5], [19, 12]];
        for (uint256 i; i < weak.length; ++i) {
            _makeAttestors(weak[i][0], 0);
            vm.expectRevert(
                abi.encodeWithSelector(CommitteeRoots.WeakCommittee.selector, uint256(weak[i][1]), uint256(weak[i][0]))
            );
            this.make(signers, weak[i][1]);
        }
    }

    function test_ROOT_01_zero_repeated_and_unsorted_signers_are_refused() public {
        address[] memory bad = signers;
        bad[0] = address(0);
        vm.expectRevert(abi.encodeWithSelector(CommitteeRoots.UnsortedSigners.selector, address(0)));
        this.make(bad, 3);
        bad[0] = bad[1];
        vm.expectRevert(abi.encodeWithSelector(CommitteeRoots.UnsortedSigners.selector, bad[1]));
        this.make(bad, 3);
        (bad[0], bad[1]) = (signers[1], signers[0]);
        vm.expectRevert(abi.encodeWithSelector(CommitteeRoots.UnsortedSigners.selector, signers[0]));
        this.make(bad, 3);
    }

    function testFuzz_ROOT_01_the_threshold_is_above_two_thirds(uint8 n, uint8 threshold) public {
        n = uint8(bound(n, 4, 20));
        threshold = uint8(bound(threshold, 0, 25));
        _makeAttestors(n, 0);
        bool isFine = threshold <= n && uint256(threshold) * 3 > 2 * uint256(n);
        if (!isFine) {
            vm.expectRevert(
                abi.encodeWithSelector(CommitteeRoots.WeakCommittee.selector, uint256(threshold), uint256(n))
            );
        }
        new CommitteeRoots(signers, threshold, end);
    }

    /* SIGNATURES */

    function test_ROOT_02_three_of_four_are_enough() public {
        _submit(_checkpoint(1));
        assertEq(_newest(), 1);
    }

    function test_ROOT_02_any_three_in_order_do() public {
        Checkpoint memory checkpoint = _checkpoint(1);
        roots.submit(checkpoint, signers, _signBy(_digestOf(checkpoint), 1, 3));
        assertEq(_newest(), 1);
    }

    function test_ROOT_02_a_forged_signature_is_refused() public {
        Checkpoint memory checkpoint = _checkpoint(1);
        bytes memory signatures = _sign(checkpoint, 3);
        checkpoint.root = "another";
        _assertRefused(checkpoint, signatures, abi.encodeWithSelector(CommitteeRoots.BadSignature.selector, 0));
    }

    function test_ROOT_02_a_stranger_is_refused() public {
        Checkpoint memory checkpoint = _checkpoint(1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(uint256(12345), _digestOf(checkpoint));
        bytes memory signatures = bytes.concat(_sign(checkpoint, 2), r, s, bytes1(v));
        _assertRefused(checkpoint, signatures, abi.encodeWithSelector(CommitteeRoots.BadSignature.selector, 2));
    }

    function test_ROOT_02_too_few_too_many_and_cut_signatures_are_refused() public {
        Checkpoint memory checkpoint = _checkpoint(1);
        bytes memory three = _sign(checkpoint, 3);
        bytes[4] memory wrong = [_sign(checkpoint, 2), _sign(checkpoint, 4), bytes.concat(three, hex"00"), bytes("")];
        for (uint256 i; i < wrong.length; ++i) {
            bytes memory error =
                abi.encodeWithSelector(CommitteeRoots.WrongSignatureCount.selector, wrong[i].length, uint256(3));
            _assertRefused(checkpoint, wrong[i], error);
        }
    }

    function test_ROOT_02_a_duplicated_signature_is_refused() public {
        Checkpoint memory checkpoint = _checkpoint(1);
        bytes memory one = _sign(checkpoint, 1);
        bytes memory signatures = bytes.concat(one, one, _signBy(_digestOf(checkpoint), 1, 1));
        _assertRefused(checkpoint, signatures, abi.encodeWithSelector(CommitteeRoots.BadSignature.selector, 1));
    }

    function test_ROOT_02_unsorted_signatures_are_refused() public {
        Checkpoint memory checkpoint = _checkpoint(1);
        bytes32 digest = _digestOf(checkpoint);
        bytes memory signatures = bytes.concat(_signBy(digest, 1, 1), _signBy(digest, 0, 1), _signBy(digest, 2, 1));
        _assertRefused(checkpoint, signatures, abi.encodeWithSelector(CommitteeRoots.BadSignature.selector, 1));
    }

    function test_ROOT_02_a_high_s_signature_is_refused() public {
        Checkpoint memory checkpoint = _checkpoint(1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], _digestOf(checkpoint));
        bytes memory twisted = bytes.concat(r, bytes32(ORDER - uint256(s)), bytes1(v == 27 ? 28 : 27));
        bytes memory signatures = bytes.concat(twisted, _signBy(_digestOf(checkpoint), 1, 2));
        _assertRefused(checkpoint, signatures, abi.encodeWithSelector(CommitteeRoots.BadSignature.selector, 0));
    }

    function test_ROOT_02_another_list_of_signers_is_refused() public {
        Checkpoint memory checkpoint = _checkpoint(1);
        bytes memory signatures = _sign(checkpoint, 3);
        address[] memory own = signers;
        own[3] = address(type(uint160).max);
        vm.expectRevert(abi.encodeWithSelector(CommitteeRoots.WrongSigners.selector, uint64(0)));
        roots.submit(checkpoint, own, signatures);
    }

    /* EPOCHS */

    function test_ROOT_03_a_statement_of_an_epoch_that_is_not_there_is_refused() public {
        Checkpoint memory checkpoint = _checkpoint(1);
        checkpoint.epoch = 1;
        bytes memory error = abi.encodeWithSelector(CommitteeRoots.EpochOver.selector, uint64(1), uint40(0));
        _assertRefused(checkpoint, _sign(checkpoint, 3), error);
    }

    function test_ROOT_03_after_its_end_an_epoch_speaks_of_earlier_times_only_and_only_for_a_grace() public {
        vm.warp(end + 10);
        Checkpoint memory checkpoint = _checkpoint(1);
        bytes memory error = abi.encodeWithSelector(CommitteeRoots.EpochOver.selector, uint64(0), end);
        _assertRefused(checkpoint, _sign(checkpoint, 3), error);
        checkpoint.timestamp = end - 1;
        uint256 snapshot = vm.snapshotState();
        _submit(checkpoint);
        assertEq(_newest(), 1);
        vm.revertToState(snapshot);
        vm.warp(uint256(end) + roots.GRACE());
        _assertRefused(checkpoint, _sign(checkpoint, 3), error);
    }

    function test_ROOT_04_a_rotation_hands_over() public {
        Rotation memory rotation = _rotation(1);
        roots.rotate(rotation, signers, _sign(rotation, roots.committee(), 3));
        (, uint40 endOfFirst,) = roots.epochs(0);
        assertEq(endOfFirst, rotation.start, "the epoch before ends where the next one starts");
        Checkpoint memory checkpoint = _checkpoint(1);
        bytes memory old = _sign(checkpoint, 3);
        vm.expectRevert(abi.encodeWithSelector(CommitteeRoots.EpochOver.selector, uint64(0), rotation.start));
        roots.submit(checkpoint, signers, old);
        _makeAttestors(5, 1);
        checkpoint.epoch = 1;
        roots.submit(checkpoint, signers, _sign(checkpoint, 4));
        assertEq(_newest(), 1);
    }

    function test_ROOT_04_a_rotation_needs_the_quorum_the_committee_and_its_turn() public {
        Rotation memory rotation = _rotation(1);
        bytes32 committee = roots.committee();
        bytes memory signatures = _sign(rotation, committee, 2);
        vm.expectRevert(
            abi.encodeWithSelector(CommitteeRoots.WrongSignatureCount.selector, signatures.length, uint256(3))
        );
        roots.rotate(rotation, signers, signatures);
        signatures = _sign(rotation, "another committee", 3);
        vm.expectRevert(abi.encodeWithSelector(CommitteeRoots.BadSignature.selector, 0));
        roots.rotate(rotation, signers, signatures);
        rotation.epoch = 2;
        signatures = _sign(rotation, committee, 3);
        vm.expectRevert(
            abi.encodeWithSelector(CommitteeRoots.WrongRotation.selector, uint64(2), rotation.start, rotation.end)
        );
        roots.rotate(rotation, signers, signatures);
    }

    /// @dev An outage of this chain over the end leaves a committee; and the one that is over says nothing but who it is.
    function test_ROOT_04_an_epoch_that_is_over_still_names_the_next_and_says_nothing_else() public {
        vm.warp(uint256(end) + roots.SUCCESSION() - 1);
        Rotation memory rotation = _rotation(1);
        roots.rotate(rotation, signers, _sign(rotation, roots.committee(), 3));
        (, uint40 endOfFirst,) = roots.epochs(0);
        assertEq(endOfFirst, end, "it is not longer for it");
        Checkpoint memory checkpoint = _checkpoint(1);
        for (uint256 i; i < 3; ++i) {
            checkpoint.timestamp = [end - 1, end, uint64(block.timestamp - 1)][i];
            bytes memory error = abi.encodeWithSelector(CommitteeRoots.EpochOver.selector, uint64(0), end);
            _assertRefused(checkpoint, _sign(checkpoint, 3), error);
        }
        // The next one speaks of all times, also of those in between.
        _makeAttestors(5, 1);
        (checkpoint.epoch, checkpoint.timestamp) = (1, end);
        roots.submit(checkpoint, signers, _sign(checkpoint, 4));
        assertEq(_newest(), 1);
    }

    function test_ROOT_04_an_epoch_that_has_been_over_for_thirty_days_cannot_rotate() public {
        vm.warp(uint256(end) + roots.SUCCESSION());
        Rotation memory rotation = _rotation(1);
        _assertNotRotated(rotation, rotation.start, rotation.end);
    }

    /// @dev Who has once been succeeded names nobody any more, however short a time ago.
    function test_ROOT_04_an_epoch_is_succeeded_once() public {
        Rotation memory rotation = _rotation(1);
        roots.rotate(rotation, signers, _sign(rotation, roots.committee(), 3));
        bytes memory signatures = _sign(rotation, roots.committee(), 3);
        vm.expectPartialRevert(CommitteeRoots.WrongRotation.selector);
        roots.rotate(rotation, signers, signatures);
        rotation.epoch = 2;
        signatures = _sign(rotation, roots.committee(), 3);
        vm.expectRevert(abi.encodeWithSelector(CommitteeRoots.WrongSigners.selector, uint64(1)));
        roots.rotate(rotation, signers, signatures);
    }

    function test_ROOT_04_a_rotation_that_starts_later_or_has_ended_is_refused() public {
        Rotation memory rotation = _rotation(1);
        uint40 now_ = uint40(block.timestamp);
        _assertNotRotated(rotation, now_ + 1, rotation.end);
        _assertNotRotated(rotation, now_, now_);
        (rotation.start, rotation.end) = (now_, now_ + 1);
        roots.rotate(rotation, signers, _sign(rotation, roots.committee(), 3));
        assertEq(roots.currentEpoch(), 1);
    }

    function _assertNotRotated(Rotation memory rotation, uint40 start, uint40 end_) private {
        (rotation.start, rotation.end) = (start, end_);
        bytes memory signatures = _sign(rotation, roots.committee(), 3);
        vm.expectRevert(abi.encodeWithSelector(CommitteeRoots.WrongRotation.selector, uint64(1), start, end_));
        roots.rotate(rotation, signers, signatures);
    }

    function _rotation(uint64 epoch) private returns (Rotation memory rotation) {
        uint256[] memory oldKeys = keys;
        address[] memory old = signers;
        _makeAttestors(5, 1);
        rotation = Rotation(epoch, uint40(block.timestamp), uint40(block.timestamp + 60 days), 4, signers);
        (keys, signers) = (oldKeys, old);
    }

    /* ORDER AND TIME */

    function test_ROOT_05_an_older_block_is_refused_and_the_same_is_a_no_op() public {
        _submit(_checkpoint(5));
        Checkpoint memory older = _checkpoint(4);
        bytes memory signatures = _sign(older, 3);
        vm.expectRevert(abi.encodeWithSelector(CommitteeRoots.RootTooOld.selector, uint64(4), uint64(5)));
        roots.submit(older, signers, signatures);
        _submit(_checkpoint(5));
        assertEq(_newest(), 5);
        assertEq(roots.nextPosition(1, EMITTER), 1, "the same root takes no second place");
        assertFalse(roots.ended(1, EMITTER));
    }

    function test_ROOT_06_a_timestamp_in_the_future_is_refused() public {
        Checkpoint memory checkpoint = _checkpoint(1);
        checkpoint.timestamp = uint64(block.timestamp + 61);
        bytes memory error =
            abi.encodeWithSelector(CommitteeRoots.RootFromTheFuture.selector, checkpoint.timestamp, block.timestamp);
        _assertRefused(checkpoint, _sign(checkpoint, 3), error);
        checkpoint.timestamp = uint64(block.timestamp + 60);
        _submit(checkpoint);
    }

    function test_ROOT_09_a_falling_timestamp_is_refused() public {
        _submit(_checkpoint(1));
        Checkpoint memory checkpoint = _checkpoint(2);
        checkpoint.timestamp -= 1;
        bytes memory signatures = _sign(checkpoint, 3);
        vm.expectRevert(
            abi.encodeWithSelector(
                CommitteeRoots.TimestampFell.selector, checkpoint.timestamp, checkpoint.timestamp + 1
            )
        );
        roots.submit(checkpoint, signers, signatures);
    }

    /* CONTRADICTION */

    function test_ROOT_07_a_second_root_for_a_block_ends_the_emitter() public {
        _submit(_checkpoint(1));
        Checkpoint memory other = _checkpoint(1);
        other.root = "other";
        _submit(other);
        assertTrue(roots.ended(1, EMITTER));
        Checkpoint memory later = _checkpoint(2);
        bytes memory signatures = _sign(later, 3);
        vm.expectRevert(abi.encodeWithSelector(CommitteeRoots.EmitterEnded.selector, uint256(1), EMITTER));
        roots.submit(later, signers, signatures);
    }

    function test_ROOT_07_a_second_root_without_signatures_ends_nothing() public {
        _submit(_checkpoint(1));
        Checkpoint memory other = _checkpoint(1);
        bytes memory signatures = _sign(other, 3);
        other.root = "other";
        vm.expectRevert(abi.encodeWithSelector(CommitteeRoots.BadSignature.selector, 0));
        roots.submit(other, signers, signatures);
        assertFalse(roots.ended(1, EMITTER));
    }

    function test_ROOT_07_anyone_may_show_two_stories_of_a_past_block() public {
        _submit(_checkpoint(1));
        _submit(_checkpoint(2));
        Checkpoint memory one = _checkpoint(1);
        Checkpoint memory other = _checkpoint(1);
        other.blockHash = "fork";
        roots.showContradiction(one, signers, _sign(one, 3), other, signers, _sign(other, 3));
        assertTrue(roots.ended(1, EMITTER));
    }

    function test_ROOT_07_one_story_told_twice_is_no_contradiction() public {
        Checkpoint memory one = _checkpoint(1);
        bytes memory signatures = _sign(one, 3);
        vm.expectRevert(CommitteeRoots.NoContradiction.selector);
        roots.showContradiction(one, signers, signatures, one, signers, signatures);
    }

    /* PROOFS */

    function test_ROOT_08_the_newest_32_roots_stay_provable() public {
        (Key memory key, uint128[6] memory fields, bytes32 root) = _single();
        for (uint64 i = 1; i <= 33; ++i) {
            Checkpoint memory checkpoint = _checkpoint(i);
            checkpoint.root = root;
            _submit(checkpoint);
        }
        for (uint64 i = 2; i <= 33; ++i) {
            (uint64 blockNumber,) = roots.prove(key, fields, _proof((i - 1) % 32, i, root));
            assertEq(blockNumber, i);
        }
        bytes memory evicted = _proof(0, 1, root);
        vm.expectRevert(CommitteeRoots.UnknownRoot.selector);
        roots.prove(key, fields, evicted);
    }

    function test_REC_21_a_record_of_another_root_does_not_prove() public {
        (Key memory key, uint128[6] memory fields, bytes32 root) = _single();
        Checkpoint memory checkpoint = _checkpoint(1);
        checkpoint.root = "other";
        _submit(checkpoint);
        vm.expectRevert(CommitteeRoots.UnknownRoot.selector);
        roots.prove(key, fields, _proof(0, 1, root));
        vm.expectRevert(CommitteeRoots.NotProven.selector);
        roots.prove(key, fields, _proof(0, 1, "other"));
    }

    function test_REC_22_other_fields_and_each_other_part_of_the_key_do_not_prove() public {
        (Key memory key, uint128[6] memory fields, bytes32 root) = _single();
        Checkpoint memory checkpoint = _checkpoint(1);
        checkpoint.root = root;
        _submit(checkpoint);
        roots.prove(key, fields, _proof(0, 1, root));
        fields[0] += 1;
        vm.expectRevert(CommitteeRoots.NotProven.selector);
        roots.prove(key, fields, _proof(0, 1, root));
        fields[0] -= 1;
        for (uint256 part; part < 6; ++part) {
            Key memory other = _changed(key, part);
            vm.expectRevert(CommitteeRoots.NotProven.selector);
            roots.prove(other, fields, _proof(0, 1, root));
        }
        key.writer = address(0xE2);
        vm.expectRevert(CommitteeRoots.UnknownRoot.selector);
        roots.prove(key, fields, _proof(0, 1, root));
    }

    function _changed(Key memory key, uint256 part) private pure returns (Key memory other) {
        other =
            Key(key.kind, key.writerChain, key.writer, key.readerChain, key.reader, key.account, key.item, key.holder);
        if (part == 0) other.kind = Kind.LEDGER;
        if (part == 1) other.readerChain += 1;
        if (part == 2) other.reader = address(1);
        if (part == 3) other.account = "other";
        if (part == 4) other.item = "other";
        if (part == 5) other.holder = address(1);
    }

    /// @dev A tree of one record is that record's leaf.
    function _single() private pure returns (Key memory key, uint128[6] memory fields, bytes32 root) {
        key = Key(Kind.GRANT, 1, EMITTER, 2, address(0xD1), "account", "item", address(0xF1));
        fields[0] = 7;
        root = Records.leafOf(Records.hashOf(key), fields);
    }

    function _proof(uint64 position, uint64 blockNumber, bytes32 root) private view returns (bytes memory) {
        return abi.encode(uint8(position), blockNumber, uint64(block.timestamp), root, new bytes32[](0));
    }
}
