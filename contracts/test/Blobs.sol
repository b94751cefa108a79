// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Words of a parameter blob, packed by hand: src/clearing/Parameters.sol.
library Blobs {
    /// @dev Cash haircut and liquidation discount 1 %, health target 125 %, prices 60 s, records 600 s, venue loss share
    /// 25 %, settlement from a tenth of the collateral or after a day at a discount of 1 %, moves up to an hour. Parameters
    /// live for ever, a breaker stays tripped for ten minutes, no time without prices is an outage and one gives an hour of
    /// grace, an asset's two feeds may differ by 1 %.
    function general(
        uint256 listings,
        uint256 underlyings,
        uint256 markets,
        uint256 venues,
        uint256 vaults,
        uint256 credits
    ) internal pure returns (bytes memory) {
        uint256[6] memory rows = [3 * listings, 2 * underlyings, 2 * markets, venues, vaults, credits];
        uint256 word0 = 600 | 60 << 24 | uint256(1.25e18) << 40 | uint256(0.01e18) << 104 | uint256(0.01e18) << 168;
        uint256 word1 = 0.25e18 | uint256(0.1e18) << 64 | uint256(0.01e18) << 128 | uint256(1 hours) << 192;
        uint256 word2 = 1 days | uint256(1 days) << 32 | uint256(type(uint32).max) << 64 | uint256(1 days) << 96
            | uint256(10 minutes) << 128 | uint256(type(uint32).max) << 160 | uint256(1 hours) << 192;
        return abi.encodePacked(word0, word1, word2, _places(rows) | uint256(0.01e18) << 96);
    }

    /// @dev Where each section ends, after the four general words.
    function _places(uint256[6] memory rows) private pure returns (uint256 word) {
        uint256 next = 4;
        for (uint256 i; i < 6; ++i) {
            next += rows[i];
            word |= next << 16 * i;
        }
    }

    /// @dev With no caps but the first, and no limit on what comes in.
    function listing(uint256 feed, uint256 decimals, uint256 initial, uint256 maintenance, uint256 cap, uint256 vault_)
        internal
        pure
        returns (bytes memory)
    {
        uint256 most = type(uint112).max;
        return abi.encodePacked(
            feed | decimals << 8 | initial << 16 | maintenance << 80 | cap << 144,
            vault_ | most << 24 | most << 136,
            most | 1 << 112
        );
    }

    /// @dev Concentration is charged 5 % beyond `depth` dollars.
    function underlying(uint256 feed, uint256 initial, uint256 maintenance, uint256 basis, uint256 depth)
        internal
        pure
        returns (bytes memory)
    {
        uint256 word = feed | initial << 8 | maintenance << 72 | basis << 136;
        return abi.encodePacked(word, depth | uint256(0.05e18) << 128);
    }

    /// @dev Funding is believed up to 0.1 % an hour.
    function market(uint256 underlying_, uint256 band, uint256 minSize, uint256 cap, uint256 venue_)
        internal
        pure
        returns (bytes memory)
    {
        uint256 word = underlying_ | band << 8 | minSize << 72 | cap << 152;
        return abi.encodePacked(word, venue_ | uint256(0.001e18) / 3600 << 16);
    }

    /// @dev Calm for a minute, late after five, tripped and dead after an hour.
    function venue(uint256 legShare, bool isRemote) internal pure returns (bytes memory) {
        uint256 word = legShare | 60 << 64 | 300 << 96 | uint256(1 hours) << 128 | uint256(1 hours) << 161
            | (isRemote ? 1 << 160 : 0);
        return abi.encodePacked(word);
    }

    /// @dev Calm for a year: what is late here, a test says.
    function vault(bool isRemote) internal pure returns (bytes memory) {
        uint256 year = 365 days;
        uint256 word = type(uint64).max | year << 64 | year << 96 | 2 * year << 128 | 2 * year << 161;
        return abi.encodePacked(word | (isRemote ? 1 << 160 : 0));
    }

    function credit(uint256 first, uint256 second, uint256 ratio) internal pure returns (bytes memory) {
        return abi.encodePacked(first | second << 8 | ratio << 16);
    }

    /// @dev The blob with `bits` bits of a word, from bit `shift` on, replaced.
    function amended(bytes memory blob, uint256 index, uint256 shift, uint256 value, uint256 bits)
        internal
        pure
        returns (bytes memory changed)
    {
        changed = bytes.concat(blob);
        uint256 mask = (type(uint256).max >> 256 - bits) << shift;
        assembly ("memory-safe") {
            let place := add(add(changed, 32), mul(index, 32))
            mstore(place, or(and(mload(place), not(mask)), shl(shift, value)))
        }
    }
}
