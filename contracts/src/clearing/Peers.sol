// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Breaker, Ledger} from "./Ledger.sol";
import {Ages, Lateness} from "./Lateness.sol";
import {Outages} from "./Outages.sol";
import {ParameterBlob} from "./Parameters.sol";
import {WAD, Wad} from "../math/Wad.sol";
import {Books} from "../records/Books.sol";

/// What tripped a breaker: the peer was not heard of for longer than its tripAge, an asset's two feeds differ by too much, a
/// guardian froze it, it contradicted itself, or it was closed.
enum Cause {
    AGE,
    DISPERSION,
    FREEZE,
    CONTRADICTION,
    CLOSING
}

/// @title The clearing's peers, venues and vaults: how late they are, and whether their breaker is tripped.
/// @notice A peer is NORMAL, or gives no new risk while it is late beyond its tripAge or its breaker is tripped, or has ended.
/// A breaker trips by itself when a peer is heard of again after longer than its tripAge, and resets once it has stayed
/// healthy for `restoreAfter`: one recovery, not the first message, is what ends an outage.
/// @dev By peer: venue n is 2n and vault n is 2n + 1, so that the first of both share a slot of `heard`. spec/breakers.md.
library Peers {
    using ParameterBlob for bytes;

    event VenueHeard(uint256 indexed venue, uint64 timestamp);
    event VaultHeard(uint256 indexed vault, uint64 timestamp);
    event BreakerTripped(bool indexed isVault, uint256 indexed number, Cause indexed cause);
    event BreakerReset(bool indexed isVault, uint256 indexed number);

    /// Neither a venue nor a vault of this clearing.
    error UnknownPeer(bytes32 peer);
    /// A guardian stopped what goes through this vault, for a time.
    error VaultFrozen(uint256 chainId, address vault, uint64 until);

    function ofVenue(uint256 number) internal pure returns (uint256) {
        unchecked {
            return 2 * number;
        }
    }

    function ofVault(uint256 number) internal pure returns (uint256) {
        unchecked {
            return 2 * number + 1;
        }
    }

    /// @notice How late a peer is (1e18), for new risk and for maintenance. What is tripped is all late for new risk.
    /// @param tripped The bitmap, so that a check reads it once.
    function latenessOf(Ledger storage ledger, uint256 tripped, uint256 peer, Ages ages)
        internal
        view
        returns (uint256 initial, uint256 maintenance)
    {
        unchecked {
            if (ages.isRemoteOf()) {
                uint256 age = ageOf(ledger, peer);
                if (age > ages.calmAgeOf()) (initial, maintenance) = Lateness.atAges(ages, age);
            }
            if (tripped >> peer & 1 == 1) initial = WAD;
        }
    }

    /// @notice Seconds since the newest time of this clearing that the peer is known to have heard.
    function ageOf(Ledger storage ledger, uint256 peer) internal view returns (uint256 age) {
        uint256[4] storage heard = ledger.heard;
        assembly ("memory-safe") {
            let word := sload(add(heard.slot, shr(3, peer)))
            age := sub(timestamp(), and(shr(shl(5, and(peer, 7)), word), 0xffffffff))
        }
    }

    /// @notice Whether new risk may rest on a peer.
    function isNormal(Ledger storage ledger, uint256 peer, Ages ages) internal view returns (bool) {
        if (ledger.tripped >> peer & 1 == 1) return false;
        return !ages.isRemoteOf() || ageOf(ledger, peer) < ages.tripAgeOf();
    }

    /// @notice Keeps the newest time of this clearing that a peer heard, and trips or resets its breaker by it. One on this
    /// chain is never late, so that who has it hear its own chain trips nothing.
    function hear(Ledger storage ledger, bytes32 id, uint256 timestamp, bytes memory blob) internal {
        uint256 peer = find(ledger, id);
        uint256 age = ageOf(ledger, peer);
        // It is as old as when it was added, even if it had heard of this clearing before.
        if (timestamp > block.timestamp - age) keep(ledger, peer, timestamp);
        Ages ages = agesOf(peer, blob);
        if (ages.isRemoteOf() && age >= ages.tripAgeOf()) trip(ledger, peer, Cause.AGE);
        else if (canReset(ledger, peer, blob)) reset(ledger, peer);
    }

    /// @dev A peer is as old as if it had heard of this clearing when it was added.
    function keep(Ledger storage ledger, uint256 peer, uint256 timestamp) internal {
        uint256 shift = peer % 8 * 32;
        uint256 others = ledger.heard[peer / 8] & ~(uint256(type(uint32).max) << shift);
        ledger.heard[peer / 8] = others | uint256(uint32(timestamp)) << shift;
        if (peer & 1 == 0) emit VenueHeard(peer / 2, uint64(timestamp));
        else emit VaultHeard(peer / 2, uint64(timestamp));
    }

    function trip(Ledger storage ledger, uint256 peer, Cause cause) internal {
        ledger.tripped |= uint32(1 << peer);
        ledger.breakers[peer].trippedAt = uint64(block.timestamp);
        emit BreakerTripped(peer & 1 == 1, peer / 2, cause);
    }

    function reset(Ledger storage ledger, uint256 peer) internal {
        ledger.tripped &= ~uint32(1 << peer);
        emit BreakerReset(peer & 1 == 1, peer / 2);
    }

    /// @notice Whether a tripped breaker has been healthy for long enough: nothing tripped it again, the last freeze and the
    /// last outage ended as long ago, and the peer is young. One that contradicted itself, or was closed, never is.
    function canReset(Ledger storage ledger, uint256 peer, bytes memory blob) internal view returns (bool) {
        if (ledger.tripped >> peer & 1 == 0) return false;
        Breaker memory breaker = ledger.breakers[peer];
        if (breaker.isOver) return false;
        // Who watches has to have had blocks to trip it again.
        uint256 healthySince = Wad.max(breaker.trippedAt, Wad.max(breaker.frozenUntil, Outages.lastEnd(ledger, blob)));
        if (block.timestamp < healthySince + blob.restoreAfter()) return false;
        Ages ages = agesOf(peer, blob);
        return !ages.isRemoteOf() || ageOf(ledger, peer) < ages.tripAgeOf();
    }

    /// @dev None for a peer that was added after the parameters were set.
    function agesOf(uint256 peer, bytes memory blob) internal pure returns (Ages) {
        uint256 number = peer / 2;
        if (peer & 1 == 0) return number < blob.venueCount() ? blob.venue(number).agesOf() : Ages.wrap(0);
        return number < blob.vaultCount() ? blob.vault(number).vaultAgesOf() : Ages.wrap(0);
    }

    /// @notice Refuses to go on while a guardian's freeze holds. A contradiction freezes nothing, and ends no freeze: who can
    /// forge what is frozen can forge a contradiction too.
    function requireNotFrozen(Ledger storage ledger, uint256 chainId, address vault) internal view {
        uint64 until = ledger.breakers[find(ledger, Books.peerOf(chainId, vault))].frozenUntil;
        require(block.timestamp >= until, VaultFrozen(chainId, vault, until));
    }

    function find(Ledger storage ledger, bytes32 id) internal view returns (uint256 peer) {
        uint256 number = ledger.venueNumber[id];
        if (number > 0) return ofVenue(number - 1);
        number = ledger.vaultNumber[id];
        require(number > 0, UnknownPeer(id));
        return ofVault(number - 1);
    }
}
