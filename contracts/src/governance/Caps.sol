// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ParameterBlob} from "../clearing/Parameters.sol";

/// @title Caps may be cut at once: to no less than half of what is in force, and none is raised.
/// @notice A lower cap uncounts nothing and makes nobody liquidatable, but what comes later may not count, a debtor's top-up
/// too: so no post cuts more than half. Twin of core/src/caps.ts; vectors/caps.json is run by both. spec/policy.md.
library Caps {
    using ParameterBlob for bytes;

    error CapRaised(uint256 word, uint256 from, uint256 to);
    /// Below half, rounded down, of what is in force.
    error CapCutTooFar(uint256 word, uint256 from, uint256 to);

    /// @notice Refuses a cap that may not be set now, and sets each in `next` to what it is in `current`: what then differs is
    /// no cap.
    /// @dev Both of one length. The layout is that of `current`, which the clearing has checked.
    function level(bytes memory current, bytes memory next) internal pure {
        uint256 layout = current.layoutOf();
        unchecked {
            uint256 word = ParameterBlob.GENERAL_WORDS;
            for (; word < uint16(layout); word += ParameterBlob.LISTING_WORDS) {
                _level(current, next, word, 144, 112); // cap
                _level(current, next, word + 1, 24, 112); // accountCap
                _level(current, next, word + 1, 136, 112); // assetCap
                _level(current, next, word + 2, 0, 112); // burst
            }
            for (word = uint16(layout >> 16); word < uint16(layout >> 32); word += ParameterBlob.MARKET_WORDS) {
                _level(current, next, word, 152, 104); // openInterestCap
            }
            for (word = uint16(layout >> 48); word < uint16(layout >> 64); ++word) {
                _level(current, next, word, 0, 64); // a vault's cap
            }
        }
    }

    function _level(bytes memory current, bytes memory next, uint256 word, uint256 shift, uint256 bits) private pure {
        uint256 before;
        uint256 later;
        assembly ("memory-safe") {
            let place := shl(5, add(word, 1))
            before := mload(add(current, place))
            later := mload(add(next, place))
        }
        if (before == later) return;
        uint256 mask = (1 << bits) - 1;
        (uint256 from, uint256 to) = (before >> shift & mask, later >> shift & mask);
        require(to <= from, CapRaised(word, from, to));
        require(to >= from / 2, CapCutTooFar(word, from, to));
        assembly ("memory-safe") {
            mstore(add(next, shl(5, add(word, 1))), add(later, shl(shift, sub(from, to))))
        }
    }
}
