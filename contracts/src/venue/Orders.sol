// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A trader's signed intent. `size` in base units and `price` in USD per unit, both at 1e18; `expiry` in seconds,
/// exclusive. Orders that should not be one differ in `nonce`.
struct Order {
    bytes32 account;
    uint32 market;
    bool isBuy;
    uint128 size;
    uint96 price;
    uint64 expiry;
    uint64 nonce;
}

/// @title The EIP-712 form of an order.
library Orders {
    bytes32 private constant ORDER = keccak256(
        "Order(bytes32 account,uint32 market,bool isBuy,uint128 size,uint96 price,uint64 expiry,uint64 nonce)"
    );

    /// @dev An order is static, so its encoding is the struct hash's own.
    function structHash(Order calldata order) internal pure returns (bytes32) {
        return keccak256(abi.encode(ORDER, order));
    }
}
