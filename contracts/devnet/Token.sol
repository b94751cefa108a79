// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// Pyth's own mock: imported so that it is built for the devnet.
import {MockPyth} from "@pythnetwork/pyth-sdk-solidity/MockPyth.sol";
import {ERC20} from "solady/src/tokens/ERC20.sol";

/// @title A plain ERC-20 that anyone can mint, for the devnet and the tests.
contract Token is ERC20 {
    string private _symbol;
    uint8 private immutable _decimals;

    constructor(string memory symbol_, uint8 decimals_) {
        (_symbol, _decimals) = (symbol_, decimals_);
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function name() public view override returns (string memory) {
        return _symbol;
    }

    function symbol() public view override returns (string memory) {
        return _symbol;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}
