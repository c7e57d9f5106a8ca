"""How many frames the client's mask lags behind the person.

How the mask changes from frame to frame is correlated with how the person changed at that time, and
some frames before: what always differs between the two does not count.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from vader_rt.io.images import shrunk
from vader_rt.selftest.leak import Told

_MOST_FRAMES = 5
_WIDTH = 160
_LEAST_CORRELATION = 0.15
_CLEARLY = 0.85
"""The correlation at any other lag, as a share of that at the best: at most this."""


class Lag:
    """Adds up how changes of masks go with those of persons, in the same and earlier frames."""

    def __init__(self) -> None:
        self._mask: np.ndarray | None = None
        self._person: np.ndarray | None = None
        self._changes: deque[np.ndarray] = deque(maxlen=_MOST_FRAMES + 1)
        self._together, self._persons = np.zeros((2, _MOST_FRAMES + 1))
        self._masks = 0.0

    def add(self, matte: Told, person: np.ndarray) -> None:
        """Take in the next frame. person: (H, W) bool."""
        size_wh = _WIDTH, max(1, round(_WIDTH * person.shape[0] / person.shape[1]))
        mask = shrunk(np.where(matte.told, matte.matte, np.float32(0)), size_wh)
        where = shrunk(person.astype(np.float32), size_wh)
        if self._mask is not None and self._person is not None:
            self._changes.appendleft(cv2.subtract(where, self._person))
            self._correlate(cv2.subtract(mask, self._mask))
        self._mask, self._person = mask, where

    def skip(self) -> None:
        """Go past a frame of which nothing is known: what follows is no neighbour."""
        self._mask = self._person = None
        self._changes.clear()

    def frames(self) -> int | None:
        """The lag; None where nothing moves enough to tell, or it may be more than 4."""
        energy = np.sqrt(self._masks * self._persons)
        found = np.divide(self._together, energy, out=np.zeros_like(energy), where=energy > 0)
        best = int(found.argmax())
        others = np.delete(found, best).max()
        is_clear = found[best] >= _LEAST_CORRELATION and others <= _CLEARLY * found[best]
        return best if is_clear and best < _MOST_FRAMES else None

    def _correlate(self, change: np.ndarray) -> None:
        if len(self._changes) <= _MOST_FRAMES:
            return
        self._masks += float((change * change).sum())
        for frames, earlier in enumerate(self._changes):
            self._together[frames] += float((change * earlier).sum())
            self._persons[frames] += float((earlier * earlier).sum())
