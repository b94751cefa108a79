// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPyth} from "@pythnetwork/pyth-sdk-solidity/IPyth.sol";
import {PythStructs} from "@pythnetwork/pyth-sdk-solidity/PythStructs.sol";
import {WAD} from "../math/Wad.sol";

/// What a price must be to be taken.
struct PricePolicy {
    /// The oldest it may be when poked, in seconds.
    uint32 maxAge;
    /// The furthest its time may lie ahead of this chain's, in seconds.
    uint32 maxSkew;
    /// The widest its confidence interval may be, as a share of the price (1e18).
    uint64 maxConfidence;
}

/// A price. `price` is USD per whole token at 1e18.
struct Price {
    uint96 price;
    uint64 publishTime;
}

/// A price in half a slot, from the least significant bit: price (96), publishTime (32, seconds, up to the year 2106).
type PackedPrice is uint128;

using {unpacked} for PackedPrice global;

function packed(Price memory p) pure returns (PackedPrice) {
    return PackedPrice.wrap(uint128(p.price) | uint128(uint32(p.publishTime)) << 96);
}

function unpacked(PackedPrice p) pure returns (uint96 price, uint64 publishTime) {
    return (uint96(PackedPrice.unwrap(p)), uint32(PackedPrice.unwrap(p) >> 96));
}

/// The lowest and highest price poked within a span of time, one slot.
struct Range {
    uint96 low;
    uint96 high;
}

/// @title Prices from Pyth: what is believed of a report, a cache of it, and the extremes it went through.
/// @dev spec/contracts.md, PRC-01 to PRC-04.
library Prices {
    error WrongFee(uint256 sent, uint256 fee);
    error PriceNotPositive(bytes32 feedId, int64 price);
    error PriceTooOld(bytes32 feedId, uint256 publishTime, uint256 now_);
    error PriceFromTheFuture(bytes32 feedId, uint256 publishTime, uint256 now_);
    error PriceTooUncertain(bytes32 feedId, int64 price, uint64 confidence);
    error PriceOutOfRange(bytes32 feedId, int64 price, int32 exponent);

    /// By how long a span is and when it begins, in seconds. Each kind of span is a whole number of the next shorter one.
    struct Extremes {
        mapping(uint256 length => mapping(uint256 start => Range)) spans;
    }

    /// @notice Hands the signed updates to Pyth. The caller sends exactly Pyth's fee.
    function update(IPyth pyth, bytes[] calldata updates) internal {
        uint256 fee = pyth.getUpdateFee(updates);
        require(msg.value == fee, WrongFee(msg.value, fee));
        pyth.updatePriceFeeds{value: fee}(updates);
    }

    /// @notice The feed's price at 1e18, rounded down, if the policy allows it.
    function read(IPyth pyth, bytes32 feedId, PricePolicy memory policy) internal view returns (Price memory) {
        PythStructs.Price memory report = pyth.getPriceUnsafe(feedId);
        require(
            report.publishTime + policy.maxAge >= block.timestamp,
            PriceTooOld(feedId, report.publishTime, block.timestamp)
        );
        return parse(feedId, report, policy);
    }

    /// @notice A report's price at 1e18, rounded down, whatever its age, if the policy allows it otherwise.
    function parse(bytes32 feedId, PythStructs.Price memory report, PricePolicy memory policy)
        internal
        view
        returns (Price memory)
    {
        require(report.price > 0, PriceNotPositive(feedId, report.price));
        require(
            report.publishTime <= block.timestamp + policy.maxSkew,
            PriceFromTheFuture(feedId, report.publishTime, block.timestamp)
        );
        uint256 value = uint256(uint64(report.price));
        require(
            uint256(report.conf) * WAD <= value * policy.maxConfidence,
            PriceTooUncertain(feedId, report.price, report.conf)
        );
        require(report.expo >= -36 && report.expo <= 0, PriceOutOfRange(feedId, report.price, report.expo));
        uint256 price = value * WAD / 10 ** uint32(-report.expo);
        require(price > 0 && price <= type(uint96).max, PriceOutOfRange(feedId, report.price, report.expo));
        return Price(uint96(price), uint64(report.publishTime));
    }

    /// @notice Widens the extremes of the spans that `time` (seconds) is in by the move from `last` to `next`.
    function widen(Extremes storage extremes, uint256 time, uint96 last, uint96 next) internal {
        _widen(extremes, 1 minutes, time, last, next);
        _widen(extremes, 10 minutes, time, last, next);
        _widen(extremes, 1 hours, time, last, next);
        _widen(extremes, 1 days, time, last, next);
        _widen(extremes, 30 days, time, last, next);
    }

    /// @notice The lowest and highest price since `since` (seconds), at least; `current` if nothing moved since.
    /// @dev Too wide by what happened in the minute before `since` at most. The longest spans that begin in time are looked at, so
    /// that any window takes at most 9 minutes, 5 times 10 minutes, 23 hours and 29 days, and one more for every 30 days.
    function within(Extremes storage extremes, uint256 since, uint96 current)
        internal
        view
        returns (uint256 low, uint256 high)
    {
        (low, high) = (current, current);
        uint256 length;
        for (uint256 start = since - since % 1 minutes; start <= block.timestamp; start += length) {
            length = _longestAt(start);
            Range memory range = extremes.spans[length][start];
            if (range.high == 0) continue;
            if (range.low < low) low = range.low;
            if (range.high > high) high = range.high;
        }
    }

    function _longestAt(uint256 start) private pure returns (uint256 length) {
        if (start % 1 hours != 0) return start % 10 minutes == 0 ? 10 minutes : 1 minutes;
        if (start % 1 days != 0) return 1 hours;
        return start % 30 days == 0 ? 30 days : 1 days;
    }

    function _widen(Extremes storage extremes, uint256 length, uint256 time, uint96 last, uint96 next) private {
        Range storage stored = extremes.spans[length][time - time % length];
        Range memory range = stored;
        (uint96 low, uint96 high) = last < next ? (last, next) : (next, last);
        if (range.high != 0) {
            if (range.low < low) low = range.low;
            if (range.high > high) high = range.high;
        }
        if (low != range.low || high != range.high) (stored.low, stored.high) = (low, high);
    }
}
