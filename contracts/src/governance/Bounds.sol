// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {WAD, Wad} from "../math/Wad.sol";
import {Caps} from "./Caps.sol";

/// Two slots. A ratio of 64 bits among the parameters that may move: in which word and from which bit, up to what, how far up
/// and down at a time (1e18). The rest is its floor: an asset loses `gap` at once and `hourly` with the root of the hours
/// that its liquidation takes, for which `horizon` stands in seconds.
struct Bound {
    uint16 word;
    uint8 shift;
    uint64 ceiling;
    uint64 rise;
    uint64 fall;
    uint64 gap;
    uint64 hourly;
    uint32 horizon;
}

/// @title How far parameters may move at once: the named ratios, each within its floor and ceiling, by a step; caps down.
/// @notice Twin of core/src/bounds.ts; vectors/bounds.json is run by both. spec/policy.md.
library Bounds {
    uint256 private constant BITS = 64;
    uint256 private constant LAST_SHIFT = 256 - BITS;

    /// Bounds go up by their place, none over another or over the end of its word, each with a floor not above its ceiling.
    error BadBound(uint256 bound);
    error OutOfBounds(uint256 bound, uint256 from, uint256 to, uint256 floor, uint256 ceiling);
    error StepTooLarge(uint256 bound, uint256 from, uint256 to);
    /// Something that is no cap and that no bound names is different too.
    error NotBounded();

    /// @notice Refuses bounds out of order or over each other: a part of a field that two name would be free of both.
    function check(Bound[] memory bounds) internal pure {
        uint256 free;
        for (uint256 i; i < bounds.length; ++i) {
            Bound memory bound = bounds[i];
            uint256 place = 256 * uint256(bound.word) + bound.shift;
            require(place >= free && bound.shift <= LAST_SHIFT && floorOf(bound) <= bound.ceiling, BadBound(i));
            free = place + BITS;
        }
    }

    /// @notice Refuses parameters that differ from the current ones in more, or by more, than caps and the bounds allow.
    /// @dev `current` and `next` are used up. Caps come first, so that no bound over one lets it rise.
    function requireWithin(bytes memory current, bytes memory next, Bound[] memory bounds) internal pure {
        require(current.length == next.length, NotBounded());
        Caps.level(current, next);
        for (uint256 i; i < bounds.length; ++i) {
            (uint256 from, uint256 to) = (_take(current, bounds[i]), _take(next, bounds[i]));
            _require(i, bounds[i], from, to);
        }
        require(keccak256(current) == keccak256(next), NotBounded());
    }

    /// @notice gap + hourly * sqrt(horizon / 1 h), each step rounded up.
    function floorOf(Bound memory bound) internal pure returns (uint256) {
        uint256 square = Math.ceilDiv(uint256(bound.horizon) * WAD * WAD, 1 hours);
        uint256 root = Math.sqrt(square, Math.Rounding.Ceil);
        return bound.gap + Wad.mulUp(bound.hourly, root);
    }

    /// @dev What was outside before, since the bounds have changed, may stay or come nearer.
    function _require(uint256 i, Bound memory bound, uint256 from, uint256 to) private pure {
        uint256 floor = floorOf(bound);
        bool isWithin = (to >= floor || to >= from) && (to <= bound.ceiling || to <= from);
        require(isWithin, OutOfBounds(i, from, to, floor, bound.ceiling));
        require(to > from ? to - from <= bound.rise : from - to <= bound.fall, StepTooLarge(i, from, to));
    }

    /// @dev Reads the field, and leaves zeros in its place.
    function _take(bytes memory blob, Bound memory bound) private pure returns (uint256 value) {
        (uint256 place, uint256 shift) = (32 * uint256(bound.word), bound.shift);
        require(place + 32 <= blob.length, NotBounded());
        assembly ("memory-safe") {
            place := add(add(blob, 32), place)
            let word := mload(place)
            value := and(shr(shift, word), 0xffffffffffffffff)
            mstore(place, and(word, not(shl(shift, 0xffffffffffffffff))))
        }
    }
}
