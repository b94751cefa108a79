// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Token} from "../devnet/Token.sol";
import {Key, Kind, Outcome, Record} from "../src/records/Records.sol";

/// @title Calls back once from wherever it is called, as a holder and trader of its own, and remembers how that ended.
/// @notice It swallows the error, so that a test sees the guard's own answer and not what the outer call makes of it.
contract Intruder {
    address private _target;
    uint256 private _value;
    bytes private _call;
    bool public tried;
    bool public wentIn;
    bytes public answer;
    mapping(Kind => uint128[6]) private _said;

    function arm(address target, uint256 value, bytes calldata call) external {
        (_target, _value, _call, tried, wentIn) = (target, value, call, false, false);
    }

    function intrude() public {
        if (_target == address(0)) return;
        address target = _target;
        (_target, tried) = (address(0), true);
        (wentIn, answer) = target.call{value: _value}(_call);
    }

    /// @dev As the reader of a record on the writer's own chain.
    function push(Record calldata) external returns (Outcome) {
        intrude();
        return Outcome.TAKEN;
    }

    /// @dev As a writer on the reader's own chain, whose records say the same of everybody.
    function say(Kind kind, uint128[6] calldata fields) external {
        _said[kind] = fields;
    }

    function writtenOf(Key calldata key) external view returns (uint128[6] memory) {
        return _said[key.kind];
    }

    /// @dev As the receiver of coin.
    receive() external payable {
        intrude();
    }
}

/// @title A token, and a wrapper of the chain's coin, that tells somebody of every transfer, itself if nobody else.
contract CallingToken is Token("CALL", 18), Intruder {
    Intruder private _listener = this;

    function tell(Intruder listener) external {
        _listener = listener;
    }

    function deposit() external payable {
        _mint(msg.sender, msg.value);
        _listener.intrude();
    }

    function withdraw(uint256 amount) external {
        _burn(msg.sender, amount);
        (bool success,) = msg.sender.call{value: amount}("");
        require(success, "no coin taken");
    }

    function _afterTokenTransfer(address from, address, uint256) internal override {
        if (from != address(0)) _listener.intrude();
    }
}
