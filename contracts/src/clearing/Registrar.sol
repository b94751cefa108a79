// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SSTORE2} from "solady/src/utils/SSTORE2.sol";
import {Books} from "../records/Books.sol";
import {Ledger, Listing, Market, Place} from "./Ledger.sol";
import {Ages} from "./Lateness.sol";
import {Misfits} from "./Misfits.sol";
import {MAX_FEEDS, MAX_MARKETS, ParameterBlob} from "./Parameters.sol";
import {Peers} from "./Peers.sol";

/// @title What a clearing lists, and its risk parameters.
/// @dev Linked: runs in the clearing's storage, for its owner alone. spec/contracts.md, CLR-09; spec/margin.md, MRG-08.
library Registrar {
    using ParameterBlob for bytes;

    event FeedAdded(uint256 indexed feed, bytes32 feedId);
    event VaultAdded(uint256 indexed number, uint256 indexed chainId, address indexed vault);
    event VenueAdded(uint256 indexed number, uint256 indexed chainId, address indexed venue);
    event AssetListed(uint256 indexed listing, uint256 indexed chainId, address indexed vault, address asset);
    event MarketAdded(uint256 indexed market, uint256 indexed chainId, address indexed venue, bytes32 item);
    event ParametersSet(uint32 indexed version, bytes blob, uint64 setAt);

    /// Not added before as a vault, or as a venue.
    error NotAPeer(uint256 chainId, address peer);
    error AlreadyAdded();
    error TooManyEntries(uint256 limit);

    function addFeed(Ledger storage ledger, bytes32 feedId) external {
        require(ledger.feeds.length < MAX_FEEDS, TooManyEntries(MAX_FEEDS));
        emit FeedAdded(ledger.feeds.length, feedId);
        ledger.feeds.push(feedId);
    }

    function addVault(Ledger storage ledger, uint256 chainId, address vault) external {
        uint256 index = ledger.vaults.length;
        _index(ledger.vaultNumber, Books.peerOf(chainId, vault), index, ParameterBlob.MAX_VAULTS);
        ledger.vaults.push(Place(chainId, vault, 0));
        Peers.keep(ledger, Peers.ofVault(index), block.timestamp);
        emit VaultAdded(index, chainId, vault);
    }

    function addVenue(Ledger storage ledger, uint256 chainId, address venue) external {
        uint256 index = ledger.venues.length;
        _index(ledger.venueNumber, Books.peerOf(chainId, venue), index, ParameterBlob.MAX_VENUES);
        ledger.venues.push(Place(chainId, venue, 0));
        Peers.keep(ledger, Peers.ofVenue(index), block.timestamp);
        emit VenueAdded(index, chainId, venue);
    }

    function listAsset(Ledger storage ledger, Listing calldata listing) external {
        uint256 vault = ledger.vaultNumber[Books.peerOf(listing.chainId, listing.vault)];
        require(vault > 0, NotAPeer(listing.chainId, listing.vault));
        uint256 index = ledger.listings.length;
        _index(ledger.listingIndex, keccak256(abi.encode(listing)), index, ParameterBlob.MAX_LISTINGS);
        ledger.listings.push(listing);
        emit AssetListed(index, listing.chainId, listing.vault, listing.asset);
    }

    function addMarket(Ledger storage ledger, Market calldata market) external {
        uint256 number = ledger.venueNumber[Books.peerOf(market.chainId, market.venue)];
        require(number > 0, NotAPeer(market.chainId, market.venue));
        uint256 index = ledger.markets.length;
        _index(ledger.marketIndex, keccak256(abi.encode(market)), index, MAX_MARKETS);
        ledger.markets.push(market);
        ledger.funding[index].accruedUntil = uint64(block.timestamp);
        emit MarketAdded(index, market.chainId, market.venue, market.item);
    }

    function setParameters(Ledger storage ledger, bytes memory blob) external {
        (uint256 listings, uint256 markets) = (ledger.listings.length, ledger.markets.length);
        Misfits.check(blob, ledger.feeds.length, listings, markets, ledger.venues.length, ledger.vaults.length);
        for (uint256 i; i < listings; ++i) {
            Listing memory listing = ledger.listings[i];
            uint256 number = ledger.vaultNumber[Books.peerOf(listing.chainId, listing.vault)];
            require(blob.capTerms(i).vaultOf() + 1 == number, Misfits.BadParameters("listings", i));
        }
        for (uint256 i; i < markets; ++i) {
            Market memory market = ledger.markets[i];
            uint256 number = ledger.venueNumber[Books.peerOf(market.chainId, market.venue)];
            require(blob.place(i).venueOf() + 1 == number, Misfits.BadParameters("markets", i));
        }
        _requireRemoteness(ledger.venues, blob, true);
        _requireRemoteness(ledger.vaults, blob, false);
        _name(ledger.venues);
        ledger.parameters = SSTORE2.write(blob);
        (ledger.feedCount, ledger.setAt) = (uint8(ledger.feeds.length), uint32(block.timestamp));
        emit ParametersSet(++ledger.version, blob, uint64(block.timestamp));
    }

    /// @dev Parameters may come long after a venue was added, by a timelock; until then nobody need have carried its roots.
    function _name(Place[] storage venues) private {
        for (uint256 i = venues.length; i > 0 && venues[i - 1].namedAt == 0; --i) {
            venues[i - 1].namedAt = uint64(block.timestamp);
        }
    }

    function _requireRemoteness(Place[] storage places, bytes memory blob, bool areVenues) private view {
        for (uint256 i; i < places.length; ++i) {
            Ages ages = areVenues ? blob.venue(i).agesOf() : blob.vault(i).vaultAgesOf();
            string memory list = areVenues ? "venues" : "vaults";
            bool isRemote = places[i].chainId != block.chainid;
            require(ages.isRemoteOf() == isRemote, Misfits.BadParameters(list, i));
        }
    }

    /// @dev Indexes count from one in the map, so that zero means "not there".
    function _index(mapping(bytes32 => uint256) storage indexes, bytes32 id, uint256 index, uint256 limit) private {
        require(indexes[id] == 0, AlreadyAdded());
        require(index < limit, TooManyEntries(limit));
        indexes[id] = index + 1;
    }
}
