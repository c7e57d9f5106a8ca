"""A part of a recording: some of its time, or a rectangle of its picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vader_rt.errors import InputError, OptionError
from vader_rt.io.frames import ArrayFrame, FrameView
from vader_rt.io.video import MIN_SIDE
from vader_rt.sources.rectangle import Rectangle
from vader_rt.sources.source import FrameSource
from vader_rt.sources.tiles import Tile, chosen_tile
from vader_rt.stateful import State


@dataclass(frozen=True)
class Selection:
    """What is taken of a recording. start, end: in seconds; frames from `end` on are left out.

    roi, tile: the part of the picture, or which of its tiles; at most one of them is given.
    """

    start: float = 0.0
    end: float = math.inf
    roi: Rectangle | None = None
    tile: Tile | None = None

    @property
    def is_all(self) -> bool:
        return self == Selection()


@dataclass
class Selected:
    """A part of a recording; see `FrameSource`. Times stay those of the recording.

    Raises:
        OptionError: the rectangle is not inside the picture, or too small; or no tile can be told.
    """

    source: FrameSource
    selection: Selection
    _first: int = field(default=0, init=False)
    _count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        tile, start = self.selection.tile, self.selection.start
        if tile is not None:
            place = chosen_tile(self.source, tile, start)
            self.selection = replace(self.selection, roi=place)
        roi, (width, height) = self.selection.roi, self.source.size_wh
        if roi is None:
            return
        if roi.x + roi.width > width or roi.y + roi.height > height:
            line = f"roi {roi}: is not inside the picture of {width}×{height}"
            raise OptionError(line, "roi")
        if min(roi.width, roi.height) < MIN_SIDE:
            line = f"roi {roi}: is too small; {MIN_SIDE} pixels a side at least"
            raise OptionError(line, "roi")

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def size_wh(self) -> tuple[int, int]:
        roi = self.selection.roi
        return self.source.size_wh if roi is None else (roi.width, roi.height)

    @property
    def live(self) -> bool:
        return self.source.live

    @property
    def fps(self) -> float:
        return self.source.fps

    @property
    def frame_hint(self) -> int:
        span = self.selection.end - self.selection.start
        hint = self.source.frame_hint
        return hint if math.isinf(span) else min(hint, round(span * self.fps))

    def frames(self) -> Iterator[np.ndarray]:
        return (view.bgr() for view in self.views())

    def views(self) -> Iterator[FrameView]:
        given = 0
        for index, view in enumerate(self.source.views()):
            time = self.source.time(index)
            if time >= self.selection.end:
                break
            if time >= self.selection.start:
                self._first = index if given == 0 else self._first
                given += 1
                self._count = max(given, self._count)
                yield self._cropped(view)
        if given == 0:
            raise InputError(f"{self.name}: holds no frame from --start to --end")

    def sha256(self) -> str | None:
        return self.source.sha256()

    def losses(self) -> list[str]:
        return self.source.losses()

    def notes(self) -> list[str]:
        notes, selection = self.source.notes(), self.selection
        if selection.tile is None:
            return notes
        return [
            *notes,
            f"of the picture, the tile at {selection.roi} was taken (x, y, width, height)",
        ]

    def seconds(self) -> float | None:
        if self.source.seconds() is None or not self._count:
            return None
        step = 1 / self.fps if self.fps else 0.0
        return self.time(self._count - 1) - self.time(0) + step

    def times(self) -> list[float | None]:
        return self.source.times()[self._first : self._first + self._count]

    def time(self, index: int) -> float:
        return self.source.time(self._first + index)

    def parts(self) -> Sequence[FrameSource] | None:
        return self.source.parts()

    def state(self) -> State | None:
        found = self.source.state()
        return found and {"source": found, "first": self._first, "count": self._count}

    def restore(self, state: State) -> None:
        self.source.restore(state["source"])
        self._first, self._count = state["first"], state["count"]

    def facts(self) -> dict[str, Any] | None:
        return self.source.facts()

    def _cropped(self, view: FrameView) -> FrameView:
        roi = self.selection.roi
        return view if roi is None else ArrayFrame(np.ascontiguousarray(roi.of(view.bgr())))
