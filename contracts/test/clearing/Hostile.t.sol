// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Outstanding} from "../../src/clearing/Ledger.sol";
import {Limits} from "../../src/clearing/Limits.sol";
import {Key, Kind, LocalRecord} from "../../src/records/Records.sol";
import {RecordBook} from "../../src/records/RecordBook.sol";
import {Far} from "./Far.sol";

contract Refuser {
    fallback() external {
        revert("no");
    }
}

contract Burner {
    fallback() external {
        assembly {
            invalid()
        }
    }
}

/// @dev Answers, or refuses, with as many zeros as it can pay for.
contract Shouter {
    bool private immutable _refuses;

    constructor(bool refuses) {
        _refuses = refuses;
    }

    fallback() external {
        uint256 size = gasleft() > 3_000_000 ? 1_000_000 : 100_000;
        bool refuses = _refuses;
        assembly {
            if refuses { revert(0, size) }
            return(0, size)
        }
    }
}

/// @title A venue or a vault on the clearing's chain that turns on those who use it.
contract HostileTest is Far {
    /// @dev Alice is below maintenance, with limits left at a venue that from now on is something else.
    function _assertLiquidatable(address hostile) private {
        _trade(400e18, 2000e18);
        _raise(alice, 0, 10e18, 0);
        _setPrice(1700);
        vm.etch(address(venue), hostile.code);
        vm.prank(keeper.addr);
        clearing.liquidate{gas: 5_000_000}(a, k);
        assertGt(_size(k, 0), 0);
        (, Outstanding memory left) = clearing.positionOf(a, 0);
        assertEq(left.buy, 10e18, "charged until it is shown forfeited");
        uint128[6] memory limits = clearing.writtenOf(_limitKey());
        assertEq(limits[2], limits[0], "void, whoever does not want to hear it");
    }

    function _limitKey() private view returns (Key memory) {
        return Key(Kind.LIMIT, block.chainid, address(clearing), block.chainid, address(venue), a, 0, address(0));
    }

    function test_CLR_12_a_local_venue_that_refuses_every_call_keeps_nobody_from_being_liquidated() public {
        _assertLiquidatable(address(new Refuser()));
    }

    function test_CLR_12_a_local_venue_that_burns_all_gas_keeps_nobody_from_being_liquidated() public {
        _assertLiquidatable(address(new Burner()));
    }

    function test_CLR_12_a_local_venue_that_answers_at_length_keeps_nobody_from_being_liquidated() public {
        _assertLiquidatable(address(new Shouter(false)));
    }

    function test_CLR_12_a_local_venue_that_refuses_at_length_keeps_nobody_from_being_liquidated() public {
        _assertLiquidatable(address(new Shouter(true)));
    }

    function test_CLR_12_a_venue_that_missed_a_void_pulls_it_later() public {
        _trade(400e18, 2000e18);
        _raise(alice, 0, 10e18, 0);
        _setPrice(1700);
        bytes memory code = address(venue).code;
        vm.etch(address(venue), address(new Refuser()).code);
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        vm.etch(address(venue), code);
        LocalRecord[] memory records = new LocalRecord[](1);
        records[0] = LocalRecord(Kind.LIMIT, address(clearing), a, 0, address(0));
        venue.pull(records);
        _pullFills();
        (, Outstanding memory left) = clearing.positionOf(a, 0);
        assertEq(left.buy, 0);
    }

    /// @dev Alice is below maintenance, with all she has at a vault that from now on is something else.
    function _assertMoves(address hostile) private {
        _trade(400e18, 2000e18);
        _setPrice(1700);
        bytes memory code = address(vault).code;
        vm.etch(address(vault), hostile.code);
        uint256 taken = _units(k, 0);
        vm.prank(keeper.addr);
        clearing.liquidate{gas: 5_000_000}(a, k);
        taken = _units(k, 0) - taken;
        assertGt(taken, 0);
        vm.etch(address(vault), code);
        LocalRecord[] memory records = new LocalRecord[](2);
        bytes32 item = bytes32(uint256(uint160(address(weth))));
        records[0] = LocalRecord(Kind.LEDGER, address(clearing), a, item, alice.addr);
        records[1] = LocalRecord(Kind.LEDGER, address(clearing), k, item, keeper.addr);
        vault.pull(records);
        (uint128[6] memory lost,,) = vault.learnedOf(_ledgerKey(a, alice.addr));
        (uint128[6] memory gained,,) = vault.learnedOf(_ledgerKey(k, keeper.addr));
        assertEq(lost[2], taken);
        assertEq(gained[1], taken);
    }

    function _ledgerKey(bytes32 account, address holder) private view returns (Key memory) {
        bytes32 item = bytes32(uint256(uint160(address(weth))));
        return Key(Kind.LEDGER, block.chainid, address(clearing), block.chainid, address(vault), account, item, holder);
    }

    function test_CLR_12_a_local_vault_that_refuses_every_call_keeps_nobody_from_being_liquidated() public {
        _assertMoves(address(new Refuser()));
    }

    function test_CLR_12_a_local_vault_that_burns_all_gas_keeps_nobody_from_being_liquidated() public {
        _assertMoves(address(new Burner()));
    }

    function test_CLR_12_a_local_vault_that_refuses_at_length_keeps_nobody_from_being_liquidated() public {
        _assertMoves(address(new Shouter(true)));
    }

    function test_CLR_04_no_limit_is_given_at_a_venue_that_contradicts_itself_while_it_is_asked() public {
        _trade(10e18, 2000e18);
        _raise(alice, 0, 0, 1e18);
        Key memory key =
            Key(Kind.FILLS, block.chainid, address(venue), block.chainid, address(clearing), a, 0, address(0));
        uint128[6] memory lie = _fields(10e18, 2e18, 20_000e18, 4_000e18, 0, 0);
        vm.mockCall(address(venue), abi.encodeCall(RecordBook.writtenOf, (key)), abi.encode(lie));
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Limits.VenueEnded.selector, block.chainid, address(venue)));
        clearing.raiseLimits(a, 0, 0, 1e18);
    }
}
