"""Cuts: where much of the picture becomes something else from one frame to the next.

A client that shows the camera's picture for a moment makes two of them, even around a single frame.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

SKETCH_WH = (48, 27)
"""Size of the sketches that are compared, see `vader_rt.io.frames.FrameView.sketch`."""
_CHANGED_LEVELS = 10
_CUT_SHARE = 0.15
"""A cut changes more than this share of a sketch; how much of it people take is not known yet."""
_MOST_CUTS = 32
"""Cuts that are remembered, the largest of all: people who move fast make small ones."""
_LOOK_WIDTH = 320
"""Width at which frames are compared."""
Look = Callable[[], np.ndarray]
"""Gives a frame, small, if it is asked for."""


@dataclass(order=True)
class Cut:
    """Between the frames `index` - 1 and `index`.

    share: of the sketch that changed. before, after: the frames beside it, (h, w, 3) uint8 BGR, the
    nearest first; two of each, if there are.
    """

    share: float
    index: int
    before: list[np.ndarray] = field(compare=False)
    after: list[np.ndarray] = field(compare=False)


@dataclass
class CutFinder:
    """Finds the largest cuts while a recording is read once.

    frames: how many there were.
    """

    frames: int = 0
    _cuts: list[Cut] = field(default_factory=list)
    _sketch: np.ndarray | None = None
    _looks: deque[Look] = field(default_factory=lambda: deque(maxlen=2))
    _newest: Cut | None = None

    def add(self, sketch: np.ndarray, look: Look) -> None:
        """Take in the next frame's sketch, (h, w, C) uint8, and what gives the frame itself."""
        sketch = sketch.astype(np.int16)
        if self._newest is not None:
            self._newest.after.append(look())
            self._newest = None
        if self._sketch is not None:
            share = float((np.abs(sketch - self._sketch).max(axis=2) > _CHANGED_LEVELS).mean())
            if share > _CUT_SHARE and not self._is_small(share):
                before = [earlier() for earlier in reversed(self._looks)]
                self._newest = Cut(share, self.frames, before, [look()])
                heapq.heappush(self._cuts, self._newest)
        if len(self._cuts) > _MOST_CUTS:
            heapq.heappop(self._cuts)
        self._sketch = sketch
        self._looks.append(look)
        self.frames += 1

    def cuts(self) -> list[Cut]:
        """The cuts so far, in order."""
        return sorted(self._cuts, key=lambda cut: cut.index)

    def _is_small(self, share: float) -> bool:
        return len(self._cuts) == _MOST_CUTS and share <= self._cuts[0].share


def look_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    """The size at which frames of a recording are compared."""
    return _LOOK_WIDTH, max(1, round(size_wh[1] * _LOOK_WIDTH / size_wh[0]))
