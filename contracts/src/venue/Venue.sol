// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IPyth} from "@pythnetwork/pyth-sdk-solidity/IPyth.sol";
import {WAD, Wad} from "../math/Wad.sol";
import {Price, PricePolicy, Prices} from "../price/Prices.sol";
import {Book, Books} from "../records/Books.sol";
import {Key, Kind} from "../records/Records.sol";
import {RecordBook} from "../records/RecordBook.sol";
import {RecordSource} from "../records/RecordSource.sol";
import {Order, Orders} from "./Orders.sol";

/// What a market is: fixed when the venue is made.
struct MarketTerms {
    bytes32 feedId;
    /// How far from the index a fill may be, as a share of it (1e18).
    uint64 band;
    /// The smallest order and fill, in base units at 1e18.
    uint128 minSize;
}

/// @title Where perpetual orders meet.
/// @notice Anyone may match two signed orders. The venue knows what each account may still buy and sell, which its
/// clearing told it, and nothing about positions or collateral; what was filled it writes down for the clearing.
/// No owner. @dev spec/contracts.md, VEN-01 to VEN-09.
contract Venue is RecordBook, EIP712 {
    using Books for Book;
    using Orders for Order;
    using SafeCast for uint256;

    /// @notice The one clearing whose limits count here.
    uint256 public immutable clearingChain;
    address public immutable clearing;
    /// @notice The longest silence of a remote clearing through which limits still fill, in seconds.
    uint64 public immutable lease;
    IPyth public immutable pyth;
    PricePolicy public pricePolicy;
    MarketTerms[] public markets;
    /// @notice This venue's own index per market.
    mapping(uint256 market => Price) public indexPrice;
    /// @notice The size filled of an order; all ones once it is cancelled.
    mapping(bytes32 order => uint256) public filled;
    /// @notice Orders of an account with a lower nonce are void.
    mapping(bytes32 account => uint64) public minNonce;

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
    event NoncesCancelled(bytes32 indexed account, uint64 minNonce);
    event IndexPriceUpdated(uint256 indexed market, uint96 price, uint64 publishTime);

    error UnknownMarket(uint256 market);
    error NotTheOwner(address caller, bytes32 account);
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
        (clearingChain, clearing, lease, pyth, pricePolicy) = (clearingChain_, clearing_, lease_, pyth_, pricePolicy_);
        for (uint256 i; i < markets_.length; ++i) {
            markets.push(markets_[i]);
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
        _requireInBand(maker.market, maker.price);
        bytes32 makerOrder = _requireValid(maker, makerSignature);
        bytes32 takerOrder = _requireValid(taker, takerSignature);
        _useOrders(maker, makerOrder, taker, takerOrder, size);
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
            Price memory price = Prices.read(pyth, _termsOf(market).feedId, pricePolicy);
            if (price.publishTime <= indexPrice[market].publishTime) continue;
            indexPrice[market] = price;
            emit IndexPriceUpdated(market, price.price, price.publishTime);
        }
    }

    /// @notice The hash an account's owner signs.
    function hashOrder(Order calldata order) public view returns (bytes32) {
        return _hashTypedDataV4(order.structHash());
    }

    /// @notice What an account may still buy and sell here.
    function leftOf(bytes32 account, uint256 market) external view returns (uint256 buy, uint256 sell) {
        uint128[6] memory fills = _book.writtenOf(_fillsKey(account, market));
        return (_left(account, market, true, fills), _left(account, market, false, fills));
    }

    function _requireLease() private view {
        require(!_book.ended[Books.peerOf(clearingChain, clearing)], PeerEnded(clearingChain, clearing));
        if (clearingChain == block.chainid) return;
        (, uint64 newest) = source.newest(clearingChain, clearing);
        require(uint256(newest) + lease >= block.timestamp, LeaseOver(newest, block.timestamp));
    }

    function _requireInBand(uint256 market, uint96 price) private view {
        uint64 band = _termsOf(market).band;
        Price memory index = indexPrice[market];
        require(
            uint256(index.publishTime) + pricePolicy.maxAge >= block.timestamp,
            IndexTooOld(index.publishTime, block.timestamp)
        );
        uint256 distance = price > index.price ? price - index.price : index.price - price;
        require(distance * WAD <= uint256(index.price) * band, OutsideBand(price, index.price, band));
    }

    function _requireValid(Order calldata order, bytes calldata signature) private view returns (bytes32 hash) {
        hash = hashOrder(order);
        (address signer,,) = ECDSA.tryRecoverCalldata(hash, signature);
        require(signer != address(0) && signer == _ownerOf(order.account), BadOrderSignature(order.account));
        require(block.timestamp < order.expiry, OrderExpired(order.expiry, block.timestamp));
        require(order.nonce >= minNonce[order.account] && filled[hash] != type(uint256).max, OrderCancelledBefore(hash));
    }

    function _useOrders(
        Order calldata maker,
        bytes32 makerOrder,
        Order calldata taker,
        bytes32 takerOrder,
        uint256 size
    ) private {
        uint256 minSize = _termsOf(maker.market).minSize;
        require(size > 0 && size >= minSize, BelowMinSize(size, minSize));
        _useOrder(maker, makerOrder, size);
        _useOrder(taker, takerOrder, size);
    }

    function _useOrder(Order calldata order, bytes32 hash, uint256 size) private {
        uint256 left = order.size - filled[hash];
        require(size <= left, OrderOverfilled(hash, size, left));
        filled[hash] += size;
    }

    function _settle(Order calldata maker, bytes32 makerOrder, bytes32 takerAccount, bytes32 takerOrder, uint128 size)
        private
    {
        uint128 notional = Wad.mulUp(size, maker.price).toUint128();
        bytes32 buyer = maker.isBuy ? maker.account : takerAccount;
        bytes32 seller = maker.isBuy ? takerAccount : maker.account;
        emit Filled(maker.market, buyer, seller, makerOrder, takerOrder, size, maker.price, notional);
        _fill(buyer, maker.market, true, size, notional);
        _fill(seller, maker.market, false, size, notional);
    }

    function _fill(bytes32 account, uint256 market, bool isBuy, uint128 size, uint128 notional) private {
        Key memory key = _fillsKey(account, market);
        uint128[6] memory fills = _book.writtenOf(key);
        uint256 left = _left(account, market, isBuy, fills);
        require(size <= left, LimitExceeded(account, size, left));
        fills[isBuy ? 0 : 1] += size;
        fills[isBuy ? 2 : 3] += notional;
        _book.write(key, fills);
    }

    function _left(bytes32 account, uint256 market, bool isBuy, uint128[6] memory fills)
        private
        view
        returns (uint256)
    {
        (uint128[6] memory limits,,) = _book.learnedOf(_limitKey(account, market));
        return isBuy ? limits[0] - fills[0] - fills[4] : limits[1] - fills[1] - fills[5];
    }

    function _termsOf(uint256 market) private view returns (MarketTerms storage) {
        require(market < markets.length, UnknownMarket(market));
        return markets[market];
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

    function _limitKey(bytes32 account, uint256 market) private view returns (Key memory) {
        return Books.keyFrom(Kind.LIMIT, clearingChain, clearing, account, bytes32(market), address(0));
    }

    function _reads(Kind kind, uint256 chainId, address writer) internal view override returns (bool) {
        return (kind == Kind.LIMIT || kind == Kind.HEARD) && chainId == clearingChain && writer == clearing;
    }

    /// @dev A limit that is voided further than it was raised was never written by an honest clearing.
    function _isConsistent(Key memory key, uint128[6] memory, uint128[6] calldata next, uint64)
        internal
        pure
        override
        returns (bool)
    {
        return key.kind != Kind.LIMIT || (next[2] <= next[0] && next[3] <= next[1]);
    }

    /// @dev The part of a limit that is voided and not filled is forfeited at once. The first limit of an account is
    /// answered with a record of zeros, so that the clearing can tell "nothing filled" from "not heard of yet".
    function _apply(Key memory key, uint128[6] memory known, uint128[6] calldata next) internal override {
        if (key.kind != Kind.LIMIT) return;
        bool isFirst = known[0] == 0 && known[1] == 0;
        Key memory fillsKey = _fillsKey(key.account, uint256(key.item));
        uint128[6] memory fills = _book.writtenOf(fillsKey);
        bool forfeitsBuy = _forfeit(fills, 0, next[2]);
        bool forfeitsSell = _forfeit(fills, 1, next[3]);
        if (isFirst || forfeitsBuy || forfeitsSell) _book.write(fillsKey, fills);
    }

    /// @dev `side` is 0 for buys and 1 for sells; forfeited sizes are the fields 4 and 5.
    function _forfeit(uint128[6] memory fills, uint256 side, uint128 voided) private pure returns (bool) {
        if (voided <= fills[side] + fills[4 + side]) return false;
        fills[4 + side] = voided - fills[side];
        return true;
    }
}
