// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Clearing} from "../../src/clearing/Clearing.sol";
import {WAD, Wad} from "../../src/math/Wad.sol";
import {Price} from "../../src/price/Prices.sol";
import {Book, Books} from "../../src/records/Books.sol";
import {Key, Kind, Records} from "../../src/records/Records.sol";
import {RecordBook, Seen} from "../../src/records/RecordBook.sol";

/// @title The smallest venue: an operator matches elsewhere, and writes down here who bought of whom.
/// @notice One market, number 0, without funding, on the clearing's own chain. docs/venue.md goes through it.
contract Desk is RecordBook {
    using Books for Book;
    using SafeCast for uint256;

    uint256 private constant BAND = 0.02e18;
    uint256 private constant MAX_AGE = 60;
    uint256 private constant MIN_SIZE = 0.01e18;
    Clearing public immutable clearing;
    /// @notice The clearing's number of the price that this market goes by.
    uint256 public immutable feed;
    address public immutable operator;
    bool public isClosed;

    error NotAllowed(address caller);
    error Over();
    error BadTrade(uint128 size, uint96 price, uint96 index);
    error LimitExceeded(bytes32 account, uint256 requested, uint256 left);

    constructor(Clearing clearing_, uint256 feed_, address operator_) RecordBook(clearing_.source(), 10) {
        (clearing, feed, operator) = (clearing_, feed_, operator_);
    }

    /// @notice Writes a trade down. Nothing is learned from it until somebody has the clearing pull it.
    function trade(bytes32 buyer, bytes32 seller, uint128 size, uint96 price) external {
        require(msg.sender == operator, NotAllowed(msg.sender));
        require(!isClosed && !_book.ended[Books.peerOf(block.chainid, address(clearing))], Over());
        Price memory index = clearing.indexPrice(feed);
        uint256 distance = price > index.price ? price - index.price : index.price - price;
        bool isFresh = uint256(index.publishTime) + MAX_AGE >= block.timestamp;
        bool isNear = distance * WAD <= uint256(index.price) * BAND;
        require(buyer != seller && size >= MIN_SIZE && isFresh && isNear, BadTrade(size, price, index.price));
        uint128 notional = Wad.mulUp(size, price).toUint128();
        _fill(buyer, 0, size, notional);
        _fill(seller, 1, size, notional);
    }

    /// @notice Says that nothing is owed up to now. Publishers call it, since the clearing loosens nothing on old funding.
    function accrue(uint256) external {
        _accrue();
    }

    /// @notice Publishers bring prices to every venue; this one reads the clearing's.
    function poke(uint256[] calldata, bytes[] calldata) external payable {}

    /// @notice By the clearing, when governance closes this venue.
    function close() external {
        require(msg.sender == address(clearing), NotAllowed(msg.sender));
        isClosed = true;
    }

    function leftOf(bytes32 account) external view returns (uint256 buy, uint256 sell) {
        uint128[6] memory fills = _book.writtenOf(_fillsKey(account));
        return (_left(account, 0, fills), _left(account, 1, fills));
    }

    /// @dev `side` is 0 for buys and 1 for sells: sizes are the fields 0 and 1, payments 2 and 3, what is forfeited 4 and 5.
    function _fill(bytes32 account, uint256 side, uint128 size, uint128 notional) private {
        Key memory key = _fillsKey(account);
        uint128[6] memory fills = _book.writtenOf(key);
        uint256 left = _left(account, side, fills);
        require(size <= left, LimitExceeded(account, size, left));
        fills[side] += size;
        fills[2 + side] += notional;
        _book.write(key, fills);
    }

    function _left(bytes32 account, uint256 side, uint128[6] memory fills) private view returns (uint256) {
        Key memory key = Books.keyFrom(Kind.LIMIT, block.chainid, address(clearing), account, 0, address(0));
        return _book.learnedFieldAt(Records.hashOf(key), side) - fills[side] - fills[4 + side];
    }

    function _accrue() private {
        uint128[6] memory fields;
        fields[2] = uint128(block.timestamp);
        _book.write(Books.keyTo(Kind.MARKET, block.chainid, address(clearing), 0, 0, address(0)), fields);
    }

    function _fillsKey(bytes32 account) private view returns (Key memory) {
        return Books.keyTo(Kind.FILLS, block.chainid, address(clearing), account, 0, address(0));
    }

    function _reads(Kind kind, uint256 chainId, address writer) internal view override returns (bool) {
        return kind == Kind.LIMIT && chainId == block.chainid && writer == address(clearing);
    }

    /// @dev No honest clearing voids more of a limit than it gave.
    function _isConsistent(Key memory, uint128[6] memory, uint128[6] memory limits, Seen memory)
        internal
        pure
        override
        returns (bool)
    {
        return limits[2] <= limits[0] && limits[3] <= limits[1];
    }

    /// @dev An account's first limit is answered with zeros, behind the record of the market; what is voided and not filled
    /// is forfeited at once.
    function _apply(Key memory key, uint128[6] memory known, uint128[6] memory limits, uint64) internal override {
        Key memory fillsKey = _fillsKey(key.account);
        uint128[6] memory fills = _book.writtenOf(fillsKey);
        for (uint256 side; side < 2; ++side) {
            if (limits[2 + side] > fills[side] + fills[4 + side]) fills[4 + side] = limits[2 + side] - fills[side];
        }
        if (known[0] == 0 && known[1] == 0) _accrue();
        _book.write(fillsKey, fills);
    }
}
