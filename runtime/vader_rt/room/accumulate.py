"""Adds up what the frames of a call tell of the room, streaming, in constant memory.

Two kinds of frame network give two accumulators with one interface: `VotingAccumulator` un-mixes
the samples and lets them vote; `CopyingAccumulator` copies pixels, as the seed does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vader_rt.contract import Contract
from vader_rt.engines.engine import Engine
from vader_rt.features.planes import StaticPlanes
from vader_rt.io.images import most_off, shrunk
from vader_rt.room.confidence import logistic, restored_terms, voted_terms
from vader_rt.room.observation import Observation
from vader_rt.room.person import PersonPrior, PersonSum
from vader_rt.room.restore import call_planes, judge, restore
from vader_rt.room.strongest import Strongest, StrongestSample
from vader_rt.room.time_bins import BinSamples, TimeBinSampler
from vader_rt.room.top_samples import MOST_SAMPLES
from vader_rt.room.vote import VotedRoom, consistent_confidence, vote
from vader_rt.stateful import State, Stateful

VISIBLE_LEVELS = 6
"""Difference from the virtual background, in levels, that compression alone does not make."""


class Recovered(Protocol):
    """What was accumulated by some moment. voted: None where pixels are copied."""

    @property
    def strongest(self) -> Strongest: ...

    @property
    def voted(self) -> VotedRoom | None: ...

    def room(
        self, static: StaticPlanes, restoration: Engine | None, judging: Engine | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The room, (H, W, 3) uint8 BGR, and its confidence, (H, W) float32, 0 where unseen.

        static: of the main scene. restoration: corrects the room; None leaves it as it is. judging:
        the judge of what was restored; None takes the restoration network's own word.
        """
        ...


class Accumulator(Protocol):
    """Takes in one frame after the other; `recovered` may be asked at any time."""

    def add(self, observation: Observation) -> float:
        """Take in a frame; returns the share of leaking pixels."""
        ...

    def recovered(self) -> Recovered: ...

    def state(self) -> State:
        """See `vader_rt.stateful.Stateful`."""
        ...

    def restore(self, state: State) -> None: ...


def accumulator_for(contract: Contract, virtual_bgr: np.ndarray) -> Accumulator:
    """The accumulator of a frame model.

    virtual_bgr: the main scene's virtual background, (H, W, 3) uint8.
    """
    if contract.copies:
        return CopyingAccumulator(virtual_bgr.shape[1::-1])
    return VotingAccumulator(virtual_bgr, contract)


@dataclass(frozen=True)
class Voted:
    """What `VotingAccumulator` found. contract: of the frame model; samples: of the time bins."""

    contract: Contract
    strongest: Strongest
    voted: VotedRoom
    samples: BinSamples
    person: PersonPrior

    def room(
        self, static: StaticPlanes, restoration: Engine | None, judging: Engine | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Recovered.room`."""
        assert static.virtual is not None
        assert static.hidden is not None
        if restoration is None:
            room, terms = self.voted.room, voted_terms(self.voted, static.hidden)
            confidence = logistic(terms, self.contract.confidence)
        else:
            found = self.strongest, self.voted, self.samples, self.person
            planes, judged_by = call_planes(*found, static), restoration
            room, sure = restore(self.voted.room, planes, restoration)
            if judging is not None:
                sure, judged_by = judge(room, sure, planes, judging), judging
            terms = restored_terms(sure, self.voted, static.hidden)
            confidence = logistic(terms, judged_by.contract.confidence)
        # a room that is the virtual background is no leak of another
        differs = most_off(room, static.virtual) > VISIBLE_LEVELS
        seen = (self.strongest.evidence > 0) & differs
        return room, np.where(seen, confidence, 0).astype(np.float32)


class VotingAccumulator(Stateful):
    """Un-mixes the samples, all before the main scene's virtual background, and lets them vote.

    virtual_bgr: that background, (H, W, 3) uint8. contract: of the frame model.
    """

    STATE = ("_strongest", "_bins", "_person")

    def __init__(self, virtual_bgr: np.ndarray, contract: Contract) -> None:
        self._virtual, self._contract = virtual_bgr, contract
        self._strongest = StrongestSample(virtual_bgr, contract.matte_confidence, MOST_SAMPLES)
        self._bins, self._person = TimeBinSampler(contract.size_wh), PersonSum(contract.size_wh)

    def add(self, observation: Observation) -> float:
        """See `Accumulator.add`."""
        observation = observation.before(self._virtual, self._contract.matte_confidence)
        self._bins.add(observation)
        self._person.add(observation)
        return self._strongest.add(observation)

    def recovered(self) -> Voted:
        """See `Accumulator.recovered`."""
        samples = self._bins.samples()
        small = shrunk(self._virtual, self._contract.size_wh)
        voted = vote(self._strongest.samples, self._virtual, *consistent_confidence(samples, small))
        strongest, person = self._strongest.result(), self._person.prior()
        return Voted(self._contract, strongest, voted, samples, person)


@dataclass(frozen=True)
class Copied:
    """What `CopyingAccumulator` found: its confidence is the similarity."""

    strongest: Strongest
    voted: None = None

    def room(
        self, static: StaticPlanes, restoration: Engine | None, judging: Engine | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Recovered.room`; there is no restoration of what was copied."""
        assert restoration is None
        return self.strongest.frame, self.strongest.leak


class CopyingAccumulator(Stateful):
    """For every pixel, the colour of the frame whose leak, or similarity, is largest.

    That is what the seed does.
    """

    STATE = ("_frame", "_leak")

    def __init__(self, size_wh: tuple[int, int]) -> None:
        width, height = size_wh
        self._frame = np.zeros((height, width, 3), np.uint8)
        self._leak = np.zeros((height, width), np.float32)

    def add(self, observation: Observation) -> float:
        """See `Accumulator.add`; here the share of pixels that leak more than ever before."""
        better = observation.leak > self._leak
        self._leak[better] = observation.leak[better]
        self._frame[better] = observation.frame[better]
        return float(better.mean())

    def recovered(self) -> Copied:
        """See `Accumulator.recovered`."""
        frame, leak = self._frame.copy(), self._leak.copy()
        return Copied(Strongest(frame, leak, leak, leak, np.zeros_like(leak)))
