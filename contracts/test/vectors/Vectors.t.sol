// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {Misfits} from "../../src/clearing/Misfits.sol";
import {
    CreditTerms,
    DepthTerms,
    CapTerms,
    InflowTerms,
    VaultTerms,
    ListingTerms,
    MarketTerms,
    ParameterBlob,
    PlaceTerms,
    UnderlyingTerms,
    VenueTerms
} from "../../src/clearing/Parameters.sol";
import {Positions} from "../../src/clearing/Positions.sol";
import {Settlement} from "../../src/clearing/Settlement.sol";
import {Share, Taken, Unbacking} from "../../src/clearing/Share.sol";
import {Claims} from "../../src/records/Claims.sol";
import {Lateness} from "../../src/clearing/Lateness.sol";
import {Bound, Bounds} from "../../src/governance/Bounds.sol";
import {Caps} from "../../src/governance/Caps.sol";
import {Price} from "../../src/price/Prices.sol";
import {Key, Kind, Records} from "../../src/records/Records.sol";
import {Funding, Running} from "../../src/venue/Funding.sol";
import {Blobs} from "../Blobs.sol";
import {Counter} from "../harness/Counter.sol";
import {
    CreditInput,
    LineInput,
    Portfolio,
    Portfolios,
    PositionInput,
    UnderlyingInput,
    VenueInput
} from "../harness/Portfolios.sol";

/// @title The golden cases of vectors/, which core/ wrote, computed by the contracts' own libraries.
contract VectorsTest is Test {
    using ParameterBlob for bytes;

    string private json;
    uint256 private cases;

    function _open(string memory name) private {
        json = vm.readFile(string.concat("../vectors/", name, ".json"));
        while (vm.keyExistsJson(json, _at(cases, "name"))) ++cases;
        assertGt(cases, 0, "no cases");
    }

    function _at(uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(".cases[", vm.toString(i), "].", field);
    }

    function _name(uint256 i) private view returns (string memory) {
        return vm.parseJsonString(json, _at(i, "name"));
    }

    /// @dev Numbers are decimal strings, so that no reader takes them for floats.
    function _ints(uint256 i, string memory field) private view returns (int256[] memory values) {
        string[] memory texts = vm.parseJsonStringArray(json, _at(i, field));
        values = new int256[](texts.length);
        for (uint256 j; j < texts.length; ++j) {
            values[j] = vm.parseInt(texts[j]);
        }
    }

    function test_MRG_01_margins() public {
        _open("margin");
        for (uint256 i; i < cases; ++i) {
            Margin memory margin = Portfolios.marginOf(_portfolio(i));
            int256[] memory expected = _ints(i, "margin");
            assertEq(margin.equity, expected[0], _name(i));
            assertEq(margin.initialMarginBalance, expected[1], _name(i));
            assertEq(int256(margin.initialMargin), expected[2], _name(i));
            assertEq(margin.maintenanceMarginBalance, expected[3], _name(i));
            assertEq(int256(margin.maintenanceMargin), expected[4], _name(i));
            assertEq(int256(margin.exposure), expected[5], _name(i));
        }
    }

    function _portfolio(uint256 i) private view returns (Portfolio memory p) {
        p.cash = vm.parseInt(vm.parseJsonString(json, _at(i, "cash")));
        p.cashHaircut = vm.parseUint(vm.parseJsonString(json, _at(i, "cashHaircut")));
        p.venueLossShare = vm.parseUint(vm.parseJsonString(json, _at(i, "venueLossShare")));
        p.lines = abi.decode(_rows(i, "lines", 6), (LineInput[]));
        p.positions = abi.decode(_rows(i, "positions", 8), (PositionInput[]));
        p.underlyings = abi.decode(_rows(i, "underlyings", 6), (UnderlyingInput[]));
        p.venues = abi.decode(_rows(i, "venues", 2), (VenueInput[]));
        p.credits = abi.decode(_rows(i, "credits", 3), (CreditInput[]));
    }

    /// @dev Numbers in rows of `width`, as the ABI encodes a list of structs of that many words.
    function _rows(uint256 i, string memory field, uint256 width) private view returns (bytes memory) {
        int256[] memory values = _ints(i, field);
        return abi.encodePacked(uint256(32), values.length / width, values);
    }

    function _u(int256[] memory values, uint256 i) private pure returns (uint256) {
        assertGe(values[i], 0);
        return uint256(values[i]);
    }

    function test_MRG_10_positions() public {
        _open("positions");
        for (uint256 i; i < cases; ++i) {
            int256[] memory v = _ints(i, "input");
            int256[] memory expected = _ints(i, "output");
            (int256 size, int256 quote, int256 realized) = Positions.book(v[0], v[1], v[2], v[3]);
            assertEq(size, expected[0], _name(i));
            assertEq(quote, expected[1], _name(i));
            assertEq(realized, expected[2], _name(i));
        }
    }

    function test_LIQ_02_shares() public {
        _open("liquidation");
        for (uint256 i; i < cases; ++i) {
            int256[] memory v = _ints(i, "input");
            int256[] memory expected = _ints(i, "output");
            Margin memory margin = Margin(v[0], v[1], _u(v, 2), v[1], _u(v, 2), _u(v, 3));
            Unbacking memory other = Unbacking(_u(v, 7), _u(v, 8));
            Taken memory taken = Share.takenOf(margin, other, _u(v, 4), _u(v, 5), _u(v, 6));
            assertEq(int256(taken.share), expected[0], _name(i));
            assertEq(int256(taken.payment), expected[1], _name(i));
            assertEq(int256(taken.rest), expected[2], _name(i));
        }
    }

    function test_WIT_01_sales() public {
        _open("settlement");
        for (uint256 i; i < cases; ++i) {
            int256[] memory v = _ints(i, "input");
            uint256 price = Settlement.priceAt(_u(v, 0), _u(v, 1), _u(v, 2), _u(v, 3));
            assertEq(int256(price), _ints(i, "output")[0], _name(i));
        }
    }

    function test_FND_01_FND_02_funding() public {
        _open("funding");
        for (uint256 i; i < cases; ++i) {
            int256[] memory v = _ints(i, "input");
            int256[] memory expected = _ints(i, "output");
            Running memory running;
            running.premium = Funding.premiumOf(_u(v, 0), _u(v, 1), _u(v, 2));
            (running.accruedAt, running.byLongs, running.byShorts) = (_u(v, 3), _u(v, 4), _u(v, 5));
            Funding.accrue(running, Price(uint96(_u(v, 6)), uint64(_u(v, 7))), _u(v, 8), _u(v, 9), _u(v, 10));
            assertEq(running.premium, expected[0], _name(i));
            assertEq(int256(running.accruedAt), expected[1], _name(i));
            assertEq(int256(running.byLongs), expected[2], _name(i));
            assertEq(int256(running.byShorts), expected[3], _name(i));
        }
    }

    function test_REC_03_records() public {
        _open("records");
        bytes32 digest;
        for (uint256 i; i < cases; ++i) {
            bytes32 hash = Records.hashOf(_key(i));
            uint128[6] memory fields;
            int256[] memory v = _ints(i, "fields");
            for (uint256 j; j < 6; ++j) {
                fields[j] = uint128(_u(v, j));
            }
            digest = Records.step(digest, hash, fields);
            assertEq(hash, vm.parseJsonBytes32(json, _at(i, "key")), _name(i));
            assertEq(Records.leafOf(hash, fields), vm.parseJsonBytes32(json, _at(i, "leaf")), _name(i));
            assertEq(digest, vm.parseJsonBytes32(json, _at(i, "digest")), _name(i));
        }
    }

    function _key(uint256 i) private view returns (Key memory) {
        string[] memory chains = vm.parseJsonStringArray(json, _at(i, "chains"));
        address[] memory addresses = vm.parseJsonAddressArray(json, _at(i, "addresses"));
        bytes32[] memory words = vm.parseJsonBytes32Array(json, _at(i, "words"));
        Kind kind = Kind(vm.parseUint(vm.parseJsonString(json, _at(i, "kind"))));
        return Key(
            kind,
            vm.parseUint(chains[0]),
            addresses[0],
            vm.parseUint(chains[1]),
            addresses[1],
            words[0],
            words[1],
            addresses[2]
        );
    }

    function test_REC_21_claims() public {
        _open("claims");
        for (uint256 i; i < cases; ++i) {
            bytes32 root = Claims.rootOf(
                vm.parseJsonBytes32(json, _at(i, "key")),
                vm.parseJsonBytes32(json, _at(i, "leaf")),
                vm.parseJsonBytes32Array(json, _at(i, "siblings"))
            );
            assertEq(root, vm.parseJsonBytes32(json, _at(i, "root")), _name(i));
        }
    }

    function test_MRG_31_lateness() public {
        _open("lateness");
        for (uint256 i; i < cases; ++i) {
            int256[] memory v = _ints(i, "input");
            uint256 late = Lateness.at(_u(v, 0), _u(v, 1), _u(v, 2));
            assertEq(int256(late), _ints(i, "output")[0], _name(i));
            assertEq(int256(Lateness.widen(_u(v, 3), late)), _ints(i, "output")[1], _name(i));
        }
    }

    function test_MRG_12_what_counts() public {
        _open("counting");
        for (uint256 i; i < cases; ++i) {
            bytes memory blob = vm.parseJsonBytes(json, _at(i, "blob"));
            int256[] memory v = _ints(i, "input");
            vm.warp(_u(v, 3));
            Counter counter = new Counter(blob, _ints(i, "counted"), v);
            (uint256 admitted, uint256 used, uint256 at) = counter.admit();
            int256[] memory expected = _ints(i, "output");
            assertEq(int256(admitted), expected[0], _name(i));
            assertEq(int256(used), expected[1], _name(i));
            assertEq(int256(at), expected[2], _name(i));
        }
    }

    /// @dev What core calls the nearest may be set, and nothing nearer.
    function test_POL_04_bounds() public {
        _open("bounds");
        for (uint256 i; i < cases; ++i) {
            int256[] memory v = _ints(i, "input");
            int256[] memory expected = _ints(i, "output");
            Bound[] memory bounds = new Bound[](1);
            bounds[0] = _bound(v);
            assertEq(int256(Bounds.floorOf(bounds[0])), expected[0], _name(i));
            bytes memory current = _blobOf(bounds[0], 4, _u(v, 0), 0);
            assertEq(_faultOf(current, _blobOf(bounds[0], _u(v, 3), _u(v, 1), _u(v, 2)), bounds), expected[1], _name(i));
            if (bounds[0].word > 3) continue;
            (uint256 target, uint256 nearest) = (_u(v, 1), _u(expected, 2));
            assertEq(_faultOf(current, _blobOf(bounds[0], 4, nearest, 0), bounds), 0, _name(i));
            if (nearest == target) continue;
            nearest = nearest < target ? nearest + 1 : nearest - 1;
            assertGt(_faultOf(current, _blobOf(bounds[0], 4, nearest, 0), bounds), 0, _name(i));
        }
    }

    function _bound(int256[] memory v) private pure returns (Bound memory) {
        uint256[8] memory n;
        for (uint256 i; i < 8; ++i) {
            n[i] = _u(v, i + 4);
        }
        return Bound(
            uint16(n[6]),
            uint8(n[7]),
            uint64(n[0]),
            uint64(n[1]),
            uint64(n[2]),
            uint64(n[3]),
            uint64(n[4]),
            uint32(n[5])
        );
    }

    /// @dev Words of zeros but for the value in its place, `other` in word 2, and a layout of no entries.
    function _blobOf(Bound memory bound, uint256 words, uint256 value, uint256 other)
        private
        pure
        returns (bytes memory blob)
    {
        for (uint256 i; i < words; ++i) {
            uint256 word = i == 2 ? other : i == 3 ? 0x000400040004000400040004 : 0;
            blob = bytes.concat(blob, bytes32(word | (i == bound.word ? value << bound.shift : 0)));
        }
    }

    /// @dev In the order of core's faults.
    function _faultOf(bytes memory current, bytes memory next, Bound[] memory bounds) private view returns (int256) {
        try this.requireWithin(current, next, bounds) {
            return 0;
        } catch (bytes memory error) {
            if (bytes4(error) == Bounds.OutOfBounds.selector) return 1;
            if (bytes4(error) == Bounds.StepTooLarge.selector) return 2;
            if (bytes4(error) == Caps.CapRaised.selector) return 4;
            if (bytes4(error) == Caps.CapCutTooFar.selector) return 5;
            assertEq(bytes4(error), Bounds.NotBounded.selector);
            return 3;
        }
    }

    function requireWithin(bytes memory current, bytes memory next, Bound[] memory bounds) external pure {
        Bounds.requireWithin(current, next, bounds);
    }

    /// @dev Of every cap of the devnet's parameters, and of what is beside them.
    function test_POL_11_caps() public {
        _open("parameters");
        bytes memory blob = vm.parseJsonBytes(json, _at(0, "blob"));
        cases = 0;
        _open("caps");
        Bound[] memory none;
        for (uint256 i; i < cases; ++i) {
            int256[] memory v = _ints(i, "input");
            int256[] memory expected = _ints(i, "output");
            bytes memory current = _amended(blob, v, _u(v, 3));
            assertEq(_faultOf(current, _amended(blob, v, _u(v, 4)), none), expected[0], _name(i));
            (uint256 target, uint256 nearest) = (_u(v, 4), _u(expected, 1));
            assertEq(_faultOf(current, _amended(blob, v, nearest), none), 0, _name(i));
            if (nearest == target) continue;
            nearest = nearest < target ? nearest + 1 : nearest - 1;
            assertGt(_faultOf(current, _amended(blob, v, nearest), none), 0, _name(i));
        }
    }

    function _amended(bytes memory blob, int256[] memory v, uint256 value) private pure returns (bytes memory) {
        return Blobs.amended(blob, _u(v, 0), _u(v, 1), value, _u(v, 2));
    }

    /// @dev Of every field of the devnet's parameters, what its checks begin and end at.
    function test_MRG_08_misfits() public {
        _open("parameters");
        bytes memory blob = vm.parseJsonBytes(json, _at(0, "blob"));
        cases = 0;
        _open("misfits");
        for (uint256 i; i < cases; ++i) {
            uint256[] memory words = vm.parseJsonUintArray(json, _at(i, "words"));
            bytes32[] memory values = vm.parseJsonBytes32Array(json, _at(i, "values"));
            string[] memory refused = vm.parseJsonStringArray(json, _at(i, "refused"));
            for (uint256 k; k < words.length; ++k) {
                string memory name = string.concat(_name(i), " ", vm.toString(k));
                assertEq(_misfitOf(Blobs.amended(blob, words[k], 0, uint256(values[k]), 256)), refused[k], name);
            }
        }
    }

    function _misfitOf(bytes memory blob) private view returns (string memory) {
        try this.check(blob) {
            return "";
        } catch (bytes memory error) {
            assertEq(bytes4(error), Misfits.BadParameters.selector);
            bytes memory args = new bytes(error.length - 4);
            for (uint256 i; i < args.length; ++i) {
                args[i] = error[i + 4];
            }
            (string memory list, uint256 row) = abi.decode(args, (string, uint256));
            return string.concat(list, " ", vm.toString(row));
        }
    }

    function check(bytes memory blob) external pure {
        Misfits.check(blob, 3, 3, 4, 2, 3);
    }

    /// @dev What core packed, read entry by entry: the devnet's parameters.
    function test_MRG_08_parameters() public {
        _open("parameters");
        bytes memory blob = vm.parseJsonBytes(json, _at(0, "blob"));
        Misfits.check(blob, 3, 3, 4, 2, 3);
        assertEq(blob.cashHaircut(), 0.02e18);
        assertEq(blob.liquidationDiscount(), 0.01e18);
        assertEq(blob.healthTarget(), 1.25e18);
        assertEq(blob.maxPriceAge(), 60);
        assertEq(blob.maxRecordAge(), 600);
        assertEq(blob.venueLossShare(), 0.25e18);
        assertEq(blob.settleShare(), 0.1e18);
        assertEq(blob.saleDiscount(), 0.01e18);
        assertEq(blob.maxMoveAge(), 3600);
        assertEq(blob.settleAfter(), 86_400);
        assertEq(blob.closeGrace(), 86_400);
        _assertPeers(blob);
        UnderlyingTerms btc = blob.underlying(1);
        assertEq(btc.underlyingFeedOf(), 1);
        assertEq(btc.initialRateOf(), 0.095e18);
        assertEq(btc.maintenanceRateOf(), 0.045e18);
        assertEq(btc.basisRateOf(), 0.005e18);
        DepthTerms depth = blob.depth(1);
        assertEq(depth.depthOf(), 2_000_000e18);
        assertEq(depth.concentrationRateOf(), 0.05e18);
        MarketTerms market = blob.market(3);
        assertEq(market.underlyingOf(), 1);
        assertEq(market.bandOf(), 0.03e18);
        assertEq(market.minSizeOf(), 0.01e18);
        assertEq(market.openInterestCapOf(), 500e18);
        PlaceTerms place = blob.place(3);
        assertEq(place.venueOf(), 1);
        assertEq(place.instrumentOf(), 0);
        assertEq(place.maxFundingOf(), uint256(0.001e18) / 3600);
        VenueTerms fast = blob.venue(1);
        assertEq(fast.legShareOf(), 0.05e18);
        assertEq(fast.agesOf().calmAgeOf(), 30);
        assertEq(fast.agesOf().warnAgeOf(), 90);
        assertEq(fast.deadAgeOf(), 300);
        assertEq(fast.agesOf().tripAgeOf(), 300);
        assertTrue(fast.agesOf().isRemoteOf());
        assertFalse(blob.venue(0).agesOf().isRemoteOf());
        CreditTerms credit = blob.credit(0);
        assertEq(credit.firstOf(), 0);
        assertEq(credit.secondOf(), 1);
        assertEq(credit.ratioOf(), 0.45e18);
    }

    function _assertPeers(bytes memory blob) private pure {
        ListingTerms weth = blob.listing(0);
        assertEq(weth.feedOf(), 0);
        assertEq(weth.unitOf(), 1e18);
        assertEq(weth.initialHaircutOf(), 0.2e18);
        assertEq(weth.maintenanceHaircutOf(), 0.15e18);
        assertEq(weth.capOf(), 100_000e18);
        CapTerms caps = blob.capTerms(1);
        assertEq(caps.vaultOf(), 1);
        assertFalse(caps.hasSecondFeedOf());
        assertEq(caps.accountCapOf(), 1e13);
        assertEq(caps.assetCapOf(), 2e14);
        InflowTerms inflow = blob.inflowTerms(0);
        assertEq(inflow.burstOf(), 10_000e18);
        assertEq(inflow.refillTimeOf(), 600);
        assertEq(inflow.capPriceOf(), 2000e18);
        VaultTerms vault = blob.vault(2);
        assertEq(vault.vaultCapOf(), 200_000_000e18);
        assertEq(vault.vaultAgesOf().warnAgeOf(), 90);
        assertEq(vault.vaultAgesOf().endAgeOf(), 300);
        assertEq(blob.life(), 86_400);
        assertEq(blob.lifeRamp(), 604_800);
        assertEq(blob.restoreAfter(), 15);
        assertEq(blob.outageAfter(), 150);
        assertEq(blob.outageGrace(), 3600);
        assertEq(blob.maxDispersion(), 0.01e18);
    }
}
