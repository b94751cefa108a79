// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vouched} from "./Vouched.sol";

/// @title A source that proves what it was told has been written, and knows each emitter's newest checkpoint.
contract Checkpoints is Vouched {
    mapping(address emitter => uint64[2]) private _newest;

    function checkpoint(address emitter, uint64 blockNumber) external {
        _newest[emitter] = [blockNumber, uint64(block.timestamp)];
    }

    function newest(uint256, address emitter) external view override returns (uint64, uint64) {
        return (_newest[emitter][0], _newest[emitter][1]);
    }
}
