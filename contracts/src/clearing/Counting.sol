// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Wad} from "../math/Wad.sol";
import {Ages} from "./Lateness.sol";
import {Inflow, Ledger, Ledgers, Line} from "./Ledger.sol";
import {CapTerms, InflowTerms, ListingTerms, ParameterBlob} from "./Parameters.sol";
import {Peers} from "./Peers.sol";

/// @title How much of a line counts: its units, as far as its caps and the inflow of its listing leave room.
/// @notice More counts while there is room, fewer only as units leave. What does not count yet may be counted later, by
/// anyone. spec/margin.md, MRG-06, MRG-12 to MRG-14.
library Counting {
    using Ledgers for Ledger;
    using ParameterBlob for bytes;

    /// What of a listing's burst is used up by now, in its own units.
    event InflowChanged(uint256 indexed listing, uint112 used, uint64 at);

    /// @dev The asset's cap is in whole tokens at 1e6.
    uint256 private constant CAP_UNIT = 1e6;

    /// @notice Sets a line's units, and counts of them what there is room for.
    function setUnits(Ledger storage ledger, bytes32 account, uint256 index, uint256 units, bytes memory blob)
        internal
    {
        Line memory line = ledger.lines[account][index];
        uint256 counted = Wad.min(units, line.counted);
        if (units > counted) {
            uint256 own = _countedOf(ledger, account, line.listing);
            counted += _admit(ledger, line.listing, units - counted, own, blob);
        }
        ledger.setLine(account, index, line, units, counted);
    }

    /// @dev What counts of a listing on all lines of an account, whoever their holders are.
    function _countedOf(Ledger storage ledger, bytes32 account, uint256 listing) private view returns (uint256 total) {
        uint256 count = ledger.accounts[account].lineCount;
        for (uint256 i; i < count; ++i) {
            Line memory line = ledger.lines[account][i];
            if (line.listing == listing) total += line.counted;
        }
    }

    /// @dev How many of `wanted` units more of a listing may count, of an account where `own` do; takes them off its burst.
    function _admit(Ledger storage ledger, uint256 listing, uint256 wanted, uint256 own, bytes memory blob)
        private
        returns (uint256 admitted)
    {
        CapTerms caps = blob.capTerms(listing);
        uint256 vault = caps.vaultOf();
        Ages ages = blob.vault(vault).vaultAgesOf();
        if (!Peers.isNormal(ledger, Peers.ofVault(vault), ages)) return 0;
        admitted = Wad.min(wanted, _left(blob.listing(listing).capOf(), ledger.counted[listing]));
        admitted = Wad.min(admitted, _left(caps.accountCapOf(), own));
        if (admitted > 0) admitted = Wad.min(admitted, _roomAtVault(ledger, listing, blob));
        if (admitted > 0) admitted = Wad.min(admitted, _roomOfAsset(ledger, listing, blob));
        // What a vault on this chain says is certain at once, and a top-up there must not wait for others' deposits.
        if (!ages.isRemoteOf()) return admitted;
        if (admitted > 0) admitted = _takeInflow(ledger, listing, admitted, blob.inflowTerms(listing));
    }

    /// @dev What the vault's cap leaves, in units of the listing, rounded down.
    function _roomAtVault(Ledger storage ledger, uint256 listing, bytes memory blob) private view returns (uint256) {
        uint256 vault = blob.capTerms(listing).vaultOf();
        uint256 capPrice = blob.inflowTerms(listing).capPriceOf();
        if (capPrice == 0) return type(uint256).max;
        uint256 taken;
        for (uint256 i; i < blob.listingCount(); ++i) {
            if (blob.capTerms(i).vaultOf() != vault) continue;
            taken += _share(ledger.counted[i], blob.inflowTerms(i).capPriceOf(), blob.listing(i).unitOf());
        }
        return _left(blob.vault(vault).vaultCapOf(), taken) * blob.listing(listing).unitOf() / capPrice;
    }

    /// @dev What the asset's cap over all vaults leaves, in units of the listing, rounded down.
    function _roomOfAsset(Ledger storage ledger, uint256 listing, bytes memory blob) private view returns (uint256) {
        uint256 feed = blob.listing(listing).feedOf();
        uint256 taken;
        for (uint256 i; i < blob.listingCount(); ++i) {
            if (blob.listing(i).feedOf() == feed) {
                taken += _share(ledger.counted[i], CAP_UNIT, blob.listing(i).unitOf());
            }
        }
        return _left(blob.capTerms(listing).assetCapOf(), taken) * blob.listing(listing).unitOf() / CAP_UNIT;
    }

    /// @dev What `units` take of a cap, rounded up.
    function _share(uint256 units, uint256 weight, uint256 unit) private pure returns (uint256) {
        return (units * weight + unit - 1) / unit;
    }

    /// @dev What is new counts while it fits the burst, which fills up again at an even rate.
    function _takeInflow(Ledger storage ledger, uint256 listing, uint256 wanted, InflowTerms terms)
        private
        returns (uint256 admitted)
    {
        Inflow memory inflow = ledger.inflow[listing];
        uint256 burst = terms.burstOf();
        uint256 refilled = burst * (block.timestamp - inflow.at) / terms.refillTimeOf();
        uint256 used = _left(inflow.used, refilled);
        admitted = Wad.min(wanted, _left(burst, used));
        // Nothing taken is not written, so that no asking rounds the refilling away.
        if (admitted == 0) return 0;
        inflow = Inflow(uint112(used + admitted), uint64(block.timestamp));
        ledger.inflow[listing] = inflow;
        emit InflowChanged(listing, inflow.used, inflow.at);
    }

    function _left(uint256 cap, uint256 taken) private pure returns (uint256) {
        return cap > taken ? cap - taken : 0;
    }
}
