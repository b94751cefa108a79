// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";
import {Position} from "../../src/clearing/Ledger.sol";
import {PythStructs} from "@pythnetwork/pyth-sdk-solidity/PythStructs.sol";
import {Kind, Outcome, Record} from "../../src/records/Records.sol";
import {RecordBook} from "../../src/records/RecordBook.sol";
import {RecordSource} from "../../src/records/RecordSource.sol";
import {Order} from "../../src/venue/Orders.sol";
import {MarketTerms, Venue} from "../../src/venue/Venue.sol";
import {PricePolicy} from "../../src/price/Prices.sol";
import {World} from "../World.sol";

/// An account's owner that is a contract: it says yes to what it was told, and no or nothing sensible otherwise.
contract Wallet {
    enum Mood {
        HONEST,
        REVERTS,
        SAYS_TRUE,
        SAYS_NOTHING
    }

    Mood public mood;
    bytes32 public approved;

    function approve(bytes32 hash) external {
        approved = hash;
    }

    function become(Mood mood_) external {
        mood = mood_;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes32) {
        if (mood == Mood.REVERTS) revert("no");
        if (mood == Mood.SAYS_TRUE) return bytes32(uint256(1));
        if (mood == Mood.SAYS_NOTHING) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        bool isValid = hash == approved && keccak256(signature) == keccak256("ours");
        return isValid ? bytes32(bytes4(0x1626ba7e)) : bytes32(bytes4(0xffffffff));
    }
}

contract VenueTest is World {
    Order private maker;
    Order private taker;

    function setUp() public override {
        super.setUp();
        _fund(alice, 100e18);
        _fund(bob, 100e18);
        _raise(alice, 0, 10e18, 10e18);
        _raise(bob, 0, 10e18, 10e18);
        maker = _order(bob, false, 5e18, 2000e18);
        taker = _order(alice, true, 5e18, 2000e18);
    }

    function _fillBoth(uint128 size) private {
        venue.fill(maker, _signOrder(bob, maker), taker, _signOrder(alice, taker), size);
        _pullFills();
    }

    function _assertRefused(uint128 size, bytes memory error) private {
        bytes memory makerSignature = _signOrder(bob, maker);
        bytes memory takerSignature = _signOrder(alice, taker);
        bytes32 before = _state();
        vm.expectRevert(error);
        venue.fill(maker, makerSignature, taker, takerSignature, size);
        assertEq(_state(), before, "a refused fill leaves nothing");
    }

    function test_VEN_01_two_crossing_orders_fill_at_the_makers_price() public {
        taker.price = 2010e18;
        _fillBoth(5e18);
        assertEq(_size(a, 0), 5e18);
        assertEq(_size(b, 0), -5e18);
    }

    function test_VEN_01_orders_that_do_not_match_are_refused() public {
        bytes memory error = abi.encodeWithSelector(Venue.OrdersDoNotMatch.selector);
        taker.isBuy = false;
        _assertRefused(5e18, error);
        taker.isBuy = true;
        taker.market = 1;
        _assertRefused(5e18, error);
        taker.market = 0;
        taker.account = b;
        _assertRefused(5e18, error);
        taker.account = a;
        taker.price = 1999e18;
        _assertRefused(5e18, abi.encodeWithSelector(Venue.PricesDoNotCross.selector, 2000e18, 1999e18));
    }

    function test_VEN_01_only_the_owner_signs_for_an_account() public {
        bytes memory makerSignature = _signOrder(bob, maker);
        bytes memory forged = _signOrder(keeper, taker);
        vm.expectRevert(abi.encodeWithSelector(Venue.BadOrderSignature.selector, a));
        venue.fill(maker, makerSignature, taker, forged, 5e18);
        vm.expectRevert(abi.encodeWithSelector(Venue.BadOrderSignature.selector, a));
        venue.fill(maker, makerSignature, taker, hex"00", 5e18);
    }

    function test_VEN_02_an_order_for_another_chain_id_or_venue_is_refused() public {
        vm.chainId(77);
        bytes memory elsewhere = _signOrder(alice, taker);
        vm.chainId(31_337);
        bytes memory makerSignature = _signOrder(bob, maker);
        vm.expectRevert(abi.encodeWithSelector(Venue.BadOrderSignature.selector, a));
        venue.fill(maker, makerSignature, taker, elsewhere, 5e18);
    }

    function test_VEN_02_an_order_for_another_venue_of_the_same_chain_is_refused() public {
        MarketTerms[] memory terms = new MarketTerms[](1);
        terms[0] = MarketTerms(ETH, BAND, MAX_PREMIUM, PERIOD, 0.01e18);
        PricePolicy memory policy = PricePolicy(60, 60, 0.01e18);
        Venue other = new Venue(roots, 10, block.chainid, address(clearing), 3600, pyth, policy, terms);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(alice, other.hashOrder(taker));
        bytes memory makerSignature = _signOrder(bob, maker);
        vm.expectRevert(abi.encodeWithSelector(Venue.BadOrderSignature.selector, a));
        venue.fill(maker, makerSignature, taker, abi.encodePacked(r, s, v), 5e18);
    }

    function test_VEN_02_an_expired_order_is_refused() public {
        taker.expiry = uint64(block.timestamp);
        _assertRefused(5e18, abi.encodeWithSelector(Venue.OrderExpired.selector, taker.expiry, block.timestamp));
    }

    function test_VEN_02_a_cancelled_order_is_refused() public {
        vm.prank(alice.addr);
        venue.cancel(taker);
        _assertRefused(5e18, abi.encodeWithSelector(Venue.OrderCancelledBefore.selector, venue.hashOrder(taker)));
    }

    function test_VEN_02_orders_below_a_nonce_are_cancelled_together() public {
        vm.prank(alice.addr);
        venue.cancelBelow(a, 2);
        _assertRefused(5e18, abi.encodeWithSelector(Venue.OrderCancelledBefore.selector, venue.hashOrder(taker)));
        taker.nonce = 2;
        _fillBoth(5e18);
    }

    function test_VEN_02_only_the_owner_cancels() public {
        vm.startPrank(bob.addr);
        vm.expectRevert(abi.encodeWithSelector(Venue.NotTheOwner.selector, bob.addr, a));
        venue.cancel(taker);
        vm.expectRevert(abi.encodeWithSelector(Venue.NotTheOwner.selector, bob.addr, a));
        venue.cancelBelow(a, 9);
    }

    function test_VEN_02_an_order_fills_in_parts_and_never_beyond_its_size() public {
        _fillBoth(2e18);
        _fillBoth(2e18);
        bytes32 order = venue.hashOrder(maker);
        _assertRefused(2e18, abi.encodeWithSelector(Venue.OrderOverfilled.selector, order, 2e18, 1e18));
        _fillBoth(1e18);
        assertEq(_size(a, 0), 5e18);
        _assertRefused(1e18, abi.encodeWithSelector(Venue.OrderOverfilled.selector, order, 1e18, 0));
    }

    function test_VEN_03_an_account_without_limit_is_refused() public {
        _fund(keeper, 10e18);
        taker = _order(keeper, true, 5e18, 2000e18);
        bytes memory makerSignature = _signOrder(bob, maker);
        bytes memory takerSignature = _signOrder(keeper, taker);
        vm.expectRevert(abi.encodeWithSelector(Venue.LimitExceeded.selector, k, 5e18, 0));
        venue.fill(maker, makerSignature, taker, takerSignature, 5e18);
    }

    function test_VEN_03_fills_use_a_limit_up_once() public {
        (maker.size, taker.size) = (11e18, 11e18);
        _assertRefused(11e18, abi.encodeWithSelector(Venue.LimitExceeded.selector, a, 11e18, 10e18));
        _fillBoth(10e18);
        (uint256 buy, uint256 sell) = venue.leftOf(a, 0);
        assertEq(buy, 0);
        assertEq(sell, 10e18, "buying leaves the right to sell");
        _assertRefused(1e18, abi.encodeWithSelector(Venue.LimitExceeded.selector, a, 1e18, 0));
    }

    function test_VEN_04_a_fill_outside_the_band_is_refused() public {
        (maker.price, taker.price) = (2040e18 + 1, 2040e18 + 1);
        _assertRefused(5e18, abi.encodeWithSelector(Venue.OutsideBand.selector, 2040e18 + 1, 2000e18, BAND));
        (maker.price, taker.price) = (1960e18 - 1, 1960e18 - 1);
        _assertRefused(5e18, abi.encodeWithSelector(Venue.OutsideBand.selector, 1960e18 - 1, 2000e18, BAND));
        (maker.price, taker.price) = (1960e18, 1960e18);
        _fillBoth(5e18);
    }

    function test_VEN_04_a_fill_on_a_stale_index_is_refused() public {
        (, uint64 time) = venue.indexPrice(0);
        vm.warp(block.timestamp + 61);
        _assertRefused(5e18, abi.encodeWithSelector(Venue.IndexTooOld.selector, time, block.timestamp));
    }

    function test_VEN_05_a_remote_clearings_silence_ends_the_lease() public {
        MarketTerms[] memory terms = new MarketTerms[](1);
        terms[0] = MarketTerms(ETH, BAND, MAX_PREMIUM, PERIOD, 0.01e18);
        PricePolicy memory policy = PricePolicy(60, 60, 0.01e18);
        Venue far = new Venue(roots, 10, REMOTE, address(0xD1), 3600, pyth, policy, terms);
        vm.mockCall(
            address(roots),
            abi.encodeCall(RecordSource.newest, (REMOTE, address(0xD1))),
            abi.encode(uint64(1), uint64(block.timestamp - 3601))
        );
        vm.expectRevert(
            abi.encodeWithSelector(Venue.LeaseOver.selector, uint64(block.timestamp - 3601), block.timestamp)
        );
        far.fill(maker, "", taker, "", 5e18);
    }

    function test_PRC_02_the_publish_time_of_a_venues_index_never_decreases() public {
        (, uint64 time) = venue.indexPrice(0);
        vm.warp(block.timestamp + 10);
        // Pyth's mock never goes back; another implementation of it might.
        PythStructs.Price memory older = PythStructs.Price(1990e8, 1e6, -8, time - 1);
        vm.mockCall(address(pyth), abi.encodeCall(pyth.getPriceUnsafe, (ETH)), abi.encode(older));
        venue.poke(new uint256[](1), new bytes[](0));
        (uint96 price, uint64 now_) = venue.indexPrice(0);
        assertEq(price, 2000e18);
        assertEq(now_, time);
        older.publishTime = time + 1;
        vm.mockCall(address(pyth), abi.encodeCall(pyth.getPriceUnsafe, (ETH)), abi.encode(older));
        venue.poke(new uint256[](1), new bytes[](0));
        (price,) = venue.indexPrice(0);
        assertEq(price, 1990e18, "a newer one is taken");
    }

    function testFuzz_VEN_06_the_seller_receives_what_the_buyer_pays(uint128 size, uint96 price) public {
        size = uint128(bound(size, 0.01e18, 10e18));
        price = uint96(bound(price, 1960e18, 2040e18));
        (maker.size, taker.size) = (size, size);
        (maker.price, taker.price) = (price, price);
        _fillBoth(size);
        (, int256 paid) = _quotes(a);
        (, int256 received) = _quotes(b);
        assertEq(paid + received, 0);
        assertEq(uint256(received), (uint256(size) * price + 1e18 - 1) / 1e18, "rounded up");
    }

    function _quotes(bytes32 account) private view returns (int256 size, int256 quote) {
        (Position memory position,) = clearing.positionOf(account, 0);
        return (position.size, position.quote);
    }

    function test_VEN_07_a_voided_limit_is_forfeited_at_once() public {
        _fillBoth(4e18);
        vm.prank(alice.addr);
        clearing.voidLimits(a, 0);
        (uint256 buy, uint256 sell) = venue.leftOf(a, 0);
        assertEq(buy + sell, 0);
        _assertRefused(1e18, abi.encodeWithSelector(Venue.LimitExceeded.selector, a, 1e18, 0));
        _raise(alice, 0, 1e18, 0);
        (buy,) = venue.leftOf(a, 0);
        assertEq(buy, 1e18, "a new limit counts from there");
    }

    /// @dev What the clearing pushes, if it is not honest.
    function _pushLimit(uint128[6] memory fields) private returns (Outcome) {
        vm.prank(address(clearing));
        return venue.push(Record(Kind.LIMIT, block.chainid, address(clearing), a, 0, address(0), fields));
    }

    function test_VEN_11_a_limit_voided_beyond_what_was_raised_ends_the_clearing() public {
        uint256 snapshot = vm.snapshotState();
        assertEq(uint8(_pushLimit(_fields(10e18, 10e18, 10e18 + 1, 0, 0, 0))), uint8(Outcome.CONTRADICTION));
        assertTrue(venue.ended(block.chainid, address(clearing)));
        vm.revertToState(snapshot);
        assertEq(uint8(_pushLimit(_fields(10e18, 10e18, 0, 10e18 + 1, 0, 0))), uint8(Outcome.CONTRADICTION));
        assertTrue(venue.ended(block.chainid, address(clearing)));
        vm.revertToState(snapshot);
        assertEq(uint8(_pushLimit(_fields(10e18, 10e18, 10e18, 10e18, 0, 0))), uint8(Outcome.TAKEN));
    }

    function test_VEN_11_a_clearing_that_contradicted_itself_fills_nothing() public {
        _pushLimit(_fields(10e18, 10e18, 10e18 + 1, 0, 0, 0));
        _assertRefused(5e18, abi.encodeWithSelector(RecordBook.PeerEnded.selector, block.chainid, address(clearing)));
    }

    function test_VEN_08_a_fill_below_the_minimum_is_refused_even_if_it_completes_an_order() public {
        _assertRefused(0.009e18, abi.encodeWithSelector(Venue.BelowMinSize.selector, 0.009e18, 0.01e18));
        _assertRefused(0, abi.encodeWithSelector(Venue.BelowMinSize.selector, 0, 0.01e18));
        _fillBoth(4.995e18);
        _assertRefused(0.005e18, abi.encodeWithSelector(Venue.BelowMinSize.selector, 0.005e18, 0.01e18));
    }

    /// @dev Alice's address becomes a contract, her key stays: so limits and orders are the same as above.
    function _walletOf(Vm.Wallet memory who) private returns (Wallet wallet) {
        vm.etch(who.addr, type(Wallet).runtimeCode);
        wallet = Wallet(who.addr);
    }

    function test_VEN_09_a_contract_signs_for_its_account() public {
        Wallet wallet = _walletOf(alice);
        wallet.approve(venue.hashOrder(taker));
        venue.fill(maker, _signOrder(bob, maker), taker, "ours", 5e18);
        _pullFills();
        assertEq(_size(a, 0), 5e18);
    }

    function test_VEN_09_what_the_contract_does_not_confirm_is_refused() public {
        Wallet wallet = _walletOf(alice);
        wallet.approve(venue.hashOrder(maker));
        bytes memory makerSignature = _signOrder(bob, maker);
        bytes32 before = _state();
        bytes memory error = abi.encodeWithSelector(Venue.BadOrderSignature.selector, a);
        vm.expectRevert(error);
        venue.fill(maker, makerSignature, taker, "ours", 5e18);
        wallet.approve(venue.hashOrder(taker));
        vm.expectRevert(error);
        venue.fill(maker, makerSignature, taker, "theirs", 5e18);
        for (uint8 mood = 1; mood < 4; ++mood) {
            wallet.become(Wallet.Mood(mood));
            vm.expectRevert(error);
            venue.fill(maker, makerSignature, taker, "ours", 5e18);
        }
        assertEq(_state(), before);
    }

    function test_VEN_09_a_key_signs_on_for_an_account_of_code_it_delegated_to() public {
        Wallet wallet = _walletOf(alice);
        wallet.become(Wallet.Mood.REVERTS);
        _fillBoth(5e18);
        assertEq(_size(a, 0), 5e18);
    }

    /// @dev Somebody else's contract at the owner's address on this chain confirms anything: without a limit that
    /// only the owner can raise, on the clearing's chain, it moves nothing.
    function test_VEN_10_a_strangers_contract_at_an_owners_address_fills_nothing_without_a_limit() public {
        Wallet wallet = _walletOf(keeper);
        taker = _order(keeper, true, 5e18, 2000e18);
        wallet.approve(venue.hashOrder(taker));
        bytes memory makerSignature = _signOrder(bob, maker);
        vm.expectRevert(abi.encodeWithSelector(Venue.LimitExceeded.selector, k, 5e18, 0));
        venue.fill(maker, makerSignature, taker, "ours", 5e18);
    }
}
