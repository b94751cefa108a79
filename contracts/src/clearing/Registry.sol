// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Breakers} from "./Breakers.sol";
import {Ledger, Listing, Market} from "./Ledger.sol";
import {Registrar} from "./Registrar.sol";

/// @title Whom a clearing listens to, what it lists, and its risk parameters: all that governance can set.
/// @notice The owner adds and re-parameterises; nothing here touches an account. Entries are never removed, so an
/// index once given stays true.
abstract contract Registry is Ownable2Step {
    Ledger internal _ledger;

    constructor(address owner) Ownable(owner) {}

    function addFeed(bytes32 feedId) external onlyOwner {
        Registrar.addFeed(_ledger, feedId);
    }

    function addVault(uint256 chainId, address vault) external onlyOwner {
        Registrar.addVault(_ledger, chainId, vault);
    }

    /// @notice Adds a venue; its number is its place in the parameters' list.
    function addVenue(uint256 chainId, address venue) external onlyOwner {
        Registrar.addVenue(_ledger, chainId, venue);
    }

    /// @notice Lists an asset at a vault; it counts once the parameters name it.
    function listAsset(Listing calldata listing) external onlyOwner {
        Registrar.listAsset(_ledger, listing);
    }

    /// @notice Adds a market at a venue; it can be traded once the parameters name it.
    function addMarket(Market calldata market) external onlyOwner {
        Registrar.addMarket(_ledger, market);
    }

    /// @notice Stops payouts and credit of a vault, and new limits at a venue, until then; learning goes on. A time that has
    /// passed ends a freeze.
    function freeze(uint256 chainId, address peer, uint64 until) external onlyOwner {
        Breakers.freeze(_ledger, chainId, peer, until);
    }

    /// @notice Replaces all risk parameters by a packed blob (`ParameterBlob`), which must name every listing, market,
    /// venue and vault, and each one's place.
    function setParameters(bytes calldata blob) external onlyOwner {
        Registrar.setParameters(_ledger, blob);
    }
}
