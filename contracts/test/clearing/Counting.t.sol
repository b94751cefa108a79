// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Listing} from "../../src/clearing/Ledger.sol";
import {Lines} from "../../src/clearing/Lines.sol";
import {Record} from "../../src/records/Records.sol";
import {Blobs} from "../Blobs.sol";
import {Aging} from "./Aging.sol";

contract CountingTest is Aging {
    /// The first word of the local listing.
    uint256 private constant WETH = 4;

    function test_MRG_12_a_vault_counts_up_to_its_cap_at_fixed_prices() public {
        bytes memory blob = Blobs.amended(_parameters(), VAULT, 0, 5_000, 64);
        clearing.setParameters(Blobs.amended(blob, INFLOW, 144, 2e18, 96));
        uint256 index = _grantFar(alice, 8_000e6);
        assertEq(_counted(a, index), 2_500e6, "two dollars a coin, whatever the price is");
        _grantFar(bob, 1e6);
        assertEq(_counted(b, 0), 0);
        vm.prank(alice.addr);
        clearing.release(a, index, 5_600e6);
        assertEq(_counted(a, index), 2_400e6, "uncounted units leave first");
        clearing.count(b, 0);
        assertEq(_counted(b, 0), 1e6, "anyone may ask to count what there is room for");
    }

    function test_MRG_12_an_asset_counts_up_to_its_cap_over_all_vaults() public {
        // 3,000 whole coins; WETH under the same feed would share them.
        clearing.setParameters(Blobs.amended(_parameters(), CAPS, 136, 3_000e6, 112));
        uint256 index = _grantFar(alice, 8_000e6);
        assertEq(_counted(a, index), 3_000e6);
        _grantFar(bob, 8_000e6);
        assertEq(_counted(b, 0), 0);
    }

    function test_MRG_12_listings_of_one_feed_at_two_vaults_share_the_assets_cap() public {
        // WETH under the coins' feed: of both together 3,000 whole ones may count at the far vault.
        bytes memory blob = Blobs.amended(_parameters(), WETH, 0, 1, 8);
        clearing.setParameters(Blobs.amended(blob, CAPS, 136, 3_000e6, 112));
        _fund(bob, 900e18 + 1);
        uint256 index = _grantFar(alice, 8_000e6);
        assertEq(_counted(a, index), 2_100e6 - 1, "what the other one takes rounds up");
    }

    function test_MRG_12_listings_at_one_vault_share_its_cap() public {
        Listing memory other = Listing(REMOTE, REMOTE_VAULT, address(9));
        clearing.listAsset(other);
        bytes memory blob = bytes.concat(
            Blobs.general(3, 1, 2, 2, 2, 0),
            Blobs.listing(0, 18, 0.2e18, 0.15e18, CAP, 0),
            Blobs.listing(1, 6, 0.05e18, 0.03e18, 1e15, 1),
            Blobs.listing(1, 6, 0.05e18, 0.03e18, 1e15, 1),
            Blobs.underlying(0, 0.1e18, 0.05e18, 0, 1e30)
        );
        for (uint256 i; i < 2; ++i) {
            blob = bytes.concat(blob, Blobs.market(0, 0.03e18, 0.01e18, 500e18, i));
        }
        blob = bytes.concat(blob, Blobs.venue(0, false), Blobs.venue(0.05e18, true));
        blob = bytes.concat(blob, Blobs.vault(false), Blobs.vault(true));
        // 5,000 dollars for both, of which a coin of the one takes one and of the other two.
        blob = Blobs.amended(Blobs.amended(blob, 22, 0, 5_000, 64), INFLOW, 144, 1e18, 96);
        clearing.setParameters(Blobs.amended(blob, INFLOW + 3, 144, 2e18, 96));
        vm.prank(bob.addr);
        clearing.openLine(b, other, bob.addr);
        Record memory grant = _grantOf(b, bob.addr, 2_000e6);
        grant.item = bytes32(uint256(9));
        _learn(grant);
        assertEq(_counted(b, 0), 2_000e6);
        uint256 index = _grantFar(alice, 8_000e6);
        assertEq(_counted(a, index), 1_000e6);
    }

    function test_MRG_13_an_account_counts_up_to_its_own_cap() public {
        clearing.setParameters(Blobs.amended(_parameters(), CAPS, 24, 1_000e6, 112));
        uint256 index = _grantFar(alice, 8_000e6);
        assertEq(_counted(a, index), 1_000e6);
        _grantFar(bob, 8_000e6);
        assertEq(_counted(b, 0), 1_000e6, "and leaves room for the next");
    }

    function test_MRG_13_more_lines_of_an_account_count_no_more() public {
        clearing.setParameters(Blobs.amended(_parameters(), CAPS, 24, 1_000e6, 112));
        _grantFar(alice, 800e6);
        vm.prank(alice.addr);
        uint256 other = clearing.openLine(a, remote, bob.addr);
        _learn(_grantOf(a, bob.addr, 8_000e6));
        assertEq(_counted(a, 0) + _counted(a, other), 1_000e6);
        vm.prank(alice.addr);
        clearing.release(a, 0, 300e6);
        clearing.count(a, other);
        assertEq(_counted(a, other), 500e6);
        assertEq(_counted(a, 0) + _counted(a, other), 1_000e6);
    }

    /* INFLOW */

    /// @dev The remote listing takes 1,000 coins at once, and as many again in ten minutes.
    function _limitInflow() private {
        bytes memory blob = Blobs.amended(_parameters(), INFLOW, 0, 1_000e6, 112);
        clearing.setParameters(Blobs.amended(blob, INFLOW, 112, 600, 32));
    }

    function test_MRG_14_what_is_new_counts_at_an_even_rate_beyond_a_burst() public {
        _limitInflow();
        uint256 index = _grantFar(alice, 8_000e6);
        assertEq(_counted(a, index), 1_000e6);
        clearing.count(a, index);
        assertEq(_counted(a, index), 1_000e6);
        vm.warp(block.timestamp + 300);
        _hearVault();
        clearing.count(a, index);
        assertEq(_counted(a, index), 1_500e6);
        vm.warp(block.timestamp + 300);
        _hearVault();
        vm.warp(block.timestamp + 300);
        _hearVault();
        vm.warp(block.timestamp + 300);
        clearing.count(a, index);
        assertEq(_counted(a, index), 2_500e6, "no more than a burst is saved up");
        vm.expectRevert(abi.encodeWithSelector(Lines.NoSuchLine.selector, a, 1));
        clearing.count(a, 1);
    }

    function testFuzz_MRG_14_splitting_a_deposit_gains_nothing(uint128[6] memory parts, uint8[6] memory waits) public {
        _limitInflow();
        uint256 start = block.timestamp;
        uint256 total;
        for (uint256 i; i < 6; ++i) {
            address holder = address(uint160(i + 1));
            vm.prank(alice.addr);
            clearing.openLine(a, remote, holder);
            _learn(_grantOf(a, holder, uint128(bound(parts[i], 0, 2_000e6))));
            vm.warp(block.timestamp + waits[i]);
            _hearVault();
            for (uint256 j; j <= i; ++j) {
                clearing.count(a, j);
            }
            total = 0;
            for (uint256 j; j <= i; ++j) {
                total += _counted(a, j);
            }
            assertLe(total, 1_000e6 + 1_000e6 * (block.timestamp - start) / 600);
        }
    }

    function test_MRG_14_asking_often_does_not_round_the_refilling_away() public {
        bytes memory blob = Blobs.amended(_parameters(), INFLOW, 0, 100, 112);
        clearing.setParameters(Blobs.amended(blob, INFLOW, 112, 600, 32));
        uint256 index = _grantFar(alice, 8_000e6);
        assertEq(_counted(a, index), 100);
        for (uint256 i; i < 6; ++i) {
            vm.warp(block.timestamp + 1);
            clearing.count(a, index);
        }
        assertEq(_counted(a, index), 101, "a unit in six seconds");
    }

    function test_MRG_14_a_top_up_on_the_clearings_own_chain_waits_for_nothing() public {
        // The local listing's burst is one unit, which a stranger could use up for ever.
        clearing.setParameters(Blobs.amended(_parameters(), 6, 0, 1, 112));
        _fund(bob, 100e18);
        _fund(alice, 10e18);
        assertEq(_counted(a, 0), 10e18);
    }

    function test_MRG_14_nothing_more_counts_at_a_vault_that_gives_no_new_risk() public {
        uint256 index = _grantFar(alice, 1_000e6);
        vm.warp(block.timestamp + TRIP);
        _learn(_grantOf(a, alice.addr, 3_000e6));
        assertEq(_units(a, index), 3_000e6, "it is learned");
        assertEq(_counted(a, index), 1_000e6);
        _hearVault();
        clearing.count(a, index);
        assertEq(_counted(a, index), 1_000e6, "one message is not a recovery");
        vm.warp(block.timestamp + RESTORE / 2);
        _hearVault();
        vm.warp(block.timestamp + RESTORE / 2);
        _hearVault();
        clearing.count(a, index);
        assertEq(_counted(a, index), 3_000e6);
    }

    function test_MRG_14_an_asset_without_a_listing_counts_nothing() public {
        vm.prank(alice.addr);
        vm.expectRevert(abi.encodeWithSelector(Lines.NotListed.selector, REMOTE, REMOTE_VAULT, address(9)));
        clearing.openLine(a, Listing(REMOTE, REMOTE_VAULT, address(9)), alice.addr);
    }
}
