"""Which frames of a call go through the network, when not all of them do.

Neighbouring frames tell nearly the same. So some are spread evenly over the call, and the others
are those that differ most from all the rest: there the person is where nobody was before, or
something happens, as when the virtual background fails.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from vader_rt.io.frames import FrameView
from vader_rt.virtual.kept_frames import Spread

THUMBNAIL_WH = (48, 27)
"""Size at which frames are compared."""
_FIRST_RADIUS = 1.0
"""Levels (RMS) within which two thumbnails are the same to begin with: compression noise."""
_GROWTH = 1.1
LEAST_FRAMES = 8
"""The fewest frames that may be asked for: as many as vote on a pixel."""
AUTO_FRAMES, MOST_AUTO_FRAMES = 80, 400
"""Frames that `auto_budget` gives, of a call of up to `SHORT_CALL` frames, and at most."""
SHORT_CALL = 600
_BUDGET_POWER = 3 / 4
"""Three minutes at 30 frames/s get the most."""
_MOST_DIFFERENT = 80
"""Each frame is compared with all of these."""
_HELD_BYTES = 200_000_000
"""What candidates may hold in memory: 100 frames of 1280×720 and more, as decoders give them."""
_LIVE_BYTES = 400_000_000
"""The same of a stream, which cannot be read again: 230 frames of 1280×720."""
T = TypeVar("T")


@dataclass(frozen=True)
class Candidate:
    """A frame that may be chosen.

    view: None where frames are not held in memory. thumbnail: (h, w) float32, its brightness.
    """

    index: int
    view: FrameView | None
    thumbnail: np.ndarray


class Chooser(Protocol):
    """Chooses frames of a call while it is read once."""

    def add(self, view: FrameView, thumbnail: np.ndarray) -> None:
        """Take in the next frame and its brightness at `THUMBNAIL_WH`, (h, w) uint8."""
        ...

    def chosen(self) -> list[Candidate]:
        """The frames that were chosen so far, in order."""
        ...


def auto_budget(frames: int) -> int:
    """How many of so many frames `auto` sends through the network: more of a long call, in which
    the person is at more places, but an ever smaller share of it.
    """
    wanted = AUTO_FRAMES * (frames / SHORT_CALL) ** _BUDGET_POWER
    return int(np.clip(wanted, AUTO_FRAMES, MOST_AUTO_FRAMES))


class AutoChooser:
    """Chooses `auto_budget` frames. Those of a short call are held in memory."""

    def __init__(self) -> None:
        self._short: FrameChooser | None = FrameChooser(AUTO_FRAMES)
        self._long = FrameChooser(MOST_AUTO_FRAMES, held_bytes=0)

    def add(self, view: FrameView, thumbnail: np.ndarray) -> None:
        """See `Chooser.add`."""
        self._long.add(view, thumbnail)
        if self._long.seen > SHORT_CALL:
            self._short = None  # with the frames that it holds
        elif self._short is not None:
            self._short.add(view, thumbnail)

    def chosen(self) -> list[Candidate]:
        """See `Chooser.chosen`."""
        if self._short is not None:
            return self._short.chosen()
        return self._long.chosen(auto_budget(self._long.seen))


class StreamChooser:
    """Chooses frames of a stream, `auto_budget` or as many as wanted, if they can all be held.

    It cannot be read again, and may have no end.
    """

    def __init__(self, size_wh: tuple[int, int], wanted: int | None = None) -> None:
        each = size_wh[0] * size_wh[1] * 3 // 2 * 5 // 4  # and a quarter more of candidates
        most = int(np.clip(_LIVE_BYTES // each, LEAST_FRAMES, MOST_AUTO_FRAMES))
        self._wanted = wanted
        self._frames = FrameChooser(min(wanted or most, most), held_bytes=sys.maxsize)

    def add(self, view: FrameView, thumbnail: np.ndarray) -> None:
        """See `Chooser.add`."""
        self._frames.add(view, thumbnail)

    def chosen(self) -> list[Candidate]:
        """See `Chooser.chosen`."""
        return self._frames.chosen(self._wanted or auto_budget(self._frames.seen))


class FrameChooser:
    """Chooses `budget` frames of a call whose length is not known, while it is read once.

    Two reservoirs: frames that are spread evenly; and, up to a quarter of all, frames that are at
    least a radius apart, which grows whenever there are too many (streaming k-centre: Charikar,
    Chekuri, Feder and Motwani, Incremental clustering and dynamic information retrieval, 1997). Of
    a call that is no longer than the budget, all frames are chosen.

    Candidates are held in memory if as many as there may be fit into `held_bytes`.
    """

    def __init__(self, budget: int, held_bytes: int = _HELD_BYTES) -> None:
        self._budget, different = budget, min(budget // 4, _MOST_DIFFERENT)
        self._held_bytes_each = held_bytes // (budget + different)
        self._spread = Spread[Candidate](budget)
        self._different = _Different(different)
        self.seen = 0

    def add(self, view: FrameView, thumbnail: np.ndarray) -> None:
        """Take in the next frame and its brightness at `THUMBNAIL_WH`, (h, w) uint8."""
        held = view if view.nbytes <= self._held_bytes_each else None
        candidate = Candidate(self.seen, held, thumbnail.astype(np.float32))
        self._spread.offer(candidate)
        self._different.add(candidate)
        self.seen += 1

    def chosen(self, most: int | None = None) -> list[Candidate]:
        """The frames that were chosen so far, in order; fewer than the budget if it is too many."""
        spread = list(self._spread.kept.values())
        budget = min(most or self._budget, self._budget)
        if self.seen <= budget:
            return spread
        different = _farthest_first(self._different.candidates, budget // 4)
        chosen = {candidate.index: candidate for candidate in different}
        for candidate in spread_order(spread):
            if len(chosen) >= budget:
                break
            chosen.setdefault(candidate.index, candidate)
        return [chosen[index] for index in sorted(chosen)]


@dataclass
class _Different:
    """Frames that are more than a radius apart, at most `capacity`."""

    capacity: int
    candidates: list[Candidate] = field(default_factory=list)
    _radius: float = _FIRST_RADIUS

    def add(self, candidate: Candidate) -> None:
        if self.capacity and self._is_new(candidate, self.candidates):
            self.candidates.append(candidate)
        while len(self.candidates) > self.capacity:
            self._radius *= _GROWTH
            kept: list[Candidate] = []
            for other in self.candidates:
                if self._is_new(other, kept):
                    kept.append(other)
            self.candidates = kept

    def _is_new(self, candidate: Candidate, others: list[Candidate]) -> bool:
        limit = self._radius**2 * candidate.thumbnail.size
        return all(_squared(candidate.thumbnail - o.thumbnail) > limit for o in reversed(others))


def _farthest_first(candidates: list[Candidate], count: int) -> list[Candidate]:
    """At most so many of the candidates: each time the one that differs most from those before.

    Gonzalez, Clustering to minimize the maximum intercluster distance, 1985.
    """
    if len(candidates) <= count:
        return candidates
    distances, chosen = np.full(len(candidates), np.inf), [candidates[0]]
    while len(chosen) < count:
        last = chosen[-1].thumbnail
        to_last = [_squared(candidate.thumbnail - last) for candidate in candidates]
        distances = np.minimum(distances, to_last)
        chosen.append(candidates[int(distances.argmax())])
    return chosen


def _squared(difference: np.ndarray) -> float:
    return float(np.vdot(difference, difference))


def spread_order(items: list[T]) -> Iterator[T]:
    """The same in an order of which every beginning is spread: the first, the middle, quarters."""
    step = 1 << max(len(items) - 1, 0).bit_length()
    given: set[int] = set()
    while step:
        for index in range(0, len(items), step):
            if index not in given:
                given.add(index)
                yield items[index]
        step //= 2
