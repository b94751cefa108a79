// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Test} from "forge-std/Test.sol";
import {RecordSource} from "../../src/records/RecordSource.sol";
import {Vault} from "../../src/vault/Vault.sol";
import {CallingToken, Intruder} from "../Intruder.sol";

/// @title Every way out of the vault against every way in, as somebody who has all that the call in needs.
/// @notice The token is the vault's wrapped coin as well.
contract VaultReentrancyTest is Test {
    CallingToken private token = new CallingToken();
    Vault private vault = new Vault(RecordSource(address(0)), 10, address(token));
    Intruder private clearing = new Intruder();
    address private alice = makeAddr("alice");

    /// A call of the vault, and the coin sent with it.
    struct Way {
        uint256 value;
        bytes call;
    }

    function setUp() public {
        vm.deal(address(token), 100e18);
        _provide(alice);
    }

    /// @dev Half of it free in the vault, half in the wallet and approved; and coin.
    function _provide(address holder) private {
        vm.deal(holder, holder.balance + 10e18);
        token.mint(holder, 10e18);
        vm.startPrank(holder);
        token.approve(address(vault), 10e18);
        vault.deposit(address(token), 5e18);
        vm.stopPrank();
    }

    function _deposit() private view returns (Way memory) {
        return Way(0, abi.encodeCall(Vault.deposit, (address(token), 1e18)));
    }

    function _depositNative() private pure returns (Way memory) {
        return Way(1e18, abi.encodeCall(Vault.depositNative, ()));
    }

    function _withdraw(address to) private view returns (Way memory) {
        return Way(0, abi.encodeCall(Vault.withdraw, (address(token), 1e18, to)));
    }

    function _withdrawNative(address to) private pure returns (Way memory) {
        return Way(0, abi.encodeCall(Vault.withdrawNative, (1e18, to)));
    }

    function _grant(uint256 chain) private view returns (Way memory) {
        return Way(0, abi.encodeCall(Vault.grant, (address(token), 1e18, chain, address(clearing), bytes32("account"))));
    }

    function _depositAndGrant(uint256 chain) private view returns (Way memory) {
        bytes32 account = "account";
        return Way(0, abi.encodeCall(Vault.depositAndGrant, (address(token), 1e18, chain, address(clearing), account)));
    }

    function _depositNativeAndGrant(uint256 chain) private view returns (Way memory) {
        bytes32 account = "account";
        return Way(1e18, abi.encodeCall(Vault.depositNativeAndGrant, (chain, address(clearing), account)));
    }

    function _waysIn(address intruder) private view returns (Way[7] memory) {
        return [
            _deposit(),
            _depositNative(),
            _withdraw(intruder),
            _withdrawNative(intruder),
            _grant(1),
            _depositAndGrant(1),
            _depositNativeAndGrant(1)
        ];
    }

    /// @dev Alice calls out; the intruder's call back is refused by the guard, though it succeeds by itself.
    function _assertLocked(Intruder intruder, Way memory out) private {
        Way[7] memory waysIn = _waysIn(address(intruder));
        for (uint256 i; i < waysIn.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(address(intruder));
            (bool success,) = address(vault).call{value: waysIn[i].value}(waysIn[i].call);
            assertTrue(success, "by itself the call is fine");
            vm.revertToState(snapshot);
            intruder.arm(address(vault), waysIn[i].value, waysIn[i].call);
            vm.prank(alice);
            (success,) = address(vault).call{value: out.value}(out.call);
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
        _assertLocked(intruder, _depositNative());
        _assertLocked(intruder, _withdraw(alice));
        _assertLocked(intruder, _withdrawNative(alice));
        _assertLocked(intruder, _depositAndGrant(1));
        _assertLocked(intruder, _depositNativeAndGrant(1));
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
        _assertLocked(clearing, _depositNativeAndGrant(block.chainid));
    }

    function test_VLT_12_a_receiver_of_coin_that_calls_back_as_a_holder_finds_the_vault_locked() public {
        Intruder receiver = new Intruder();
        _provide(address(receiver));
        _assertLocked(receiver, _withdrawNative(address(receiver)));
    }
}
