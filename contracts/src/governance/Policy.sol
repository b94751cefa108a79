// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {LibBit} from "solady/src/utils/LibBit.sol";
import {Clearing} from "../clearing/Clearing.sol";
import {ParameterBlob} from "../clearing/Parameters.sol";
import {Bound, Bounds} from "./Bounds.sol";

/// The times of a policy, in seconds, and how many guardians lift a freeze before its time. `delay` is the timelock's: for how
/// long what the owner does is seen before it holds.
struct Times {
    uint32 delay;
    uint32 interval;
    uint32 freezeFor;
    uint32 coolDown;
    uint32 liftDelay;
    uint8 quorum;
}

/// Who has a seat at a policy from its first block on. The council schedules at the timelock, cancels, and executes once the
/// delay has passed.
struct Seats {
    address[] council;
    address[] stewards;
    address[] guardians;
}

/// One slot. A peer's last freeze (seconds), and the guardians, as a bitmap, who want it lifted.
struct Freeze {
    uint64 at;
    uint64 until;
    uint128 votes;
}

/// @title What may change at a clearing, how fast, and by whom. It owns the clearing.
/// @notice A steward moves ratios within bounds, a step at a time, and cuts caps, by half at most: killed or wrong, it can do no
/// more than that. A guardian freezes a peer for a time, alone; a quorum of them lifts that again, after a delay. All else is
/// the owner's: a timelock that the policy makes itself, so that whatever loosens is seen before it holds, and no deployer
/// can leave that out.
/// @dev spec/policy.md, POL-01 to POL-14. It holds nothing and reads no account.
contract Policy is Ownable2Step {
    Clearing public immutable clearing;
    uint32 public immutable interval;
    uint32 public immutable freezeFor;
    uint32 public immutable coolDown;
    uint32 public immutable liftDelay;
    uint8 public immutable quorum;

    Bound[] private _bounds;
    /// @notice Where the sections of the parameters began when the bounds were set: the places that they name.
    uint256 public layout;
    mapping(address => bool) public isSteward;
    /// @notice From one; 0 is nobody.
    mapping(address => uint256) public guardianNumber;
    /// @notice How many numbers have been given, and which of them still stand, as a bitmap.
    uint256 public guardians;
    uint256 public standing;
    mapping(uint256 chainId => mapping(address peer => Freeze)) public freezes;
    uint64 public postedAt;

    event BoundsSet(Bound[] bounds);
    event StewardSet(address indexed steward, bool isSteward);
    event GuardianSet(address indexed guardian, bool isGuardian);
    event Posted(address indexed steward, uint32 version);
    event LiftAsked(address indexed guardian, uint256 indexed chainId, address indexed peer);

    error NotASteward(address caller);
    error NotAGuardian(address caller);
    /// No time is zero, the owner is no faster than a steward but in time to go on with a freeze, and a quorum is of at least two.
    error BadTimes();
    /// A council of nobody governs nothing, one of address zero lets everybody execute, and too few guardians lift no freeze, nor
    /// does one of address zero.
    error BadSeats();
    error TooManyGuardians();
    error TooEarly(uint256 earliest, uint256 now_);
    /// Not by a guardian: or the owner has frozen it for longer, or lifted that.
    error NotFrozen(uint256 chainId, address peer);
    /// Entries were added since the bounds were set, so that these name other places: set them again.
    error BoundsOutdated(uint256 layout, uint256 expected);

    /// @notice The clearing has its parameters by now, among which bounds name places, and is offered to the policy next.
    constructor(Clearing clearing_, Times memory times, Seats memory seats, Bound[] memory bounds_)
        Ownable(address(new TimelockController(times.delay, seats.council, seats.council, address(0))))
    {
        bool isWhole = times.delay >= times.interval && times.interval > 0 && times.freezeFor > times.delay
            && times.coolDown > 0 && times.liftDelay > 0;
        require(isWhole && times.quorum >= 2, BadTimes());
        _requireSeated(seats.council);
        _requireSeated(seats.guardians);
        clearing = clearing_;
        (interval, freezeFor, coolDown) = (times.interval, times.freezeFor, times.coolDown);
        (liftDelay, quorum) = (times.liftDelay, times.quorum);
        for (uint256 i; i < seats.stewards.length; ++i) {
            _setSteward(seats.stewards[i], true);
        }
        for (uint256 i; i < seats.guardians.length; ++i) {
            _setGuardian(seats.guardians[i], true);
        }
        require(LibBit.popCount(standing) >= times.quorum, BadSeats());
        _setBounds(bounds_);
    }

    /// @notice Takes over a clearing that was offered to this policy. Anyone may complete it.
    function accept() external {
        clearing.acceptOwnership();
    }

    /* THE STEWARD */

    /// @notice Sets parameters that differ from those in force within the bounds or in lower caps, at most once an interval.
    function post(bytes calldata blob) external {
        require(isSteward[msg.sender], NotASteward(msg.sender));
        uint256 earliest = uint256(postedAt) + interval;
        require(block.timestamp >= earliest, TooEarly(earliest, block.timestamp));
        (uint32 version, bytes memory current) = clearing.parameters();
        require(ParameterBlob.layoutOf(current) == layout, BoundsOutdated(ParameterBlob.layoutOf(current), layout));
        Bounds.requireWithin(current, blob, _bounds);
        postedAt = uint64(block.timestamp);
        clearing.setParameters(blob);
        emit Posted(msg.sender, version + 1);
    }

    function bounds() external view returns (Bound[] memory) {
        return _bounds;
    }

    /* THE GUARDIANS */

    /// @notice Stops payouts and credit of a peer for `freezeFor`. The same peer can be frozen again only `coolDown` after
    /// that has passed.
    function freeze(uint256 chainId, address peer) external {
        require(guardianNumber[msg.sender] > 0, NotAGuardian(msg.sender));
        Freeze memory last = freezes[chainId][peer];
        uint256 earliest = last.at == 0 ? 0 : uint256(last.at) + freezeFor + coolDown;
        require(block.timestamp >= earliest, TooEarly(earliest, block.timestamp));
        uint64 until = uint64(block.timestamp + freezeFor);
        freezes[chainId][peer] = Freeze(uint64(block.timestamp), until, 0);
        clearing.freeze(chainId, peer, until);
    }

    /// @notice A guardian's wish to lift a freeze: done once `quorum` of them have it and `liftDelay` has passed. The breaker
    /// stays tripped until the peer has stayed healthy.
    function lift(uint256 chainId, address peer) external {
        uint256 number = guardianNumber[msg.sender];
        require(number > 0, NotAGuardian(msg.sender));
        Freeze storage last = freezes[chainId][peer];
        bool isOurs = block.timestamp < last.until && clearing.frozenUntil(chainId, peer) == last.until;
        require(isOurs, NotFrozen(chainId, peer));
        last.votes |= uint128(1 << number - 1);
        emit LiftAsked(msg.sender, chainId, peer);
        if (LibBit.popCount(last.votes & standing) < quorum || block.timestamp < uint256(last.at) + liftDelay) return;
        last.until = uint64(block.timestamp);
        clearing.freeze(chainId, peer, uint64(block.timestamp));
    }

    /* THE OWNER */

    /// @notice Calls the clearing as its owner: whatever is not within bounds.
    function execute(bytes calldata call) external onlyOwner returns (bytes memory) {
        return Address.functionCall(address(clearing), call);
    }

    /// @notice Sets what a steward may move, as the parameters in force are laid out: again whenever entries are added.
    function setBounds(Bound[] calldata bounds_) external onlyOwner {
        _setBounds(bounds_);
    }

    function setSteward(address steward, bool isSteward_) external onlyOwner {
        _setSteward(steward, isSteward_);
    }

    /// @notice A number is given once, so that a guardian who left has no vote.
    function setGuardian(address guardian, bool isGuardian) external onlyOwner {
        _setGuardian(guardian, isGuardian);
    }

    function _requireSeated(address[] memory seats) private pure {
        require(seats.length > 0, BadSeats());
        for (uint256 i; i < seats.length; ++i) {
            require(seats[i] != address(0), BadSeats());
        }
    }

    function _setBounds(Bound[] memory bounds_) private {
        Bounds.check(bounds_);
        (, bytes memory blob) = clearing.parameters();
        layout = ParameterBlob.layoutOf(blob);
        delete _bounds;
        for (uint256 i; i < bounds_.length; ++i) {
            _bounds.push(bounds_[i]);
        }
        emit BoundsSet(bounds_);
    }

    function _setSteward(address steward, bool isSteward_) private {
        isSteward[steward] = isSteward_;
        emit StewardSet(steward, isSteward_);
    }

    function _setGuardian(address guardian, bool isGuardian) private {
        uint256 number = guardianNumber[guardian];
        if (isGuardian && number == 0) {
            require(guardians < 128, TooManyGuardians());
            guardianNumber[guardian] = ++guardians;
            standing |= 1 << guardians - 1;
        } else if (!isGuardian && number > 0) {
            guardianNumber[guardian] = 0;
            standing &= ~(1 << number - 1);
        }
        emit GuardianSet(guardian, isGuardian);
    }
}
