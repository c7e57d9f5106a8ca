"""The frames of a call that go through the network, once they are chosen."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np

from vader_rt.io.frames import FrameView
from vader_rt.pipeline.choose import spread_order
from vader_rt.pipeline.timeline import CheapLeak
from vader_rt.sources.source import FrameSource
from vader_rt.stateful import State


class Chosen(Protocol):
    """The frames of a call that go through the network.

    total: frames in the call; count: how many of them are chosen.
    """

    @property
    def total(self) -> int: ...

    @property
    def count(self) -> int: ...

    def frames(self, done: Container[int] = ()) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (H, W, 3) uint8 BGR frames with their index, but for those that are done."""
        ...

    def timeline(self, leaks: Mapping[int, float]) -> list[float]:
        """The leak of every frame, by that of the frames that went through the network so far."""
        ...

    def state(self) -> State:
        """What `restored_choice` makes the same of."""
        ...


@dataclass(frozen=True)
class AllFrames:
    """All of them, decoded again."""

    source: FrameSource
    total: int

    @property
    def count(self) -> int:
        return self.total

    def frames(self, done: Container[int] = ()) -> Iterator[tuple[int, np.ndarray]]:
        views = enumerate(self.source.views())
        return ((index, view.bgr()) for index, view in views if index not in done)

    def held(self) -> Mapping[int, FrameView]:
        """Frames that are in memory: none."""
        return {}

    def timeline(self, leaks: Mapping[int, float]) -> list[float]:
        return [leaks.get(index, 0.0) for index in range(max(leaks) + 1)]

    def state(self) -> State:
        return {"total": self.total}


class ChosenFrames:
    """Some of them. Those that are in memory stay there until they are yielded, once.

    If all are, the first of them are spread over the call already, and so is what they tell.
    """

    def __init__(
        self,
        source: FrameSource,
        views: Mapping[int, FrameView | None],
        leaks: CheapLeak,
        total: int,
    ) -> None:
        self._source, self._leaks, self._views = source, leaks, dict(views)
        self.total, self.count = total, len(views)
        self._indices = sorted(views)
        self._is_held = None not in self._views.values()

    def hold(self, wanted: Collection[int]) -> None:
        """Read frames that are wanted into memory, as those of a short call were before."""
        self._is_held = True
        found = ((i, view) for i, view in enumerate(self._source.views()) if i in wanted)
        self._views = dict(islice(found, len(wanted)))

    def frames(self, done: Container[int] = ()) -> Iterator[tuple[int, np.ndarray]]:
        order = self._indices
        again: Iterator[tuple[int, FrameView]] = iter(())
        if self._is_held:
            order = list(spread_order(order))
        else:
            again = enumerate(self._source.views())
        try:
            for index in order:
                if index in done:
                    continue
                view = self._views.pop(index, None) or _at(index, again)
                if view is not None:
                    yield index, view.bgr()
        finally:
            self._views.clear()  # if nobody wants the rest, nobody holds it

    def held(self) -> Mapping[int, FrameView]:
        """The frames that are in memory, and were not yielded."""
        return {index: view for index, view in self._views.items() if view is not None}

    def timeline(self, leaks: Mapping[int, float]) -> list[float]:
        return self._leaks.leaks(leaks)

    def state(self) -> State:
        """This; frames that were held are to be read again."""
        leaks = self._leaks.state()
        indices, is_held = self._indices, self._is_held
        return {"total": self.total, "indices": indices, "is_held": is_held, "leaks": leaks}


def restored_choice(source: FrameSource, state: State, done: Container[int]) -> Chosen:
    """The choice that another process made, by its state. done: what need not be held again."""
    if "indices" not in state:
        return AllFrames(source, state["total"])
    leaks = CheapLeak()
    leaks.restore(state["leaks"])
    views: dict[int, FrameView | None] = dict.fromkeys(state["indices"])
    chosen = ChosenFrames(source, views, leaks, state["total"])
    if state["is_held"]:
        chosen.hold({index for index in views if index not in done})
    return chosen


def _at(index: int, views: Iterator[tuple[int, FrameView]]) -> FrameView | None:
    """The view with an index, of those that come; None if there are fewer than before."""
    return next((view for found, view in views if found == index), None)
