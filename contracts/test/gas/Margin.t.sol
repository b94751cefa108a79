// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockPyth} from "@pythnetwork/pyth-sdk-solidity/MockPyth.sol";
import {Test} from "forge-std/Test.sol";
import {Clearing} from "../../src/clearing/Clearing.sol";
import {Listing, Market} from "../../src/clearing/Ledger.sol";
import {Margin} from "../../src/clearing/Margin.sol";
import {Lateness} from "../../src/clearing/Lateness.sol";
import {PricePolicy} from "../../src/price/Prices.sol";
import {Key, Kind, Outcome, Record} from "../../src/records/Records.sol";
import {RecordSource} from "../../src/records/RecordSource.sol";
import {Blobs} from "../Blobs.sol";
import {
    CreditInput,
    LineInput,
    Portfolio,
    Portfolios,
    PositionInput,
    UnderlyingInput,
    VenueInput
} from "../harness/Portfolios.sol";
import {Vouched} from "../invariant/Vouched.sol";

/// @title A reader on the clearing's chain that takes whatever is pushed to it.
contract Taker {
    function push(Record calldata) external pure returns (Outcome) {
        return Outcome.TAKEN;
    }
}

/// @title What a margin check costs with positions at venues on three chains: execution on cold storage.
/// @notice 8 lines at vaults on two other chains, 6 positions at a venue here and two elsewhere, one of them heard of late,
/// 3 prices. `npm run gas` prints these figures. One check a test, since the parameters' code is cold only once.
contract MarginGasTest is Test {
    uint256 private constant LINES = 8;
    uint256 private constant MARKETS = 6;
    int256 private constant ETH = 2000;
    int256 private constant BTC = 60_000;
    uint112 private constant LIMIT = 0.02e18;

    uint256[3] private chains = [block.chainid, 10, 42_161];
    address[3] private venues = [address(new Taker()), address(0xB1), address(0xB2)];
    MockPyth private pyth = new MockPyth(60, 0);
    Vouched private vouched = new Vouched();
    Clearing private clearing;

    function setUp() public {
        vm.warp(1_700_000_000);
        clearing = new Clearing(RecordSource(vouched), 60, pyth, PricePolicy(60, 60, 0.01e18), address(this));
        for (uint256 i; i < 3; ++i) {
            clearing.addFeed(bytes32(i + 1));
        }
        for (uint256 i; i < LINES; ++i) {
            Listing memory listing = _listing(i);
            if (i % 2 == 0) clearing.addVault(listing.chainId, listing.vault);
            clearing.listAsset(listing);
        }
        for (uint256 i; i < 3; ++i) {
            clearing.addVenue(chains[i], venues[i]);
        }
        for (uint256 m; m < MARKETS; ++m) {
            clearing.addMarket(Market(chains[m / 2], venues[m / 2], bytes32(m % 2)));
        }
        clearing.setParameters(_parameters());
        _hear(2, block.timestamp);
        vm.warp(block.timestamp + 120);
        _poke();
        _hear(1, block.timestamp);
        _open("one way", [int256(5), 5, 5], 0);
        _open("hedged", [int256(5), -5, 1], 0);
        _open("one way, limited", [int256(5), 5, 5], LIMIT);
        _open("hedged, limited", [int256(5), -5, 1], LIMIT);
    }

    function test_margin_check_one_way() public {
        _check("one way", "Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices", [int256(5), 5, 5], 0);
    }

    function test_margin_check_hedged() public {
        _check("hedged", "Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices, hedged", [int256(5), -5, 1], 0);
    }

    function test_margin_check_one_way_with_limits() public {
        string memory what = "Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices, limits in all 6";
        _check("one way, limited", what, [int256(5), 5, 5], LIMIT);
    }

    function test_margin_check_hedged_with_limits() public {
        string memory what = "Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices, hedged, limits in all 6";
        _check("hedged, limited", what, [int256(5), -5, 1], LIMIT);
    }

    /// @dev Every vault is late for new risk and for maintenance, and so are both venues far away.
    function test_margin_check_with_everything_late() public {
        bytes memory blob = _parameters();
        uint256 vaults = 4 + 3 * LINES + 6 + 2 * MARKETS + 3;
        for (uint256 i; i < 4; ++i) {
            blob = Blobs.amended(blob, vaults + i, 64, 60, 32);
            blob = Blobs.amended(blob, vaults + i, 96, 100, 32);
        }
        clearing.setParameters(blob);
        vm.warp(block.timestamp + 300);
        _poke();
        Portfolio memory p = _portfolio([int256(5), -5, 1], 0);
        // The vaults were added 120 seconds before the venue was heard of.
        (uint256 initial, uint256 maintenance) = (Lateness.at(420, 60, 730 days), Lateness.at(420, 100, 730 days));
        for (uint256 i; i < LINES; ++i) {
            p.lines[i].initialHaircut = Lateness.widen(0.2e18, initial);
            p.lines[i].maintenanceHaircut = Lateness.widen(0.1e18, maintenance);
        }
        p.venues[1].initialLegShare = Lateness.widen(0.05e18, Lateness.at(300, 60, 1 hours));
        p.venues[2].initialLegShare = Lateness.widen(0.05e18, Lateness.at(420, 60, 1 hours));
        p.venues[2].maintenanceLegShare = Lateness.widen(0.05e18, Lateness.at(420, 300, 1 hours));
        string memory what =
            "Clearing.marginOf, 8 lines, 6 positions on 3 chains, 3 prices, hedged, every vault and venue late";
        _check("hedged", what, p);
    }

    function _check(string memory name, string memory what, int256[3] memory tenths, uint256 limit) private {
        _check(name, what, _portfolio(tenths, limit));
    }

    /// @dev What is measured is also what the formula says of the same portfolio.
    function _check(string memory name, string memory what, Portfolio memory portfolio) private {
        bytes32 account = _account(name);
        assertEq(clearing.accountOf(account).lineCount, LINES);
        assertEq(clearing.accountOf(account).markets, (1 << MARKETS) - 1);
        vm.cool(address(clearing));
        Margin memory margin = clearing.marginOf(account);
        emit log_named_uint(what, vm.lastCallGas().gasTotalUsed);
        assertEq(abi.encode(margin), abi.encode(Portfolios.marginOf(portfolio)));
    }

    function _portfolio(int256[3] memory tenths, uint256 limit) private pure returns (Portfolio memory p) {
        (p.cashHaircut, p.venueLossShare) = (0.01e18, 0.25e18);
        uint256[3] memory prices = [uint256(ETH) * 1e18, uint256(BTC) * 1e18, 1e18];
        (p.lines, p.positions) = (new LineInput[](LINES), new PositionInput[](MARKETS));
        for (uint256 i; i < LINES; ++i) {
            p.lines[i] = LineInput(1e24, 1e24, 18, prices[i % 2 == 0 ? 0 : 2], 0.2e18, 0.1e18);
        }
        for (uint256 m; m < MARKETS; ++m) {
            int256 size = tenths[m / 2] * 0.1e18;
            p.positions[m] =
                PositionInput(size, -size * int256(prices[m % 2] / 1e18), limit, limit, 0.03e18, 0.03e18, m % 2, m / 2);
        }
        (p.underlyings, p.venues) = (new UnderlyingInput[](3), new VenueInput[](3));
        for (uint256 i; i < 3; ++i) {
            p.underlyings[i] = UnderlyingInput(0.1e18, 0.05e18, 0.005e18, 10_000_000e18, 0.05e18, prices[i]);
            p.venues[i] = VenueInput(i < 2 ? 0.05e18 : Lateness.widen(0.05e18, Lateness.at(120, 60, 1 hours)), 0.05e18);
        }
        p.credits = new CreditInput[](3);
        p.credits[0] = CreditInput(0, 1, 0.45e18);
        p.credits[1] = CreditInput(0, 2, 0.3e18);
        p.credits[2] = CreditInput(1, 2, 0.25e18);
    }

    /* THE ACCOUNTS */

    /// @dev Lines of a million tokens each; `tenths` of a coin at each venue, in both its markets.
    function _open(string memory name, int256[3] memory tenths, uint112 limit) private {
        address owner = makeAddr(name);
        bytes32 account = _account(name);
        for (uint256 i; i < LINES; ++i) {
            Listing memory listing = _listing(i);
            vm.prank(owner);
            clearing.openLine(account, listing, owner);
            bytes32 item = bytes32(uint256(uint160(listing.asset)));
            _learn(Kind.GRANT, listing.chainId, listing.vault, account, item, owner, _fields(1e24, 0, 0, 0));
        }
        for (uint256 m; m < MARKETS; ++m) {
            int256 size = tenths[m / 2] * 0.1e18;
            _raise(owner, account, m, size > 0 ? uint112(uint256(size)) : 0, size < 0 ? uint112(uint256(-size)) : 0);
            _fill(account, m, size);
        }
        for (uint256 m; limit > 0 && m < MARKETS; ++m) {
            _raise(owner, account, m, limit, limit);
        }
    }

    function _account(string memory name) private returns (bytes32) {
        return bytes32(bytes20(makeAddr(name)));
    }

    function _raise(address owner, bytes32 account, uint256 market, uint112 buy, uint112 sell) private {
        vm.prank(owner);
        clearing.raiseLimits(account, market, buy, sell);
    }

    /// @dev Fills at the index price, behind the market's record: told by the venue if it is here, learned if it is elsewhere.
    function _fill(bytes32 account, uint256 market, int256 size) private {
        uint256 venue = market / 2;
        bytes32 item = bytes32(market % 2);
        uint128 notional = uint128(uint256((size > 0 ? size : -size) * (market % 2 == 0 ? ETH : BTC)));
        uint128[6] memory fields = size > 0
            ? _fields(uint128(uint256(size)), 0, notional, 0)
            : _fields(0, uint128(uint256(-size)), 0, notional);
        if (venue == 0) {
            vm.startPrank(venues[0]);
            clearing.push(Record(Kind.MARKET, chains[0], venues[0], 0, item, address(0), _fields(0, 0, 0, 0)));
            clearing.push(Record(Kind.FILLS, chains[0], venues[0], account, item, address(0), fields));
            vm.stopPrank();
        } else {
            _learn(Kind.MARKET, chains[venue], venues[venue], 0, item, address(0), _fields(0, 0, 0, 0));
            _learn(Kind.FILLS, chains[venue], venues[venue], account, item, address(0), fields);
        }
    }

    /* THE OTHER CHAINS */

    function _hear(uint256 venue, uint256 time) private {
        _learn(Kind.HEARD, chains[venue], venues[venue], 0, 0, address(0), _fields(uint128(time), 0, 0, 0));
    }

    function _learn(
        Kind kind,
        uint256 chainId,
        address writer,
        bytes32 account,
        bytes32 item,
        address holder,
        uint128[6] memory fields
    ) private {
        vouched.vouch(Key(kind, chainId, writer, block.chainid, address(clearing), account, item, holder), fields, 1);
        (Record[] memory records, bytes[] memory proofs) = (new Record[](1), new bytes[](1));
        records[0] = Record(kind, chainId, writer, account, item, holder, fields);
        proofs[0] = abi.encode(uint64(1));
        clearing.learn(records, proofs);
    }

    function _fields(uint128 f0, uint128 f1, uint128 f2, uint128 f3) private pure returns (uint128[6] memory) {
        return [f0, f1, f2, f3, 0, 0];
    }

    /* WHAT IS LISTED */

    /// @dev Two assets at each of four vaults, on the two other chains.
    function _listing(uint256 i) private view returns (Listing memory) {
        return Listing(chains[1 + i / 4], address(uint160(0xA0 + i / 2)), address(uint160(0xC0 + i % 2)));
    }

    /// @dev Lines in turn of a coin and of dollars; the third underlying is not traded by anyone.
    function _parameters() private view returns (bytes memory blob) {
        blob = Blobs.general(LINES, 3, MARKETS, 3, 4, 3);
        for (uint256 i; i < LINES; ++i) {
            blob = bytes.concat(blob, Blobs.listing(i % 2 == 0 ? 0 : 2, 18, 0.2e18, 0.1e18, type(uint112).max, i / 2));
        }
        for (uint256 i; i < 3; ++i) {
            blob = bytes.concat(blob, Blobs.underlying(i, 0.1e18, 0.05e18, 0.005e18, 10_000_000e18));
        }
        for (uint256 m; m < MARKETS; ++m) {
            blob = bytes.concat(blob, Blobs.market(m % 2, 0.03e18, 0.01e18, 1e24, m / 2));
        }
        for (uint256 i; i < 3; ++i) {
            blob = bytes.concat(blob, Blobs.venue(0.05e18, chains[i] != block.chainid));
        }
        for (uint256 i; i < 4; ++i) {
            blob = bytes.concat(blob, Blobs.vault(true));
        }
        blob = bytes.concat(blob, Blobs.credit(0, 1, 0.45e18), Blobs.credit(0, 2, 0.3e18), Blobs.credit(1, 2, 0.25e18));
    }

    function _poke() private {
        (bytes[] memory updates, uint256[] memory feeds) = (new bytes[](3), new uint256[](3));
        int64[3] memory dollars = [int64(ETH), int64(BTC), 1];
        for (uint256 i; i < 3; ++i) {
            (int64 price, uint64 time) = (dollars[i] * 1e8, uint64(block.timestamp));
            updates[i] = pyth.createPriceFeedUpdateData(bytes32(i + 1), price, 1e3, -8, price, 1e3, time, 0);
            feeds[i] = i;
        }
        clearing.poke(feeds, updates);
    }
}
