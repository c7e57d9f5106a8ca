"""A cheap measure of the leak of every frame, for those that did not go through the network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vader_rt.stateful import State

_CHUNK = 2048
"""Frames that are compared with their own median at a time: about a minute, 3 MB."""
_OFF_LEVELS, _MOVED_LEVELS = 12, 6
_FEATURES = 3


class CheapLeak:
    """Measures thumbnails of all frames, and tells leaks from the measures.

    A frame leaks where the person moves, and by how much it differs from what is mostly shown. How
    far that is so is fitted on the frames whose leak is known.
    """

    def __init__(self) -> None:
        self._thumbnails: list[np.ndarray] = []
        self._measured: list[np.ndarray] = []
        self._last: np.ndarray | None = None

    def add(self, thumbnail: np.ndarray) -> None:
        """Take in the next frame's brightness, (h, w) uint8, small."""
        self._thumbnails.append(thumbnail)
        if len(self._thumbnails) == _CHUNK:
            self._measure()

    def copy(self) -> CheapLeak:
        """What there is by now, which goes on by itself."""
        other = CheapLeak()
        other._thumbnails, other._measured = list(self._thumbnails), list(self._measured)
        other._last = self._last
        return other

    def state(self) -> State:
        """What `restore` takes; no frame is to be taken in after that."""
        return {"measures": self._measures()}

    def restore(self, state: State) -> None:
        """Put back what another process measured."""
        self._measured = [state["measures"]]

    def leaks(self, known: Mapping[int, float]) -> list[float]:
        """The share of leaking pixels of every frame, which is `known` of some by index."""
        measures = self._measures()
        indices = sorted(known)
        weights, *_ = np.linalg.lstsq(
            measures[indices], np.array([known[i] for i in indices]), rcond=None
        )
        leaks = np.clip(measures @ weights, 0, 1)
        leaks[indices] = [known[i] for i in indices]
        return leaks.tolist()

    def _measures(self) -> np.ndarray:
        """Of all frames, (N, _FEATURES) float64."""
        if self._thumbnails:
            self._measure()
        return np.concatenate(self._measured) if self._measured else np.zeros((0, _FEATURES))

    def _measure(self) -> None:
        """1, the share of pixels that differ from the median, and that of those that moved."""
        frames = np.stack(self._thumbnails)
        previous = np.concatenate([frames[:1] if self._last is None else [self._last], frames[:-1]])
        usual = np.median(frames, axis=0).astype(np.int16)
        off = np.abs(frames - usual) > _OFF_LEVELS
        moved = np.abs(frames.astype(np.int16) - previous) > _MOVED_LEVELS
        shares = [np.ones(len(frames)), off.mean(axis=(1, 2)), moved.mean(axis=(1, 2))]
        self._measured.append(np.stack(shares, axis=1))
        self._last, self._thumbnails = frames[-1], []
