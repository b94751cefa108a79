// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Counting} from "../../src/clearing/Counting.sol";
import {Inflow, Ledger, Line} from "../../src/clearing/Ledger.sol";
import {ParameterBlob} from "../../src/clearing/Parameters.sol";
import {Peers} from "../../src/clearing/Peers.sol";

/// @title A ledger of one line, of which more is wanted to count: a case of vectors/counting.json.
contract Counter {
    using ParameterBlob for bytes;

    bytes private _blob;
    uint256 private _wanted;
    Ledger private _ledger;

    /// @param counted By listing, on other lines.
    /// @param input Listing, what counts of the account, what is wanted, now, used of the burst, since when, heard, tripped.
    constructor(bytes memory blob, int256[] memory counted, int256[] memory input) {
        (_blob, _wanted) = (blob, uint256(input[2]));
        for (uint256 i; i < counted.length; ++i) {
            _ledger.counted[i] = uint256(counted[i]);
        }
        (uint256 listing, uint256 own) = (uint256(input[0]), uint256(input[1]));
        _ledger.counted[listing] += own;
        // A third of it on another line of the account.
        uint112 other = uint112(own / 3);
        _ledger.lines[0][0] = Line(uint112(own) - other, uint112(own) - other, uint8(listing));
        _ledger.lines[0][1] = Line(other, other, uint8(listing));
        _ledger.accounts[0].lineCount = 2;
        _ledger.inflow[listing] = Inflow(uint112(uint256(input[4])), uint64(uint256(input[5])));
        uint256 peer = Peers.ofVault(blob.capTerms(listing).vaultOf());
        Peers.keep(_ledger, peer, uint256(input[6]));
        if (input[7] == 1) _ledger.tripped = uint32(1 << peer);
    }

    function admit() external returns (uint256 admitted, uint256 used, uint256 at) {
        Line memory line = _ledger.lines[0][0];
        Counting.setUnits(_ledger, 0, 0, line.units + _wanted, _blob);
        Inflow memory inflow = _ledger.inflow[line.listing];
        return (_ledger.lines[0][0].counted - line.counted, inflow.used, inflow.at);
    }
}
