// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {WETH} from "solady/src/tokens/WETH.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
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

/// Takes no coin, or calls the vault back for more.
contract Receiver {
    bytes public call;

    function arm(bytes calldata call_) external {
        call = call_;
    }

    function withdraw(Vault vault, uint256 amount) external {
        vault.withdrawNative(amount, address(this));
    }

    function depositNative(Vault vault) external payable {
        vault.depositNative{value: msg.value}();
    }

    receive() external payable {
        require(call.length > 0, "no coin");
        (bool success,) = msg.sender.call(call);
        require(success, "refused");
    }
}

/// Says it wrapped the coin, and keeps a hundredth.
contract TollWrapper is WETH {
    function deposit() public payable override {
        _mint(msg.sender, msg.value - msg.value / 100);
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
    Vault private vault = new Vault(RecordSource(address(0)), 10, address(0));
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

    /* THE CHAIN'S OWN COIN */

    function _native() private returns (Vault made, WETH coin) {
        coin = new WETH();
        made = new Vault(RecordSource(address(0)), 10, address(coin));
        vm.deal(alice, 10e18);
    }

    function test_VLT_09_coin_is_kept_and_credited_as_the_wrapped_token() public {
        (Vault made, WETH coin) = _native();
        vm.startPrank(alice);
        made.depositNative{value: 4e18}();
        assertEq(made.free(alice, address(coin)), 4e18);
        assertEq(coin.balanceOf(address(made)), 4e18);
        assertEq(address(made).balance, 0, "no coin stays in the vault");
        made.withdraw(address(coin), 1e18, bob);
        assertEq(coin.balanceOf(bob), 1e18, "the same balance, whichever way it goes");
    }

    function test_VLT_09_coin_is_deposited_and_granted_in_one_call() public {
        (Vault made, WETH coin) = _native();
        vm.prank(alice);
        made.depositNativeAndGrant{value: 4e18}(block.chainid, address(clearing), _account(alice));
        assertEq(made.free(alice, address(coin)), 0);
        assertEq(made.pool(keccak256(abi.encode(block.chainid, address(clearing))), address(coin)), 4e18);
    }

    function test_VLT_09_what_arrived_is_credited_not_what_was_sent() public {
        TollWrapper toll = new TollWrapper();
        Vault made = new Vault(RecordSource(address(0)), 10, address(toll));
        vm.deal(alice, 10e18);
        vm.startPrank(alice);
        made.depositNative{value: 1e18}();
        assertEq(made.free(alice, address(toll)), 0.99e18);
        vm.expectRevert(Vault.ZeroAmount.selector);
        made.depositNative();
    }

    function test_VLT_10_free_balance_goes_home_as_coin() public {
        (Vault made, WETH coin) = _native();
        vm.startPrank(alice);
        made.depositNative{value: 4e18}();
        made.withdrawNative(3e18, bob);
        assertEq(bob.balance, 3e18);
        assertEq(made.free(alice, address(coin)), 1e18);
        assertEq(coin.balanceOf(address(made)), 1e18);
    }

    function test_VLT_10_what_is_not_free_does_not_go_home() public {
        (Vault made,) = _native();
        vm.startPrank(alice);
        made.depositNative{value: 4e18}();
        made.grant(made.wrapped(), 3e18, block.chainid, address(clearing), _account(alice));
        vm.expectRevert(abi.encodeWithSelector(Vault.InsufficientFree.selector, 2e18, 1e18));
        made.withdrawNative(2e18, alice);
        vm.expectRevert(Vault.ZeroAmount.selector);
        made.withdrawNative(0, alice);
        vm.startPrank(mallory);
        vm.expectRevert(abi.encodeWithSelector(Vault.InsufficientFree.selector, 1, 0));
        made.withdrawNative(1, mallory);
    }

    function test_VLT_10_a_receiver_that_takes_no_coin_loses_nothing() public {
        (Vault made, WETH coin) = _native();
        Receiver receiver = new Receiver();
        receiver.depositNative{value: 4e18}(made);
        vm.expectRevert(SafeTransferLib.ETHTransferFailed.selector);
        receiver.withdraw(made, 4e18);
        assertEq(made.free(address(receiver), address(coin)), 4e18);
        vm.prank(address(receiver));
        made.withdraw(address(coin), 4e18, bob);
        assertEq(coin.balanceOf(bob), 4e18, "it still leaves as the token");
    }

    function test_VLT_11_coin_from_a_stranger_is_refused() public {
        (Vault made, WETH coin) = _native();
        vm.startPrank(alice);
        (bool success, bytes memory why) = address(made).call{value: 1e18}("");
        assertFalse(success);
        assertEq(why, abi.encodeWithSelector(Vault.NotTheWrapper.selector, alice));
        (success,) = address(vault).call{value: 1e18}("");
        assertFalse(success, "nor by a vault without a wrapper");
        assertEq(address(made).balance + coin.totalSupply(), 0);
    }

    function test_VLT_11_a_vault_without_a_wrapped_coin_takes_none() public {
        vm.deal(alice, 1e18);
        vm.startPrank(alice);
        vm.expectRevert(Vault.NoWrappedCoin.selector);
        vault.depositNative{value: 1e18}();
        vm.expectRevert(Vault.NoWrappedCoin.selector);
        vault.depositNativeAndGrant{value: 1e18}(1, address(1), 0);
        vm.expectRevert(Vault.NoWrappedCoin.selector);
        vault.withdrawNative(1, alice);
    }

    function test_VLT_12_a_receiver_that_calls_back_finds_the_vault_locked() public {
        (Vault made, WETH coin) = _native();
        Receiver receiver = new Receiver();
        receiver.depositNative{value: 4e18}(made);
        bytes[3] memory calls = [
            abi.encodeCall(Vault.withdrawNative, (1, address(receiver))),
            abi.encodeCall(Vault.depositNative, ()),
            abi.encodeCall(Vault.withdraw, (address(coin), 1, alice))
        ];
        for (uint256 i; i < calls.length; ++i) {
            receiver.arm(calls[i]);
            vm.expectRevert(SafeTransferLib.ETHTransferFailed.selector);
            receiver.withdraw(made, 1e18);
        }
        assertEq(made.free(address(receiver), address(coin)), 4e18);
        receiver.arm(abi.encodeWithSignature("free(address,address)", receiver, coin));
        receiver.withdraw(made, 1e18);
        assertEq(address(receiver).balance, 1e18, "what reads only goes through");
    }
}
