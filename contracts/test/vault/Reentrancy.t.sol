// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Test} from "forge-std/Test.sol";
import {RecordSource} from "../../src/records/RecordSource.sol";
import {Vault} from "../../src/vault/Vault.sol";
import {CallingToken, Intruder} from "../Intruder.sol";

/// @title Every way out of the vault against every way in, as somebody who has all that the call in needs.
contract VaultReentrancyTest is Test {
    Vault private vault = new Vault(RecordSource(address(0)), 10);
    CallingToken private token = new CallingToken();
    Intruder private clearing = new Intruder();
    address private alice = makeAddr("alice");

    function setUp() public {
        _provide(alice);
    }

    /// @dev Half of it free in the vault, half in the wallet and approved.
    function _provide(address holder) private {
        token.mint(holder, 10e18);
        vm.startPrank(holder);
        token.approve(address(vault), 10e18);
        vault.deposit(address(token), 5e18);
        vm.stopPrank();
    }

    function _deposit() private view returns (bytes memory) {
        return abi.encodeCall(Vault.deposit, (address(token), 1e18));
    }

    function _withdraw(address to) private view returns (bytes memory) {
        return abi.encodeCall(Vault.withdraw, (address(token), 1e18, to));
    }

    function _grant(uint256 chain) private view returns (bytes memory) {
        return abi.encodeCall(Vault.grant, (address(token), 1e18, chain, address(clearing), bytes32("account")));
    }

    function _depositAndGrant(uint256 chain) private view returns (bytes memory) {
        return
            abi.encodeCall(Vault.depositAndGrant, (address(token), 1e18, chain, address(clearing), bytes32("account")));
    }

    function _waysIn(Intruder intruder) private view returns (bytes[4] memory) {
        return [_deposit(), _withdraw(address(intruder)), _grant(1), _depositAndGrant(1)];
    }

    /// @dev Alice calls out; the intruder's call back is refused by the guard, though it succeeds by itself.
    function _assertLocked(Intruder intruder, bytes memory out) private {
        bytes[4] memory waysIn = _waysIn(intruder);
        for (uint256 i; i < waysIn.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(address(intruder));
            (bool success,) = address(vault).call(waysIn[i]);
            assertTrue(success, "by itself the call is fine");
            vm.revertToState(snapshot);
            intruder.arm(address(vault), waysIn[i]);
            vm.prank(alice);
            (success,) = address(vault).call(out);
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

    function _assertLockedToTransfers(Intruder intruder) private {
        _provide(address(intruder));
        _assertLocked(intruder, _deposit());
        _assertLocked(intruder, _withdraw(alice));
        _assertLocked(intruder, _depositAndGrant(1));
    }

    function test_VLT_07_a_token_that_calls_back_as_a_holder_finds_the_vault_locked() public {
        _assertLockedToTransfers(token);
    }

    function test_VLT_07_a_contract_that_a_token_tells_finds_the_vault_locked() public {
        Intruder holder = new Intruder();
        token.tell(holder);
        _assertLockedToTransfers(holder);
    }

    function test_VLT_07_a_clearing_on_the_vaults_chain_that_calls_back_finds_the_vault_locked() public {
        _provide(address(clearing));
        _assertLocked(clearing, _grant(block.chainid));
        _assertLocked(clearing, _depositAndGrant(block.chainid));
    }
}
