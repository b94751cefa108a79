// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IPyth} from "@pythnetwork/pyth-sdk-solidity/IPyth.sol";
import {WAD, Wad} from "../math/Wad.sol";
import {Price, PricePolicy, Prices} from "../price/Prices.sol";
import {Book, Books} from "../records/Books.sol";
import {Key, Kind, Records} from "../records/Records.sol";
import {RecordBook, Seen} from "../records/RecordBook.sol";
import {RecordSource} from "../records/RecordSource.sol";
import {Funding, Running} from "./Funding.sol";
import {Order, Orders} from "./Orders.sol";

/// What a market is: fixed when the venue is made. All but the feed in one slot.
struct MarketTerms {
    bytes32 feedId;
    /// How far from the index a fill may be, as a share of it (1e18).
    uint64 band;
    /// The most that funding takes in a period, as a share of the index (1e18); at most all of it.
    uint64 maxPremium;
    /// The time in which a standing premium is paid once, in seconds; not zero.
    uint32 fundingPeriod;
    /// The smallest order and fill, in base units at 1e18.
    uint96 minSize;
}

/// @title Where perpetual orders meet.
/// @notice Anyone may match two signed orders. The venue knows what each account may still buy and sell, which its
/// clearing told it, and nothing about positions or collateral; what was filled it writes down for the clearing.
/// No owner. @dev spec/contracts.md, VEN-01 to VEN-11; spec/funding.md, FND-01 to FND-09.
contract Venue is RecordBook, EIP712 {
    using Books for Book;
    using Funding for bytes32;
    using Funding for Running;
    using Orders for Order;
    using SafeCast for uint256;

    /// @notice The one clearing whose limits count here.
    uint256 public immutable clearingChain;
    address public immutable clearing;
    /// @notice The longest silence of a remote clearing through which limits still fill, in seconds.
    uint64 public immutable lease;
    IPyth public immutable pyth;
    /// @notice On a fill, a market's record is written again once it is this old, in seconds; `accrue` writes it at any time.
    uint256 public constant FUNDING_INTERVAL = 10 minutes;
    uint32 private immutable _maxAge;
    uint32 private immutable _maxSkew;
    uint64 private immutable _maxConfidence;
    bytes32 private immutable _clearingPeer;
    mapping(uint256 market => MarketTerms) public markets;
    /// @notice This venue's own index per market.
    mapping(uint256 market => Price) public indexPrice;
    mapping(uint256 market => bytes32) private _funding;
    /// @notice The size filled of an order; all ones once it is cancelled.
    mapping(bytes32 order => uint256) public filled;
    /// @notice Orders of an account with a lower nonce are void.
    mapping(bytes32 account => uint64) public minNonce;
    /// @notice Whether the clearing, on this chain, has closed this venue: nothing is filled or accrued any more, and what is
    /// void is still forfeited.
    bool public isClosed;

    event Filled(
        uint256 indexed market,
        bytes32 indexed buyer,
        bytes32 indexed seller,
        bytes32 makerOrder,
        bytes32 takerOrder,
        uint128 size,
        uint96 price,
        uint128 notional
    );
    event OrderCancelled(bytes32 indexed account, bytes32 order);
    event Closed();
    event NoncesCancelled(bytes32 indexed account, uint64 minNonce);
    event IndexPriceUpdated(uint256 indexed market, uint96 price, uint64 publishTime);

    /// A market's terms have no funding period, or a premium above the whole price.
    error BadTerms(uint256 market);
    error UnknownMarket(uint256 market);
    error NotTheOwner(address caller, bytes32 account);
    error NotTheClearing(address caller);
    /// The two orders are not a buy and a sell of one market by two accounts.
    error OrdersDoNotMatch();
    error PricesDoNotCross(uint96 maker, uint96 taker);
    /// The signature is not the account owner's for this order, chain and venue.
    error BadOrderSignature(bytes32 account);
    error OrderExpired(uint64 expiry, uint256 now_);
    error OrderCancelledBefore(bytes32 order);
    error OrderOverfilled(bytes32 order, uint256 requested, uint256 left);
    error BelowMinSize(uint256 size, uint256 minSize);
    error OutsideBand(uint96 price, uint96 index, uint64 band);
    error IndexTooOld(uint64 publishTime, uint256 now_);
    /// The account may not buy or sell that much more here: it has no limit left.
    error LimitExceeded(bytes32 account, uint256 requested, uint256 left);
    /// The clearing has been silent for longer than the lease.
    error LeaseOver(uint64 newest, uint256 now_);

    constructor(
        RecordSource source_,
        uint64 heartbeat_,
        uint256 clearingChain_,
        address clearing_,
        uint64 lease_,
        IPyth pyth_,
        PricePolicy memory pricePolicy_,
        MarketTerms[] memory markets_
    ) RecordBook(source_, heartbeat_) EIP712("Omnimargin Venue", "1") {
        (clearingChain, clearing, lease, pyth) = (clearingChain_, clearing_, lease_, pyth_);
        (_maxAge, _maxSkew) = (pricePolicy_.maxAge, pricePolicy_.maxSkew);
        _maxConfidence = pricePolicy_.maxConfidence;
        _clearingPeer = Books.peerOf(clearingChain_, clearing_);
        for (uint256 i; i < markets_.length; ++i) {
            require(markets_[i].fundingPeriod > 0 && markets_[i].maxPremium <= WAD, BadTerms(i));
            markets[i] = markets_[i];
        }
    }

    /// @notice Fills `size` of two crossing orders at the maker's price.
    function fill(
        Order calldata maker,
        bytes calldata makerSignature,
        Order calldata taker,
        bytes calldata takerSignature,
        uint128 size
    ) external {
        _requireLease();
        require(
            maker.market == taker.market && maker.isBuy != taker.isBuy && maker.account != taker.account,
            OrdersDoNotMatch()
        );
        require(
            maker.isBuy ? maker.price >= taker.price : maker.price <= taker.price,
            PricesDoNotCross(maker.price, taker.price)
        );
        Running memory funding = _requireTerms(maker.market, maker.price, size);
        bytes32 makerOrder = _useOrder(maker, makerSignature, size);
        bytes32 takerOrder = _useOrder(taker, takerSignature, size);
        _keepFunding(maker.market, funding, funding.writtenAt + FUNDING_INTERVAL <= block.timestamp);
        _settle(maker, makerOrder, taker.account, takerOrder, size);
    }

    /// @notice Voids an order of the caller's account.
    function cancel(Order calldata order) external {
        _requireOwner(order.account);
        bytes32 hash = hashOrder(order);
        filled[hash] = type(uint256).max;
        emit OrderCancelled(order.account, hash);
    }

    /// @notice Voids all orders of the caller's account with a nonce below `nonce`.
    function cancelBelow(bytes32 account, uint64 nonce) external {
        _requireOwner(account);
        if (nonce <= minNonce[account]) return;
        minNonce[account] = nonce;
        emit NoncesCancelled(account, nonce);
    }

    /// @notice Brings this venue's index up to date from Pyth.
    function poke(uint256[] calldata marketIds, bytes[] calldata updates) external payable {
        Prices.update(pyth, updates);
        for (uint256 i; i < marketIds.length; ++i) {
            uint256 market = marketIds[i];
            MarketTerms storage terms = _termsOf(market);
            Price memory price = Prices.read(pyth, terms.feedId, pricePolicy());
            Price memory before = indexPrice[market];
            if (price.publishTime <= before.publishTime) continue;
            Running memory funding = _accrued(market, terms, before);
            indexPrice[market] = price;
            emit IndexPriceUpdated(market, price.price, price.publishTime);
            _keepFunding(market, funding, false);
        }
    }

    /// @notice Ends all trade here (`Closable`). By the clearing alone, where it is on this chain: one elsewhere shows its end by silence.
    function close() external {
        require(msg.sender == clearing && clearingChain == block.chainid, NotTheClearing(msg.sender));
        isClosed = true;
        _book.ended[_clearingPeer] = true;
        emit Closed();
    }

    /// @notice Writes a market's funding up to now into its record. Anyone may ask, until the clearing is no more.
    function accrue(uint256 market) external {
        require(!_book.ended[_clearingPeer], PeerEnded(clearingChain, clearing));
        _keepFunding(market, _accrued(market, _termsOf(market), indexPrice[market]), true);
    }

    /// @notice The hash an account's owner signs.
    function hashOrder(Order calldata order) public view returns (bytes32) {
        return _hashTypedDataV4(order.structHash());
    }

    /// @notice What longs and shorts have been charged up to now, in USD at 1e18 per base unit, and the premium that stands.
    function fundingOf(uint256 market) external view returns (uint256 byLongs, uint256 byShorts, int256 premium) {
        Running memory funding = _accrued(market, _termsOf(market), indexPrice[market]);
        uint128[6] memory written = _book.writtenOf(_marketKey(market));
        return (written[0] + funding.byLongs, written[1] + funding.byShorts, funding.premium);
    }

    function pricePolicy() public view returns (PricePolicy memory) {
        return PricePolicy(_maxAge, _maxSkew, _maxConfidence);
    }

    /// @notice What an account may still buy and sell here.
    function leftOf(bytes32 account, uint256 market) external view returns (uint256 buy, uint256 sell) {
        Key memory key = _fillsKey(account, market);
        uint128[6] memory fills = _book.writtenOf(key);
        return (_left(key, 0, fills), _left(key, 1, fills));
    }

    function _requireLease() private view {
        require(!_book.ended[_clearingPeer], PeerEnded(clearingChain, clearing));
        if (clearingChain == block.chainid) return;
        (, uint64 newest) = source.newest(clearingChain, clearing);
        require(uint256(newest) + lease >= block.timestamp, LeaseOver(newest, block.timestamp));
    }

    /// @dev Size and price of a fill against the market's terms and index. The funding returned has accrued under the premium
    /// that stood before, and goes on under this fill's.
    function _requireTerms(uint256 market, uint96 price, uint256 size) private view returns (Running memory funding) {
        MarketTerms storage terms = _termsOf(market);
        (uint256 band, uint256 minSize) = (terms.band, terms.minSize);
        require(size > 0 && size >= minSize, BelowMinSize(size, minSize));
        Price memory index = indexPrice[market];
        require(
            uint256(index.publishTime) + _maxAge >= block.timestamp, IndexTooOld(index.publishTime, block.timestamp)
        );
        uint256 distance = price > index.price ? price - index.price : index.price - price;
        require(distance * WAD <= uint256(index.price) * band, OutsideBand(price, index.price, uint64(band)));
        funding = _accrued(market, terms, index);
        funding.premium = Funding.premiumOf(price, index.price, terms.maxPremium);
    }

    function _accrued(uint256 market, MarketTerms storage terms, Price memory index)
        private
        view
        returns (Running memory funding)
    {
        funding = _funding[market].unpack();
        funding.accrue(index, _maxAge, terms.fundingPeriod, block.timestamp);
    }

    /// @dev Into the slot; into the record first if that is due, or if it does not fit the slot any more.
    function _keepFunding(uint256 market, Running memory funding, bool isDue) private {
        if (!isDue && funding.fits()) {
            _funding[market] = funding.pack();
            return;
        }
        Key memory key = _marketKey(market);
        uint128[6] memory fields = _book.writtenOf(key);
        fields[0] += funding.byLongs.toUint128();
        fields[1] += funding.byShorts.toUint128();
        fields[2] = uint128(block.timestamp);
        (funding.byLongs, funding.byShorts, funding.writtenAt) = (0, 0, block.timestamp);
        _funding[market] = funding.pack();
        _book.write(key, fields);
    }

    /// @dev An owner that is a contract signs by ERC-1271. A key is tried first, so that it goes on signing for an account
    /// of code that it delegated to (EIP-7702).
    function _useOrder(Order calldata order, bytes calldata signature, uint256 size) private returns (bytes32 hash) {
        hash = hashOrder(order);
        address owner = _ownerOf(order.account);
        (address signer,,) = ECDSA.tryRecoverCalldata(hash, signature);
        require(
            (signer == owner && signer != address(0))
                || SignatureChecker.isValidERC1271SignatureNowCalldata(owner, hash, signature),
            BadOrderSignature(order.account)
        );
        require(block.timestamp < order.expiry, OrderExpired(order.expiry, block.timestamp));
        uint256 used = filled[hash];
        require(order.nonce >= minNonce[order.account] && used != type(uint256).max, OrderCancelledBefore(hash));
        uint256 left = order.size - used;
        require(size <= left, OrderOverfilled(hash, size, left));
        filled[hash] = used + size;
    }

    function _settle(Order calldata maker, bytes32 makerOrder, bytes32 takerAccount, bytes32 takerOrder, uint128 size)
        private
    {
        uint128 notional = Wad.mulUp(size, maker.price).toUint128();
        bytes32 buyer = maker.isBuy ? maker.account : takerAccount;
        bytes32 seller = maker.isBuy ? takerAccount : maker.account;
        emit Filled(maker.market, buyer, seller, makerOrder, takerOrder, size, maker.price, notional);
        _fill(_fillsKey(buyer, maker.market), 0, size, notional);
        _fill(_fillsKey(seller, maker.market), 1, size, notional);
    }

    /// @dev `side` is 0 for buys and 1 for sells, here and below: sizes are the fields 0 and 1, payments 2 and 3.
    function _fill(Key memory key, uint256 side, uint128 size, uint128 notional) private {
        bytes32 hash = Records.hashOf(key);
        uint128[6] memory known = _book.writtenAt(hash, 6);
        uint256 left = _left(key, side, known);
        require(size <= left, LimitExceeded(key.account, size, left));
        uint128[6] memory fills = Books.copyOf(known);
        fills[side] += size;
        fills[2 + side] += notional;
        _book.writeOver(key, hash, known, fills);
    }

    /// @dev `key` is that of the account's fills, what was learned of its limits has the two ends exchanged.
    function _left(Key memory key, uint256 side, uint128[6] memory fills) private view returns (uint256) {
        uint128 limit = _book.learnedFieldAt(Records.hashOf(_limitKey(key.account, uint256(key.item))), side);
        return limit - fills[side] - fills[4 + side];
    }

    function _termsOf(uint256 market) private view returns (MarketTerms storage terms) {
        terms = markets[market];
        require(terms.fundingPeriod > 0, UnknownMarket(market));
    }

    function _requireOwner(bytes32 account) private view {
        require(msg.sender == _ownerOf(account), NotTheOwner(msg.sender, account));
    }

    function _ownerOf(bytes32 account) private pure returns (address) {
        return address(bytes20(account));
    }

    function _fillsKey(bytes32 account, uint256 market) private view returns (Key memory) {
        return Books.keyTo(Kind.FILLS, clearingChain, clearing, account, bytes32(market), address(0));
    }

    function _marketKey(uint256 market) private view returns (Key memory) {
        return Books.keyTo(Kind.MARKET, clearingChain, clearing, 0, bytes32(market), address(0));
    }

    function _limitKey(bytes32 account, uint256 market) private view returns (Key memory) {
        return Books.keyFrom(Kind.LIMIT, clearingChain, clearing, account, bytes32(market), address(0));
    }

    function _reads(Kind kind, uint256 chainId, address writer) internal view override returns (bool) {
        return (kind == Kind.LIMIT || kind == Kind.HEARD) && chainId == clearingChain && writer == clearing;
    }

    /// @dev A limit that is voided further than it was raised was never written by an honest clearing.
    function _isConsistent(Key memory key, uint128[6] memory, uint128[6] memory next, Seen memory)
        internal
        pure
        override
        returns (bool)
    {
        return key.kind != Kind.LIMIT || (next[2] <= next[0] && next[3] <= next[1]);
    }

    /// @dev What a clearing voids after it has closed this venue is still heard.
    function _isOver(bytes32, uint64) internal view override returns (bool) {
        return !isClosed;
    }

    /// @dev The part of a limit that is voided and not filled is forfeited at once. The first limit of an account is
    /// answered with a record of zeros, so that the clearing can tell "nothing filled" from "not heard of yet". The
    /// market's own record goes ahead of the first of its fills.
    function _apply(Key memory key, uint128[6] memory known, uint128[6] memory next, uint64) internal override {
        if (key.kind != Kind.LIMIT) return;
        bool isFirst = known[0] == 0 && known[1] == 0;
        Key memory fillsKey = _fillsKey(key.account, uint256(key.item));
        uint128[6] memory fills = _book.writtenOf(fillsKey);
        bool forfeitsBuy = _forfeit(fills, 0, next[2]);
        bool forfeitsSell = _forfeit(fills, 1, next[3]);
        if (!isFirst && !forfeitsBuy && !forfeitsSell) return;
        _openMarket(uint256(key.item));
        _book.write(fillsKey, fills);
    }

    /// @dev A market that has no record yet has had no fill, so nothing is owed: zeros up to now.
    function _openMarket(uint256 market) private {
        Running memory funding = _funding[market].unpack();
        if (funding.writtenAt > 0) return;
        funding.accruedAt = block.timestamp;
        _keepFunding(market, funding, true);
    }

    /// @dev Forfeited sizes are the fields 4 and 5.
    function _forfeit(uint128[6] memory fills, uint256 side, uint128 voided) private pure returns (bool) {
        if (voided <= fills[side] + fills[4 + side]) return false;
        fills[4 + side] = voided - fills[side];
        return true;
    }
}
