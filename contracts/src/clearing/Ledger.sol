// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {LibBit} from "solady/src/utils/LibBit.sol";
import {SSTORE2} from "solady/src/utils/SSTORE2.sol";
import {WAD, Wad} from "../math/Wad.sol";
import {PackedPrice, Prices} from "../price/Prices.sol";
import {Book, Books} from "../records/Books.sol";
import {Key, Kind} from "../records/Records.sol";
import {Instruments} from "./Instruments.sol";
import {MAX_FEEDS, MAX_MARKETS, ParameterBlob} from "./Parameters.sol";
import {Positions} from "./Positions.sol";

// Of an account.
uint256 constant MAX_LINES = 16;

/// An asset at a vault.
struct Listing {
    uint256 chainId;
    address vault;
    address asset;
}

/// A market at a venue, under the number it has there.
struct Market {
    uint256 chainId;
    address venue;
    bytes32 item;
}

/// One slot. `markets` and `limited` are bitmaps over market indexes: where there is anything, and where limits are
/// outstanding. `debtSince` is when the cash fell below zero (seconds), 0 while it is not; `isPutUp` that its lines may be
/// bought for it.
struct Account {
    int128 cash;
    uint32 markets;
    uint32 limited;
    uint8 lineCount;
    uint32 debtSince;
    bool isPutUp;
}

/// One slot. What the account owns of a listing at one holder, and the part of it under the cap.
struct Line {
    uint112 units;
    uint112 counted;
    uint8 listing;
}

/// One slot.
struct Position {
    int128 size;
    int128 quote;
}

/// One slot. What the account may still buy and sell, and up to when it is known what was filled of it (seconds).
struct Outstanding {
    uint112 buy;
    uint112 sell;
    uint32 asOf;
}

/// A venue or a vault, by its number; of a venue since when the parameters name it (seconds), 0 before.
struct Place {
    uint256 chainId;
    address peer;
    uint64 namedAt;
}

/// One slot. When a peer's breaker last tripped, and until when a guardian's freeze holds (seconds); `isOver` once the peer
/// contradicted itself or was closed, so that it never resets.
struct Breaker {
    uint64 trippedAt;
    uint64 frozenUntil;
    bool isOver;
}

/// One slot. What of a listing's burst is used up, in its own units, as of a time (seconds).
struct Inflow {
    uint112 used;
    uint64 at;
}

/// One slot. What a base unit long has paid in funding since the market was added, less what it received (USD at 1e18),
/// up to when, and the checkpoint it was learned from.
struct FundingIndex {
    int128 index;
    uint64 accruedUntil;
    uint64 blockNumber;
}

/// One slot. When a venue was closed (seconds; 0 while it is open), the one checkpoint whose records are still learned,
/// which is fixed when it contradicts itself or is closed (of one on this chain that did not lie any: `ANY_BLOCK`), and until
/// when they are.
struct Closing {
    uint64 closedAt;
    uint64 lastBlock;
    uint64 until;
}

/// One slot. The longs and shorts of a market if every outstanding limit filled.
struct OpenInterest {
    uint128 long;
    uint128 short;
}

/// All that a clearing knows beside its records.
struct Ledger {
    /// The first slot, which a margin check reads once: the parameters, when they were set (seconds), how many feeds there
    /// were then, which is all they name, and a bitmap of the peers whose breaker is tripped (`Peers`).
    address parameters;
    uint24 version;
    uint8 feedCount;
    uint32 setAt;
    uint32 tripped;
    /// A bitmap of the closed markets that have their price.
    uint32 pricedMarkets;
    /// When a price was last poked, when the first was after an outage of this chain, and when the first of all (seconds).
    uint64 pokedAt;
    uint64 resumedAt;
    uint64 firstPriceAt;
    bytes32[] feeds;
    Listing[] listings;
    Market[] markets;
    Place[] venues;
    Place[] vaults;
    /// By peer (`Peers`), 32 bits each: the newest time of this clearing that the peer is known to have heard (seconds).
    uint256[4] heard;
    /// From one, so that zero means "not there".
    mapping(bytes32 peer => uint256) vaultNumber;
    mapping(bytes32 peer => uint256) venueNumber;
    mapping(uint256 peer => Breaker) breakers;
    mapping(uint256 listing => Inflow) inflow;
    mapping(bytes32 id => uint256) listingIndex;
    mapping(bytes32 id => uint256) marketIndex;
    /// By feed, two a slot.
    PackedPrice[MAX_FEEDS] indexPrice;
    mapping(uint256 feed => Prices.Extremes) extremes;
    mapping(bytes32 account => Account) accounts;
    mapping(bytes32 account => Line[MAX_LINES]) lines;
    mapping(bytes32 account => mapping(uint256 index => address)) holders;
    mapping(bytes32 grantKey => uint256) lineIndex;
    mapping(bytes32 account => Position[MAX_MARKETS]) positions;
    mapping(bytes32 account => Outstanding[MAX_MARKETS]) outstanding;
    mapping(uint256 market => OpenInterest) openInterest;
    mapping(uint256 market => FundingIndex) funding;
    /// The index up to which an account's position has paid and received.
    mapping(bytes32 account => mapping(uint256 market => int256)) fundedTo;
    mapping(uint256 venue => Closing) closings;
    mapping(uint256 market => uint256) closePrice;
    mapping(uint256 listing => uint256) counted;
}

/// @title Accounts on the clearing's ledger: what they hold, what that is worth as margin, and how it changes.
library Ledgers {
    using ParameterBlob for bytes;
    using Prices for Prices.Extremes;
    using SafeCast for uint256;
    using SafeCast for int256;

    uint256 internal constant MAX_ACCOUNT_MARKETS = 16;

    event LineChanged(bytes32 indexed account, uint256 indexed index, uint112 units, uint112 counted);
    event PositionChanged(bytes32 indexed account, uint256 indexed market, int128 size, int128 quote, int128 cash);
    event OutstandingChanged(bytes32 indexed account, uint256 indexed market, uint112 buy, uint112 sell, uint32 asOf);
    event CashChanged(bytes32 indexed account, int128 cash);
    /// `paid` is below zero for what was received. `index` is the one paid up to.
    event FundingPaid(bytes32 indexed account, uint256 indexed market, int256 paid, int256 index);
    event DebtChanged(bytes32 indexed account, uint32 debtSince, bool isPutUp);
    event PositionSettled(bytes32 indexed account, uint256 indexed market, int256 size, uint256 price);

    /// The cached price is older than the parameters allow: poke it.
    error IndexTooOld(uint256 feed, uint64 publishTime, uint256 now_);
    error TooManyMarkets(bytes32 account);
    /// Nothing is judged, counted or heard before the first parameters: the owner sets them (`setParameters`).
    error NoParameters();
    /// No market has been added under this number of the venue's.
    error UnknownMarket(bytes32 item);
    error BelowInitialMargin(int256 marginBalance, uint256 initialMargin);

    function blobOf(Ledger storage ledger) internal view returns (bytes memory) {
        address parameters = ledger.parameters;
        require(parameters != address(0), NoParameters());
        return SSTORE2.read(parameters);
    }

    /// @notice What a margin check needs of the first slot, in one read.
    function checkInput(Ledger storage ledger)
        internal
        view
        returns (uint256 feedCount, uint256 setAt, uint256 tripped)
    {
        uint256 word;
        assembly ("memory-safe") {
            word := sload(ledger.slot)
        }
        return (uint8(word >> 184), uint32(word >> 192), uint32(word >> 224));
    }

    /// @notice The price of a feed, refused if it is older than the parameters allow.
    function freshPrice(Ledger storage ledger, uint256 feed, bytes memory blob) internal view returns (uint256) {
        PackedPrice[MAX_FEEDS] storage prices = ledger.indexPrice;
        PackedPrice packed;
        assembly ("memory-safe") {
            // One read of the half of a slot that an even or odd feed has; no blob names a feed that is not there.
            packed := shr(shl(7, and(feed, 1)), sload(add(prices.slot, shr(1, feed))))
        }
        (uint96 price, uint64 publishTime) = packed.unpacked();
        unchecked {
            if (publishTime + blob.maxPriceAge() < block.timestamp) {
                revert IndexTooOld(feed, publishTime, block.timestamp);
            }
        }
        return price;
    }

    /// @notice The one place where a line's units change.
    function setLine(
        Ledger storage ledger,
        bytes32 account,
        uint256 index,
        Line memory line,
        uint256 units,
        uint256 counted
    ) internal {
        if (counted != line.counted) {
            ledger.counted[line.listing] = ledger.counted[line.listing] + counted - line.counted;
        }
        ledger.lines[account][index] = Line(units.toUint112(), counted.toUint112(), line.listing);
        emit LineChanged(account, index, uint112(units), uint112(counted));
    }

    /// @notice Books a change of size and quote, and of what is outstanding; realized cash joins the account's cash.
    function change(
        Ledger storage ledger,
        bytes32 account,
        uint256 market,
        int256 deltaSize,
        int256 deltaQuote,
        Outstanding memory left
    ) internal {
        if (deltaSize != 0) payFunding(ledger, account, market);
        Position memory position = ledger.positions[account][market];
        Outstanding memory before = ledger.outstanding[account][market];
        (int256 size, int256 quote, int256 realized) =
            Positions.book(position.size, position.quote, deltaSize, deltaQuote);
        _moveOpenInterest(ledger, market, position.size, before, size, left);
        Account memory account_ = ledger.accounts[account];
        _setCash(account, account_, account_.cash + realized);
        bool hasLimits = left.buy > 0 || left.sell > 0;
        account_.limited = _withBit(account_.limited, market, hasLimits);
        account_.markets = _withBit(account_.markets, market, hasLimits || size != 0 || quote != 0);
        require(LibBit.popCount(account_.markets) <= MAX_ACCOUNT_MARKETS, TooManyMarkets(account));
        ledger.accounts[account] = account_;
        if (deltaSize != 0 || deltaQuote != 0) {
            ledger.positions[account][market] = Position(size.toInt128(), quote.toInt128());
            emit PositionChanged(account, market, int128(size), int128(quote), account_.cash);
        }
        if (left.buy != before.buy || left.sell != before.sell || left.asOf != before.asOf) {
            setOutstanding(ledger, account, market, left);
        }
    }

    function setOutstanding(Ledger storage ledger, bytes32 account, uint256 market, Outstanding memory left) internal {
        ledger.outstanding[account][market] = left;
        emit OutstandingChanged(account, market, left.buy, left.sell, left.asOf);
    }

    /// @notice Settles the funding of a position up to the market's index: what a long owes is rounded up, what it is
    /// owed down, and the other side of it is the house's.
    function payFunding(Ledger storage ledger, bytes32 account, uint256 market) internal {
        int256 index = ledger.funding[market].index;
        int256 growth = index - ledger.fundedTo[account][market];
        if (growth == 0) return;
        ledger.fundedTo[account][market] = index;
        int256 size = ledger.positions[account][market].size;
        if (size == 0) return;
        int256 received = Wad.mulDown(growth > 0 ? -size : size, Wad.abs(growth));
        emit FundingPaid(account, market, -received, index);
        addCash(ledger, account, received);
        addCash(ledger, house(), -received);
    }

    /// @notice Brings an account up to date, before anything is decided from its margin: a position in a closed market that
    /// has its price is not worth the index any more, and is settled; of any other its funding is.
    function bringUpToDate(Ledger storage ledger, bytes32 account) internal {
        uint256 priced = ledger.pricedMarkets;
        uint256 market;
        for (uint256 left = ledger.accounts[account].markets; left != 0; (left >>= 1, ++market)) {
            if (left & 1 == 0) continue;
            if (priced >> market & 1 == 1) settleClosed(ledger, account, market);
            else payFunding(ledger, account, market);
        }
    }

    /// @notice Turns a position in a closed market into cash at that market's price, the other side of which is the house's,
    /// and frees what its limits there were charged.
    function settleClosed(Ledger storage ledger, bytes32 account, uint256 market) internal {
        uint256 price = ledger.closePrice[market];
        int256 size = ledger.positions[account][market].size;
        int256 value = Instruments.positionValue(size, price);
        Outstanding memory none;
        change(ledger, account, market, -size, value, none);
        if (value != 0) addCash(ledger, house(), -value);
        emit PositionSettled(account, market, size, price);
    }

    /// @notice The account that takes the other side of what does not add up between two others: residues, and what one
    /// side of a trade has learned before the other. It is the clearing's own, so that nobody can act for it.
    function house() internal view returns (bytes32) {
        return bytes32(bytes20(address(this)));
    }

    function addCash(Ledger storage ledger, bytes32 account, int256 amount) internal {
        Account memory account_ = ledger.accounts[account];
        _setCash(account, account_, account_.cash + amount);
        ledger.accounts[account] = account_;
        emit CashChanged(account, account_.cash);
    }

    function _setCash(bytes32 account, Account memory account_, int256 cash) private {
        account_.cash = cash.toInt128();
        uint32 debtSince = cash >= 0 ? 0 : account_.debtSince == 0 ? uint32(block.timestamp) : account_.debtSince;
        if (debtSince == account_.debtSince) return;
        (account_.debtSince, account_.isPutUp) = (debtSince, false);
        emit DebtChanged(account, debtSince, false);
    }

    function limitKey(Ledger storage ledger, bytes32 account, uint256 market) internal view returns (Key memory) {
        Market memory m = ledger.markets[market];
        return Books.keyTo(Kind.LIMIT, m.chainId, m.venue, account, m.item, address(0));
    }

    /// @notice The number of a record's market. Only records of known markets have limits, and only those are learned with
    /// anything in them.
    function marketOf(Ledger storage ledger, Key memory key) internal view returns (uint256) {
        uint256 number = ledger.marketIndex[keccak256(abi.encode(key.writerChain, key.writer, key.item))];
        require(number > 0, UnknownMarket(key.item));
        return number - 1;
    }

    /// @notice The key of the ledger record of a line, which this clearing writes.
    function ledgerKey(Ledger storage ledger, bytes32 account, uint256 index) internal view returns (Key memory) {
        Listing memory l = ledger.listings[ledger.lines[account][index].listing];
        return Books.keyTo(
            Kind.LEDGER, l.chainId, l.vault, account, bytes32(uint256(uint160(l.asset))), ledger.holders[account][index]
        );
    }

    /// @notice The lowest and highest index that a fill in this market since then (seconds) may have been made at, and the one of
    /// now, USD at 1e18. The venue's own index may have been as old as a price may be.
    function indexRange(Ledger storage ledger, uint256 market, uint256 since, bytes memory blob)
        internal
        view
        returns (uint256 low, uint256 high, uint256 price)
    {
        uint256 feed = blob.underlying(blob.market(market).underlyingOf()).underlyingFeedOf();
        price = freshPrice(ledger, feed, blob);
        (low, high) = ledger.extremes[feed].within(since - blob.maxPriceAge(), uint96(price));
    }

    /// @notice Loosening needs fresh proof of what can hurt: fills of markets where a limit is outstanding. Where none is, nothing can have been filled that is not known.
    /// @param markets A bitmap of the markets to look at.
    function requireFreshRecords(
        Ledger storage ledger,
        Book storage book,
        bytes32 account,
        uint256 markets,
        bytes memory blob
    ) internal view {
        uint256 market;
        for (; markets != 0; (markets >>= 1, ++market)) {
            if (markets & 1 == 0) continue;
            Market memory m = ledger.markets[market];
            Key memory key = Books.keyFrom(Kind.FILLS, m.chainId, m.venue, account, m.item, address(0));
            (,, uint64 asOf) = Books.learnedOf(book, key);
            require(asOf + blob.maxRecordAge() >= block.timestamp, RecordTooOld(market, asOf, block.timestamp));
        }
    }

    /// A fills record that can hurt is older than allowed: have it proven again, or pulled if its venue is on this chain.
    error RecordTooOld(uint256 market, uint64 asOf, uint256 now_);

    /// @notice Loosening also needs to know what positions owe: a market that has not accrued for longer than `maxMoveAge`
    /// may owe more than is known. At a closed venue nothing accrues any more, but from the end of its grace on a position
    /// there is not worth the index either.
    function requireFreshFunding(Ledger storage ledger, bytes32 account, bytes memory blob) internal view {
        uint256 market;
        for (uint256 left = ledger.accounts[account].markets; left != 0; (left >>= 1, ++market)) {
            if (left & 1 == 0) continue;
            uint256 venue = blob.place(market).venueOf();
            // By peer: `Peers.ofVenue`.
            bool isTripped = ledger.tripped >> 2 * venue & 1 == 1;
            uint64 accruedUntil = ledger.funding[market].accruedUntil;
            bool isFresh = accruedUntil + blob.maxMoveAge() >= block.timestamp;
            // A closed venue is tripped for ever.
            if (isFresh && !isTripped || ledger.positions[account][market].size == 0) continue;
            Closing memory closing = ledger.closings[venue];
            bool isClosed = closing.closedAt > 0;
            require(isClosed || isFresh, FundingTooOld(market, accruedUntil, block.timestamp));
            bool isPriced = !isClosed || block.timestamp <= closing.until;
            require(isPriced, PositionUnpriced(market, closing.until, block.timestamp));
        }
    }

    /// A position may owe funding that is not known: have the venue accrue it, and prove that.
    error FundingTooOld(uint256 market, uint64 accruedUntil, uint256 now_);
    /// The grace of a closed venue is over, and a position there has no price yet: fix it (`priceClosed`).
    error PositionUnpriced(uint256 market, uint256 until, uint256 now_);

    function _moveOpenInterest(
        Ledger storage ledger,
        uint256 market,
        int256 size,
        Outstanding memory before,
        int256 newSize,
        Outstanding memory left
    ) private {
        OpenInterest memory interest = ledger.openInterest[market];
        uint256 long = interest.long + _positive(newSize + int256(uint256(left.buy)))
            - _positive(size + int256(uint256(before.buy)));
        uint256 short = interest.short + _positive(int256(uint256(left.sell)) - newSize)
            - _positive(int256(uint256(before.sell)) - size);
        if (long == interest.long && short == interest.short) return;
        ledger.openInterest[market] = OpenInterest(long.toUint128(), short.toUint128());
    }

    function _positive(int256 value) private pure returns (uint256) {
        return value > 0 ? uint256(value) : 0;
    }

    function _withBit(uint32 bitmap, uint256 index, bool isSet) private pure returns (uint32) {
        uint32 bit = uint32(1 << index);
        return isSet ? bitmap | bit : bitmap & ~bit;
    }
}
