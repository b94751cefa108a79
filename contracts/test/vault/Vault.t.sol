// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {Token} from "../../devnet/Token.sol";
import {Kind, Outcome, Record} from "../../src/records/Records.sol";
import {RecordSource} from "../../src/records/RecordSource.sol";
import {RecordBook} from "../../src/records/RecordBook.sol";
import {Vault} from "../../src/vault/Vault.sol";

/// Keeps a hundredth of every transfer.
contract TollToken is Token("TOLL", 18) {
    function _afterTokenTransfer(address from, address to, uint256 amount) internal override {
        if (from != address(0) && to != address(0)) _burn(to, amount / 100);
    }
}

/// A clearing on the vault's own chain that says whatever it is told to.
contract LyingClearing {
    function push(Record calldata) external pure returns (Outcome) {
        return Outcome.TAKEN;
    }

    function say(Vault vault, bytes32 account, address asset, address holder, uint128[3] calldata f) external {
        uint128[6] memory fields = [f[0], f[1], f[2], 0, 0, 0];
        bytes32 item = bytes32(uint256(uint160(asset)));
        vault.push(Record(Kind.LEDGER, block.chainid, address(this), account, item, holder, fields));
    }
}

contract VaultTest is Test {
    Vault private vault = new Vault(RecordSource(address(0)), 10);
    Token private token = new Token("WETH", 18);
    LyingClearing private clearing = new LyingClearing();
    LyingClearing private liar = new LyingClearing();
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");
    address private mallory = makeAddr("mallory");

    function _deposit(address holder, uint256 amount) private {
        token.mint(holder, amount);
        vm.startPrank(holder);
        token.approve(address(vault), amount);
        vault.deposit(address(token), amount);
        vm.stopPrank();
    }

    function _grant(address holder, uint256 amount, LyingClearing to) private {
        vm.prank(holder);
        vault.grant(address(token), amount, block.chainid, address(to), _account(holder));
    }

    function _account(address holder) private pure returns (bytes32) {
        return bytes32(bytes20(holder));
    }

    function _free(address holder) private view returns (uint256) {
        return vault.free(holder, address(token));
    }

    function _pool(LyingClearing who) private view returns (uint256) {
        return vault.pool(keccak256(abi.encode(block.chainid, address(who))), address(token));
    }

    function _say(LyingClearing who, address holder, uint128 released) private {
        who.say(vault, _account(holder), address(token), holder, [released, 0, 0]);
    }

    function test_VLT_01_a_fee_on_transfer_is_borne_by_the_depositor() public {
        TollToken toll = new TollToken();
        toll.mint(alice, 100e18);
        vm.startPrank(alice);
        toll.approve(address(vault), 100e18);
        vault.deposit(address(toll), 100e18);
        assertEq(vault.free(alice, address(toll)), 99e18);
        vault.withdraw(address(toll), 99e18, alice);
        assertEq(toll.balanceOf(address(vault)), 0, "never more owed than held");
    }

    function test_VLT_01_a_deposit_of_nothing_is_refused() public {
        vm.expectRevert(Vault.ZeroAmount.selector);
        vault.deposit(address(token), 0);
    }

    function test_VLT_02_what_is_not_free_cannot_be_withdrawn() public {
        _deposit(alice, 10e18);
        _grant(alice, 4e18, clearing);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(Vault.InsufficientFree.selector, 7e18, 6e18));
        vault.withdraw(address(token), 7e18, alice);
        vault.withdraw(address(token), 6e18, bob);
        assertEq(token.balanceOf(bob), 6e18);
        assertEq(_free(alice), 0);
    }

    function test_VLT_02_nobody_withdraws_for_another() public {
        _deposit(alice, 10e18);
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(Vault.InsufficientFree.selector, 1, 0));
        vault.withdraw(address(token), 1, mallory);
    }

    function test_VLT_03_a_lying_clearing_gets_its_own_pool_and_nothing_else() public {
        _deposit(alice, 10e18);
        _deposit(mallory, 1e18);
        _grant(alice, 10e18, clearing);
        _grant(mallory, 1e18, liar);
        _say(liar, mallory, 1_000e18);
        assertEq(_free(mallory), 1e18, "no more than was granted to it");
        assertEq(_pool(clearing), 10e18);
        _say(clearing, alice, 10e18);
        assertEq(_free(alice), 10e18, "an honest clearing's user gets all");
    }

    function test_VLT_03_invented_gains_move_nothing() public {
        _deposit(alice, 10e18);
        _grant(alice, 10e18, liar);
        liar.say(vault, _account(mallory), address(token), mallory, [uint128(0), 1_000e18, 0]);
        liar.say(vault, _account(alice), address(token), alice, [uint128(0), 0, 1_000e18]);
        assertEq(_free(mallory), 0);
        assertEq(_pool(liar), 10e18);
    }

    function testFuzz_VLT_04_never_more_owed_than_held(uint96[4] memory said, uint96 granted, uint96 other) public {
        granted = uint96(bound(granted, 1, type(uint96).max));
        other = uint96(bound(other, 1, type(uint96).max));
        _deposit(alice, granted);
        _grant(alice, granted, liar);
        _deposit(bob, other);
        _grant(bob, other, clearing);
        address[4] memory holders = [alice, mallory, bob, mallory];
        uint128 last;
        for (uint256 i; i < 4; ++i) {
            uint128 released = said[i] + (holders[i] == mallory ? last : 0);
            if (holders[i] == mallory) last = released;
            _say(liar, holders[i], released);
        }
        uint256 owed = _free(alice) + _free(bob) + _free(mallory) + _pool(liar) + _pool(clearing);
        assertEq(owed, token.balanceOf(address(vault)));
        assertEq(_pool(clearing), other, "the other clearing's pool is untouched");
    }

    function test_VLT_05_a_winner_is_paid_beyond_its_own_grant() public {
        _deposit(alice, 10e18);
        _grant(alice, 10e18, clearing);
        _say(clearing, bob, 4e18);
        vm.prank(bob);
        vault.withdraw(address(token), 4e18, bob);
        assertEq(token.balanceOf(bob), 4e18);
        assertEq(_pool(clearing), 6e18);
    }

    function test_VLT_06_what_the_pool_could_not_honor_is_honored_once_it_has_grown() public {
        _deposit(alice, 10e18);
        _grant(alice, 3e18, clearing);
        _say(clearing, bob, 5e18);
        assertEq(_free(bob), 3e18);
        _grant(alice, 7e18, clearing);
        _say(clearing, bob, 5e18);
        assertEq(_free(bob), 5e18, "the same record again pays the rest");
        _say(clearing, bob, 5e18);
        assertEq(_free(bob), 5e18, "and no more");
    }

    function test_VLT_08_deposit_and_grant_are_one_call() public {
        token.mint(alice, 10e18);
        vm.startPrank(alice);
        token.approve(address(vault), 10e18);
        vault.depositAndGrant(address(token), 10e18, block.chainid, address(clearing), _account(alice));
        assertEq(_free(alice), 0);
        assertEq(_pool(clearing), 10e18);
        vm.expectRevert(abi.encodeWithSelector(Vault.InsufficientFree.selector, 1, 0));
        vault.grant(address(token), 1, block.chainid, address(clearing), _account(alice));
    }

    function test_VLT_08_a_pool_that_no_line_could_hold_is_refused() public {
        _deposit(alice, type(uint128).max);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Vault.PoolTooLarge.selector, uint256(1) << 112));
        vault.grant(address(token), uint256(1) << 112, block.chainid, address(clearing), 0);
    }

    function test_REC_13_a_clearing_that_contradicts_itself_is_over() public {
        _deposit(alice, 10e18);
        _grant(alice, 5e18, liar);
        liar.say(vault, _account(alice), address(token), alice, [uint128(1e18), 5, 0]);
        vm.roll(block.number + 1);
        liar.say(vault, _account(alice), address(token), alice, [uint128(2e18), 4, 0]);
        assertTrue(vault.ended(block.chainid, address(liar)));
        assertEq(_free(alice), 6e18, "what was learned before stays");
        vm.expectRevert(abi.encodeWithSelector(RecordBook.PeerEnded.selector, block.chainid, address(liar)));
        liar.say(vault, _account(alice), address(token), alice, [uint128(3e18), 5, 0]);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(RecordBook.PeerEnded.selector, block.chainid, address(liar)));
        vault.grant(address(token), 1, block.chainid, address(liar), _account(alice));
    }
}
