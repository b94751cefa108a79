// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";
import {Line} from "../../src/clearing/Ledger.sol";
import {Kind, Outcome, Record} from "../../src/records/Records.sol";
import {Blobs} from "../Blobs.sol";
import {World} from "../World.sol";

/// @title A world whose remote vault and venue grow late within hours.
abstract contract Aging is World {
    uint256 internal constant CALM = 60;
    uint256 internal constant TRIP = 600;
    uint256 internal constant WARN = 1800;
    uint256 internal constant DEAD = 7200;
    uint256 internal constant RESTORE = 10 minutes;
    /// Words of the parameters: the remote listing's second and third, the remote venue, the remote vault.
    uint256 internal constant CAPS = 8;
    uint256 internal constant INFLOW = 9;
    uint256 internal constant VENUE = 17;
    uint256 internal constant VAULT = 19;

    function _parameters() internal pure virtual override returns (bytes memory blob) {
        blob = Blobs.amended(_parametersWith(""), VAULT, 64, CALM, 32);
        blob = Blobs.amended(blob, VAULT, 96, WARN, 32);
        blob = Blobs.amended(blob, VAULT, 128, DEAD, 32);
        blob = Blobs.amended(blob, VAULT, 161, TRIP, 32);
        blob = Blobs.amended(blob, VENUE, 161, TRIP, 32);
    }

    /// @dev Locks USDC at the remote vault for the wallet's own account, opening the line if need be.
    function _grantFar(Vm.Wallet memory who, uint128 granted) internal returns (uint256 index) {
        bytes32 account = bytes32(bytes20(who.addr));
        vm.prank(who.addr);
        index = clearing.openLine(account, remote, who.addr);
        _learn(_grantOf(account, who.addr, granted));
    }

    function _hearVault() internal returns (Outcome) {
        return _learn(_heardBy(REMOTE_VAULT, block.timestamp));
    }

    function _heardBy(address peer, uint256 time) internal pure returns (Record memory) {
        return Record(Kind.HEARD, REMOTE, peer, 0, 0, address(0), _fields(uint128(time), 0, 0, 0, 0, 0));
    }

    /// @dev So many seconds later, with fresh prices.
    function _later(uint256 time) internal {
        vm.warp(block.timestamp + time - 1);
        _setPrice(2000);
    }

    function _counted(bytes32 account, uint256 index) internal view returns (uint256) {
        (Line memory line,) = clearing.lineOf(account, index);
        return line.counted;
    }
}
