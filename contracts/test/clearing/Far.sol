// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";
import {Position} from "../../src/clearing/Ledger.sol";
import {Key, Kind, Outcome, Record, Records} from "../../src/records/Records.sol";
import {Checkpoint} from "../../src/roots/CommitteeRoots.sol";
import {Order} from "../../src/venue/Orders.sol";
import {Tree} from "../Tree.sol";
import {World} from "../World.sol";

/// @title A world in which Alice and Bob trade at the remote venue, whose checkpoints hold several records.
abstract contract Far is World {
    uint256 internal constant DEAD_AGE = 1 hours;
    uint256 internal constant GRACE = 1 days;

    function setUp() public virtual override {
        super.setUp();
        _fund(alice, 100e18);
        _fund(bob, 100e18);
        _fund(keeper, 100e18);
    }

    /// @dev Alice buys of Bob at the remote venue; both records and the market's are learned from one checkpoint.
    function _tradeFar(uint112 size, uint128 notional) internal {
        _raise(alice, 1, size, 0);
        _raise(bob, 1, 0, size);
        Record[] memory records = new Record[](3);
        records[0] = _marketRecord();
        records[1] = _fillsOf(a, _fields(size, 0, notional, 0, 0, 0));
        records[2] = _fillsOf(b, _fields(0, size, 0, notional, 0, 0));
        _learnAll(records);
    }

    function _marketRecord() internal view returns (Record memory) {
        return Record(Kind.MARKET, REMOTE, REMOTE_VENUE, 0, 0, address(0), remoteFunding);
    }

    /// @dev All of them in the venue's next checkpoint.
    function _attestAll(Record[] memory records) internal returns (bytes[] memory proofs) {
        uint256 count = records.length;
        (bytes32[] memory hashes, bytes32[] memory leaves) = (new bytes32[](count), new bytes32[](count));
        for (uint256 i; i < count; ++i) {
            hashes[i] = Records.hashOf(_keyAt(records[i], address(clearing)));
            leaves[i] = Records.leafOf(hashes[i], records[i].fields);
        }
        bytes32 root = Tree.rootOf(hashes, leaves);
        uint64 time = uint64(block.timestamp);
        Checkpoint memory checkpoint =
            Checkpoint(0, records[0].writerChain, records[0].writer, ++remoteBlock, time, "hash", root);
        uint8 position = uint8(roots.nextPosition(checkpoint.chainId, checkpoint.emitter));
        roots.submit(checkpoint, signers, _sign(checkpoint, 3));
        proofs = new bytes[](count);
        for (uint256 i; i < count; ++i) {
            proofs[i] = abi.encode(position, remoteBlock, time, root, Tree.siblingsOf(hashes, leaves, hashes[i]));
        }
    }

    function _learnAll(Record[] memory records) internal returns (Outcome[] memory) {
        return clearing.learn(records, _attestAll(records));
    }

    /// @dev The remote market's index as it is now: longs have paid that much a unit, shorts nothing.
    function _fundFar(uint128 byLongs) internal returns (Outcome) {
        remoteFunding = _fields(byLongs, 0, uint128(block.timestamp), 0, 0, 0);
        return _learnMarket();
    }

    function _cash(bytes32 account) internal view returns (int256) {
        return clearing.accountOf(account).cash;
    }

    function _house() internal view returns (int256) {
        return _cash(bytes32(bytes20(address(clearing))));
    }

    /// @dev Cash and quotes of the three and the house, which are nothing together.
    function _allMoney() internal view returns (int256 total) {
        bytes32[3] memory all = [a, b, k];
        total = _house();
        for (uint256 i; i < 3; ++i) {
            for (uint256 m; m < 2; ++m) {
                (Position memory position,) = clearing.positionOf(all[i], m);
                total += position.quote;
            }
            total += _cash(all[i]);
        }
    }

    /// @dev Alice gains, Bob loses that many dollars in cash: she buys 10 of him at the local venue, and sells them again.
    function _win(uint96 dollars) internal {
        _pay(bob, alice, dollars);
    }

    function _pay(Vm.Wallet memory loser, Vm.Wallet memory winner, uint96 dollars) internal {
        _setPrice(2000);
        _pass(loser, winner, 2000e18);
        _setPrice(int64(uint64(2000 + dollars / 10)));
        _pass(winner, loser, 2000e18 + dollars * 1e18 / 10);
    }

    function _pass(Vm.Wallet memory seller, Vm.Wallet memory buyer, uint96 price) private {
        _raise(seller, 0, 0, 10e18);
        _raise(buyer, 0, 10e18, 0);
        Order memory maker = _order(seller, false, 10e18, price);
        Order memory taker = _order(buyer, true, 10e18, price);
        venue.fill(maker, _signOrder(seller, maker), taker, _signOrder(buyer, taker), 10e18);
        _pullFills();
    }
}
