// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WAD, Wad} from "../math/Wad.sol";
import {Books} from "../records/Books.sol";
import {Breaker, Ledger, Ledgers} from "./Ledger.sol";
import {CapTerms, ParameterBlob} from "./Parameters.sol";
import {Cause, Peers} from "./Peers.sol";

/// @title The breakers of a clearing's peers: tripped by a price or a guardian, reset by time.
/// @dev Linked: runs in the clearing's storage. spec/breakers.md. By age they trip in `Peers.hear`.
library Breakers {
    using Ledgers for Ledger;
    using ParameterBlob for bytes;

    event Frozen(uint256 indexed chainId, address indexed peer, uint64 until);

    /// The breaker is not tripped, or not healthy for long enough yet.
    error CannotReset(uint256 chainId, address peer);
    /// It contradicted itself or was closed: nothing lifts that.
    error PeerIsOver(uint256 chainId, address peer);
    error NoSecondFeed(uint256 listing);
    error PricesAgree(uint256 listing, uint256 first, uint256 second, uint256 maxDispersion);
    /// The two prices are not of one moment: what lies between them may be the market's own move. Poke both together.
    error PricesApart(uint256 listing, uint256 firstTime, uint256 secondTime);

    /// @notice How far apart the times of two prices may be that are compared, in seconds.
    uint256 internal constant MAX_APART = 5;

    /// @notice Stops payouts and credit of a peer until then, never learning, and no shorter than it was frozen before. A time
    /// that has passed ends a freeze; the breaker stays tripped until it has been healthy for `restoreAfter`.
    function freeze(Ledger storage ledger, uint256 chainId, address peer, uint64 until) external {
        uint256 found = Peers.find(ledger, Books.peerOf(chainId, peer));
        Breaker storage breaker = ledger.breakers[found];
        if (until > block.timestamp) {
            require(!breaker.isOver, PeerIsOver(chainId, peer));
            until = uint64(Wad.max(until, breaker.frozenUntil));
            Peers.trip(ledger, found, Cause.FREEZE);
        }
        breaker.frozenUntil = until;
        emit Frozen(chainId, peer, until);
    }

    /// @notice Until when a peer is frozen, whoever froze it (seconds); what has passed is over.
    function frozenUntil(Ledger storage ledger, uint256 chainId, address peer) external view returns (uint64) {
        return ledger.breakers[Peers.find(ledger, Books.peerOf(chainId, peer))].frozenUntil;
    }

    /// @notice Resets a breaker whose cause has been gone for `restoreAfter`. Anyone may ask; what is heard of does it alone.
    function reset(Ledger storage ledger, uint256 chainId, address peer) external {
        uint256 found = Peers.find(ledger, Books.peerOf(chainId, peer));
        require(Peers.canReset(ledger, found, ledger.blobOf()), CannotReset(chainId, peer));
        Peers.reset(ledger, found);
    }

    /// @notice Trips the breaker of a listing's vault while the asset's two feeds differ by more than `maxDispersion`.
    function tripDispersed(Ledger storage ledger, uint256 listing) external {
        bytes memory blob = ledger.blobOf();
        require(listing < blob.listingCount(), NoSecondFeed(listing));
        CapTerms caps = blob.capTerms(listing);
        require(caps.hasSecondFeedOf(), NoSecondFeed(listing));
        (uint256 feed, uint256 secondFeed) = (blob.listing(listing).feedOf(), caps.secondFeedOf());
        _requireOneMoment(ledger, listing, feed, secondFeed);
        uint256 first = ledger.freshPrice(feed, blob);
        uint256 second = ledger.freshPrice(secondFeed, blob);
        (uint256 low, uint256 high) = first < second ? (first, second) : (second, first);
        bool isDispersed = (high - low) * WAD > low * blob.maxDispersion();
        require(isDispersed, PricesAgree(listing, first, second, blob.maxDispersion()));
        Peers.trip(ledger, Peers.ofVault(caps.vaultOf()), Cause.DISPERSION);
    }

    /// @dev Else who pokes an old report of one feed and a new one of the other trips the breaker in any fast market.
    function _requireOneMoment(Ledger storage ledger, uint256 listing, uint256 feed, uint256 secondFeed) private view {
        (, uint256 first) = ledger.indexPrice[feed].unpacked();
        (, uint256 second) = ledger.indexPrice[secondFeed].unpacked();
        uint256 apart = first < second ? second - first : first - second;
        require(apart <= MAX_APART, PricesApart(listing, first, second));
    }
}
