// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {SSTORE2} from "solady/src/utils/SSTORE2.sol";
import {Books} from "../records/Books.sol";
import {Ledger, Listing, Market, Place} from "./Ledger.sol";
import {ParameterBlob} from "./Parameters.sol";

/// @title Whom a clearing listens to, what it lists, and its risk parameters: all that governance can set.
/// @notice The owner adds and re-parameterises; nothing here touches an account. Entries are never removed, so an
/// index once given stays true.
abstract contract Registry is Ownable2Step {
    using ParameterBlob for bytes;

    Ledger internal _ledger;
    mapping(bytes32 peer => bool) internal _isVault;

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

    constructor(address owner) Ownable(owner) {}

    function addFeed(bytes32 feedId) external onlyOwner {
        emit FeedAdded(_ledger.feeds.length, feedId);
        _ledger.feeds.push(feedId);
    }

    function addVault(uint256 chainId, address vault) external onlyOwner {
        _isVault[Books.peerOf(chainId, vault)] = true;
        emit VaultAdded(chainId, vault);
    }

    /// @notice Adds a venue; its number is its place in the parameters' list.
    function addVenue(uint256 chainId, address venue) external onlyOwner {
        uint256 index = _ledger.venues.length;
        _index(_ledger.venueNumber, Books.peerOf(chainId, venue), index, ParameterBlob.MAX_VENUES);
        _ledger.venues.push(Place(chainId, venue));
        emit VenueAdded(index, chainId, venue);
    }

    /// @notice Lists an asset at a vault; it counts once the parameters name it.
    function listAsset(Listing calldata listing) external onlyOwner {
        require(_isVault[Books.peerOf(listing.chainId, listing.vault)], NotAPeer(listing.chainId, listing.vault));
        uint256 index = _ledger.listings.length;
        _index(_ledger.listingIndex, keccak256(abi.encode(listing)), index, ParameterBlob.MAX_LISTINGS);
        _ledger.listings.push(listing);
        emit AssetListed(index, listing.chainId, listing.vault, listing.asset);
    }

    /// @notice Adds a market at a venue; it can be traded once the parameters name it.
    function addMarket(Market calldata market) external onlyOwner {
        require(_ledger.venueNumber[Books.peerOf(market.chainId, market.venue)] > 0, NotAPeer(market.chainId, market.venue));
        uint256 index = _ledger.markets.length;
        _index(_ledger.marketIndex, keccak256(abi.encode(market)), index, ParameterBlob.MAX_MARKETS);
        _ledger.markets.push(market);
        emit MarketAdded(index, market.chainId, market.venue, market.item);
    }

    /// @notice Replaces all risk parameters by a packed blob (`ParameterBlob`), which must name every listing, market and
    /// venue, and each market's venue.
    function setParameters(bytes calldata blob) external onlyOwner {
        Ledger storage ledger = _ledger;
        (uint256 markets, uint256 venues) = (ledger.markets.length, ledger.venues.length);
        ParameterBlob.check(blob, ledger.feeds.length, ledger.listings.length, markets, venues);
        bytes memory packed = blob;
        for (uint256 i; i < markets; ++i) {
            Market memory market = ledger.markets[i];
            uint256 number = ledger.venueNumber[Books.peerOf(market.chainId, market.venue)];
            require(packed.place(i).venueOf() + 1 == number, ParameterBlob.BadParameters("markets", i));
        }
        for (uint256 i; i < venues; ++i) {
            bool isRemote = ledger.venues[i].chainId != block.chainid;
            require(packed.venue(i).isRemoteOf() == isRemote, ParameterBlob.BadParameters("venues", i));
        }
        _ledger.parameters = SSTORE2.write(packed);
        emit ParametersSet(++_ledger.version, blob);
    }

    /// @dev Indexes count from one in the map, so that zero means "not there".
    function _index(mapping(bytes32 => uint256) storage indexes, bytes32 id, uint256 index, uint256 limit) private {
        require(indexes[id] == 0, AlreadyAdded());
        require(index < limit, TooManyEntries(limit));
        indexes[id] = index + 1;
    }
}
