// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Token} from "../../devnet/Token.sol";
import {Listing, Market} from "../../src/clearing/Ledger.sol";
import {PricePolicy} from "../../src/price/Prices.sol";
import {Kind, LocalRecord} from "../../src/records/Records.sol";
import {Order} from "../../src/venue/Orders.sol";
import {MarketTerms, Venue} from "../../src/venue/Venue.sol";
import {Blobs} from "../Blobs.sol";
import {Burner} from "./Hostile.t.sol";
import {Far} from "./Far.sol";

/// @title An account that holds as much as one can, so that a liquidation has the most to do.
contract FullTest is Far {
    /// Of lines, and of markets.
    uint256 private constant MOST = 16;
    /// What the keeper sends: next to all of one transaction's (EIP-7825).
    uint256 private constant KEEPERS_GAS = 16_000_000;
    Venue private wide;

    function _wider() private view returns (bytes memory blob) {
        blob = bytes.concat(
            Blobs.general(2 + MOST, 1, 2 + MOST, 3, 2, 0),
            Blobs.listing(0, 18, 0.2e18, 0.15e18, CAP, 0),
            Blobs.listing(1, 6, 0.05e18, 0.03e18, 1e15, 1)
        );
        for (uint256 i; i < MOST; ++i) {
            blob = bytes.concat(blob, Blobs.listing(0, 18, 0.2e18, 0.15e18, CAP, 0));
        }
        blob = bytes.concat(blob, Blobs.underlying(0, 0.1e18, 0.05e18, 0, 1e30));
        for (uint256 i; i < 2 + MOST; ++i) {
            blob = bytes.concat(blob, Blobs.market(0, 0.03e18, 0.01e18, 500e18, i < 2 ? i : 2));
        }
        blob = bytes.concat(blob, Blobs.venue(0, false), Blobs.venue(0.05e18, true), Blobs.venue(0, false));
        return bytes.concat(blob, Blobs.vault(false), Blobs.vault(true));
    }

    /// @dev Sixteen markets at a local venue of their own, and sixteen more assets at the local vault.
    function _widen() private {
        MarketTerms[] memory terms = new MarketTerms[](MOST);
        for (uint256 i; i < MOST; ++i) {
            terms[i] = MarketTerms(ETH, BAND, MAX_PREMIUM, PERIOD, 0.01e18);
        }
        PricePolicy memory policy = PricePolicy(60, 60, 0.01e18);
        wide = new Venue(roots, 10, block.chainid, address(clearing), 3600, pyth, policy, terms);
        clearing.addVenue(block.chainid, address(wide));
        for (uint256 i; i < MOST; ++i) {
            clearing.addMarket(Market(block.chainid, address(wide), bytes32(i)));
        }
        for (uint256 i; i < MOST; ++i) {
            clearing.listAsset(Listing(block.chainid, address(vault), address(new Token("T", 18))));
        }
        clearing.setParameters(_wider());
    }

    function _poke(int64 dollars) private {
        _setPrice(dollars);
        uint256[] memory all = new uint256[](MOST);
        for (uint256 i; i < MOST; ++i) {
            all[i] = i;
        }
        wide.poke(all, new bytes[](0));
    }

    /// @dev Six of an asset for Alice, and a line for the keeper to take them.
    function _hold(uint256 listing) private {
        (Listing memory l,) = clearing.listings(listing);
        Token(l.asset).mint(alice.addr, 6e18);
        vm.startPrank(alice.addr);
        Token(l.asset).approve(address(vault), 6e18);
        clearing.openLine(a, l, alice.addr);
        vault.depositAndGrant(l.asset, 6e18, block.chainid, address(clearing), a);
        vm.stopPrank();
        vm.prank(keeper.addr);
        clearing.openLine(k, l, keeper.addr);
    }

    /// @dev Alice buys of Bob, and is left with a limit to sell.
    function _buy(uint32 item, uint112 size) private {
        _raise(alice, 2 + item, size, 0.01e18);
        _raise(bob, 2 + item, 0, size);
        Order memory maker = Order(b, item, false, size, 2000e18, uint64(block.timestamp + 100), 1);
        Order memory taker = Order(a, item, true, size, 2000e18, uint64(block.timestamp + 100), 1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(bob, wide.hashOrder(maker));
        bytes memory one = abi.encodePacked(r, s, v);
        (v, r, s) = vm.sign(alice, wide.hashOrder(taker));
        wide.fill(maker, one, taker, abi.encodePacked(r, s, v), size);
        LocalRecord[] memory records = new LocalRecord[](3);
        records[0] = LocalRecord(Kind.MARKET, address(wide), 0, bytes32(uint256(item)), address(0));
        records[1] = LocalRecord(Kind.FILLS, address(wide), a, bytes32(uint256(item)), address(0));
        records[2] = LocalRecord(Kind.FILLS, address(wide), b, bytes32(uint256(item)), address(0));
        clearing.pull(records);
    }

    function _fillUp() private {
        _widen();
        _poke(2000);
        for (uint256 i = 2; i < 2 + MOST - 1; ++i) {
            _hold(i);
        }
        for (uint32 i; i < MOST; ++i) {
            _buy(i, 28e18);
        }
        _poke(1480);
    }

    /// @dev With all storage cold, as in a transaction of its own.
    function _assertFits() private {
        vm.cool(address(clearing));
        vm.cool(address(vault));
        vm.cool(address(wide));
        vm.prank(keeper.addr);
        clearing.liquidate(a, k);
        assertLt(vm.lastCallGas().gasTotalUsed, KEEPERS_GAS);
        assertGt(_size(k, 1 + MOST), 0);
        assertGt(_units(k, MOST - 1), 0);
    }

    function test_CLR_12_the_most_that_an_account_can_hold_is_taken_over_in_one_transaction() public {
        _fillUp();
        _assertFits();
    }

    function test_CLR_12_also_from_a_vault_that_burns_all_gas() public {
        _fillUp();
        vm.etch(address(vault), address(new Burner()).code);
        _assertFits();
    }

    function test_CLR_12_also_from_a_venue_that_burns_all_gas() public {
        _fillUp();
        vm.etch(address(wide), address(new Burner()).code);
        _assertFits();
    }
}
