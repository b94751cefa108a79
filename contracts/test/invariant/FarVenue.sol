// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A remote venue as it is on its own chain, and what of it has reached the clearing.
struct FarVenue {
    uint256 chainId;
    address at;
    uint256 market;
    uint128[6] funding;
    /// By account.
    uint128[6][3] fills;
    /// The limits that have reached it, voids too.
    uint128[6][3] limits;
    uint64 blockNumber;
    uint64 accruedAt;
    bool isDead;
    bool isClosed;
}

/// What a remote venue had written at a checkpoint, and how many prices there had been.
struct Snapshot {
    uint64 blockNumber;
    uint256 prices;
    uint128[6] funding;
    uint128[6][3] fills;
}
