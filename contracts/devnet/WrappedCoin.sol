// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WETH} from "solady/src/tokens/WETH.sol";

/// @title The devnet's wrapped coin, as WETH9; besides, anyone can mint it, and what was minted cannot be unwrapped.
contract WrappedCoin is WETH {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
