// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";
import {Books} from "../../src/records/Books.sol";
import {Claims} from "../../src/records/Claims.sol";
import {Key, Kind, Outcome, Record, Records} from "../../src/records/Records.sol";
import {RecordBook} from "../../src/records/RecordBook.sol";
import {CommitteeRoots} from "../../src/roots/CommitteeRoots.sol";
import {World} from "../World.sol";

contract RecordBookTest is World {
    function _granted() private view returns (uint128[6] memory fields, uint64 blockNumber, uint64 asOf) {
        return clearing.learnedOf(_keyAt(_grantOf(a, alice.addr, 0), address(clearing)));
    }

    function test_REC_01_a_record_for_another_reader_chain_or_contract_does_not_prove() public {
        Record memory record = _grantOf(a, alice.addr, 5e6);
        bytes memory proof = _attest(record, address(vault));
        _assertNotLearned(record, proof, abi.encodeWithSelector(CommitteeRoots.NotProven.selector));
        proof = _attest(record, address(clearing));
        vm.chainId(77);
        _assertNotLearned(record, proof, abi.encodeWithSelector(CommitteeRoots.NotProven.selector));
        vm.chainId(31_337);
        assertEq(uint8(_learnWith(record, proof)), uint8(Outcome.TAKEN));
    }

    function test_REC_01_a_record_of_another_account_item_or_holder_does_not_prove() public {
        Record memory record = _grantOf(a, alice.addr, 5e6);
        bytes memory proof = _attest(record, address(clearing));
        record.account = b;
        _assertNotLearned(record, proof, abi.encodeWithSelector(CommitteeRoots.NotProven.selector));
        record = _grantOf(a, bob.addr, 5e6);
        _assertNotLearned(record, proof, abi.encodeWithSelector(CommitteeRoots.NotProven.selector));
        record = _grantOf(a, alice.addr, 5e6);
        record.item = "other";
        _assertNotLearned(record, proof, abi.encodeWithSelector(CommitteeRoots.NotProven.selector));
    }

    function test_REC_03_replaying_the_events_gives_the_digest() public {
        vm.recordLogs();
        _fund(alice, 10e18);
        _fund(bob, 10e18);
        _fund(alice, 1e18);
        bytes32 digest;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 writes;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter != address(vault) || logs[i].topics[0] != Books.Recorded.selector) continue;
            (uint256 readerChain, bytes32 item, address holder, uint128[6] memory fields, bytes32 said) =
                abi.decode(logs[i].data, (uint256, bytes32, address, uint128[6], bytes32));
            address reader = address(uint160(uint256(logs[i].topics[2])));
            Key memory key = Key(
                Kind(uint8(uint256(logs[i].topics[1]))),
                block.chainid,
                address(vault),
                readerChain,
                reader,
                logs[i].topics[3],
                item,
                holder
            );
            digest = Records.step(digest, Records.hashOf(key), fields);
            assertEq(digest, said);
            ++writes;
        }
        assertEq(writes, 3);
        assertEq(digest, vault.digest());
    }

    function test_REC_04_a_field_beyond_128_bits_is_refused() public {
        Record memory record = _grantOf(a, alice.addr, 1);
        bytes memory proof = _attest(record, address(clearing));
        (Record[] memory records, bytes[] memory proofs) = (new Record[](1), new bytes[](1));
        (records[0], proofs[0]) = (record, proof);
        bytes memory call = abi.encodeCall(RecordBook.learn, (records, proofs));
        // The record's first field is its seventh word: after the selector, two offsets, a length and six parts.
        uint256 place = 4 + 32 * (2 + 1 + 6);
        assertEq(uint8(call[place + 31]), 1);
        call[place + 15] = 0x01;
        (bool success,) = address(clearing).call(call);
        assertFalse(success);
    }

    function test_REC_04_a_field_that_the_kind_does_not_use_is_refused() public {
        Record memory record = _grantOf(a, alice.addr, 1);
        record.fields[3] = 1;
        bytes memory proof = _attest(record, address(clearing));
        _assertNotLearned(record, proof, abi.encodeWithSelector(RecordBook.UnusedField.selector, Kind.GRANT, 3));
    }

    function test_REC_11_a_stale_record_is_a_no_op() public {
        Record memory older = _grantOf(a, alice.addr, 5e6);
        bytes memory oldProof = _attest(older, address(clearing));
        vm.warp(block.timestamp + 100);
        assertEq(uint8(_learn(_grantOf(a, alice.addr, 8e6))), uint8(Outcome.TAKEN));
        bytes32 before = _state();
        assertEq(uint8(_learnWith(older, oldProof)), uint8(Outcome.STALE));
        (uint128[6] memory fields, uint64 blockNumber, uint64 asOf) = _granted();
        assertEq(fields[0], 8e6);
        assertEq(blockNumber, remoteBlock);
        assertEq(asOf, block.timestamp);
        assertEq(_state(), before);
        assertFalse(clearing.ended(REMOTE, REMOTE_VAULT));
    }

    function test_REC_12_the_same_record_again_only_refreshes_its_age() public {
        Record memory record = _grantOf(a, alice.addr, 5e6);
        _learn(record);
        vm.warp(block.timestamp + 100);
        assertEq(uint8(_learn(record)), uint8(Outcome.TAKEN));
        (uint128[6] memory fields,, uint64 asOf) = _granted();
        assertEq(fields[0], 5e6);
        assertEq(asOf, block.timestamp);
    }

    function test_REC_13_one_field_up_and_one_down_ends_the_writer() public {
        _raise2(10e18, 10e18);
        _learn(_fillsOf(a, _fields(0, 0, 0, 0, 5e18, 5e18)));
        assertEq(uint8(_learn(_fillsOf(a, _fields(0, 0, 0, 0, 6e18, 4e18)))), uint8(Outcome.CONTRADICTION));
        assertTrue(clearing.ended(REMOTE, REMOTE_VENUE));
        Record memory later = _fillsOf(a, _fields(0, 0, 0, 0, 6e18, 5e18));
        bytes memory proof = _attest(later, address(clearing));
        _assertNotLearned(later, proof, abi.encodeWithSelector(RecordBook.PeerEnded.selector, REMOTE, REMOTE_VENUE));
        assertFalse(clearing.ended(REMOTE, REMOTE_VAULT), "the other writers go on");
    }

    function _raise2(uint112 buy, uint112 sell) private {
        _fund(alice, 100e18);
        _raise(alice, 1, buy, sell);
    }

    function test_REC_13_a_smaller_field_under_a_newer_root_ends_the_writer() public {
        _learn(_grantOf(a, alice.addr, 8e6));
        assertEq(uint8(_learn(_grantOf(a, alice.addr, 7e6))), uint8(Outcome.CONTRADICTION));
        (uint128[6] memory fields,,) = _granted();
        assertEq(fields[0], 8e6, "what was learned stays");
    }

    function test_REC_14_only_the_writer_pushes_and_a_local_writer_is_never_proven() public {
        Record memory record = _grantOf(a, alice.addr, 5e6);
        vm.expectRevert(abi.encodeWithSelector(RecordBook.NotTheWriter.selector, address(this), REMOTE_VAULT));
        clearing.push(record);
        vm.prank(REMOTE_VAULT);
        vm.expectRevert(abi.encodeWithSelector(RecordBook.NotTheWriter.selector, REMOTE_VAULT, REMOTE_VAULT));
        clearing.push(record);
        (record.writerChain, record.writer) = (block.chainid, address(vault));
        _assertNotLearned(record, "", abi.encodeWithSelector(RecordBook.PeerIsLocal.selector, address(vault)));
        _fund(alice, 10e18);
        assertEq(_units(a, 0), 10e18, "the vault's own push is taken in the deposit's transaction");
    }

    function test_REC_15_a_record_of_a_stranger_is_refused() public {
        Record memory record = _grantOf(a, alice.addr, 5e6);
        record.writer = address(0xA2);
        bytes memory proof = _attest(record, address(clearing));
        _assertNotLearned(
            record, proof, abi.encodeWithSelector(RecordBook.UnknownPeer.selector, Kind.GRANT, REMOTE, address(0xA2))
        );
        record = _fillsOf(a, _fields(1, 0, 1, 0, 0, 0));
        record.writer = REMOTE_VAULT;
        proof = _attest(record, address(clearing));
        _assertNotLearned(
            record, proof, abi.encodeWithSelector(RecordBook.UnknownPeer.selector, Kind.FILLS, REMOTE, REMOTE_VAULT)
        );
    }

    function test_REC_16_hearing_is_written_once_a_heartbeat() public {
        _attest(_grantOf(a, alice.addr, 1), address(clearing));
        uint64 first = uint64(block.timestamp);
        clearing.hear(REMOTE, REMOTE_VAULT);
        vm.warp(block.timestamp + 9);
        _attest(_grantOf(a, alice.addr, 1), address(clearing));
        vm.expectRevert(abi.encodeWithSelector(RecordBook.NothingNewHeard.selector, first, first + 9));
        clearing.hear(REMOTE, REMOTE_VAULT);
        vm.warp(block.timestamp + 1);
        _attest(_grantOf(a, alice.addr, 1), address(clearing));
        clearing.hear(REMOTE, REMOTE_VAULT);
        Key memory key = Key(Kind.HEARD, block.chainid, address(clearing), REMOTE, REMOTE_VAULT, 0, 0, address(0));
        assertEq(clearing.writtenOf(key)[0], block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(RecordBook.UnknownPeer.selector, Kind.HEARD, REMOTE, address(9)));
        clearing.hear(REMOTE, address(9));
    }

    function test_REC_17_a_peer_that_contradicted_itself_is_not_heard() public {
        _learn(_grantOf(a, alice.addr, 8e6));
        _learn(_grantOf(a, alice.addr, 7e6));
        vm.expectRevert(abi.encodeWithSelector(RecordBook.PeerEnded.selector, REMOTE, REMOTE_VAULT));
        clearing.hear(REMOTE, REMOTE_VAULT);
    }

    function test_REC_22_a_path_longer_than_a_key_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(Claims.PathTooLong.selector, 257));
        this.rootOf(new bytes32[](257));
    }

    function rootOf(bytes32[] calldata siblings) external pure returns (bytes32) {
        return Claims.rootOf(0, 0, siblings);
    }

    function test_REC_02_a_node_hashes_its_two_children_behind_a_one() public pure {
        assertEq(
            Claims.nodeOf("left", "right"), keccak256(abi.encodePacked(hex"01", bytes32("left"), bytes32("right")))
        );
    }
}
