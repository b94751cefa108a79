// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SSTORE2} from "solady/src/utils/SSTORE2.sol";
import {Books} from "../records/Books.sol";
import {Ledger, Listing, Market, Place} from "./Ledger.sol";
import {MAX_FEEDS, MAX_MARKETS, ParameterBlob} from "./Parameters.sol";

/// @title What a clearing lists, and its risk parameters.
/// @dev Linked: runs in the clearing's storage, for its owner alone. spec/contracts.md, CLR-09; spec/margin.md, MRG-08.
library Registrar {
    using ParameterBlob for bytes;

    event FeedAdded(uint256 indexed feed, bytes32 feedId);
    event VaultAdded(uint256 indexed chainId, address indexed vault);
    event VenueAdded(uint256 indexed number, uint256 indexed chainId, address indexed venue);
    event AssetListed(uint256 indexed listing, uint256 indexed chainId, address indexed vault, address asset);
    event MarketAdded(uint256 indexed market, uint256 indexed chainId, address indexed venue, bytes32 item);
    event ParametersSet(uint32 indexed version, bytes blob);

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
        ledger.isVault[Books.peerOf(chainId, vault)] = true;
        emit VaultAdded(chainId, vault);
    }

    function addVenue(Ledger storage ledger, uint256 chainId, address venue) external {
        uint256 index = ledger.venues.length;
        _index(ledger.venueNumber, Books.peerOf(chainId, venue), index, ParameterBlob.MAX_VENUES);
        ledger.venues.push(Place(chainId, venue, uint64(block.timestamp)));
        emit VenueAdded(index, chainId, venue);
    }

    function listAsset(Ledger storage ledger, Listing calldata listing) external {
        require(ledger.isVault[Books.peerOf(listing.chainId, listing.vault)], NotAPeer(listing.chainId, listing.vault));
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
        (uint256 markets, uint256 venues) = (ledger.markets.length, ledger.venues.length);
        ParameterBlob.check(blob, ledger.feeds.length, ledger.listings.length, markets, venues);
        for (uint256 i; i < markets; ++i) {
            Market memory market = ledger.markets[i];
            uint256 number = ledger.venueNumber[Books.peerOf(market.chainId, market.venue)];
            require(blob.place(i).venueOf() + 1 == number, ParameterBlob.BadParameters("markets", i));
        }
        for (uint256 i; i < venues; ++i) {
            bool isRemote = ledger.venues[i].chainId != block.chainid;
            require(blob.venue(i).isRemoteOf() == isRemote, ParameterBlob.BadParameters("venues", i));
        }
        ledger.parameters = SSTORE2.write(blob);
        ledger.feedCount = uint16(ledger.feeds.length);
        emit ParametersSet(++ledger.version, blob);
    }

    /// @dev Indexes count from one in the map, so that zero means "not there".
    function _index(mapping(bytes32 => uint256) storage indexes, bytes32 id, uint256 index, uint256 limit) private {
        require(indexes[id] == 0, AlreadyAdded());
        require(index < limit, TooManyEntries(limit));
        indexes[id] = index + 1;
    }
}
