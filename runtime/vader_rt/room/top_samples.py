"""The strongest samples of every pixel, which are to vote on the room."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vader_rt.room.observation import Observation
from vader_rt.room.unmixing import LEAST_LEAK

MOST_SAMPLES = 8
"""Samples that are kept of each pixel. More would be weaker ones, which are wrong more often."""
_CHUNK = 1 << 16


class TopSamples:
    """Keeps the K = `MOST_SAMPLES` strongest samples of every pixel, whatever the call's length.

    frame: (H·W, K, 3) uint8 BGR. matte: (H·W, K) uint8, 255 = 1. strength: (H·W, K) uint16,
    65535 = 1, and 0 where there is no sample: 48 bytes a pixel in all.
    """

    def __init__(self, size_wh: tuple[int, int]) -> None:
        count = size_wh[0] * size_wh[1]
        self.frame = np.zeros((count, MOST_SAMPLES, 3), np.uint8)
        self.matte = np.zeros((count, MOST_SAMPLES), np.uint8)
        self.strength = np.zeros((count, MOST_SAMPLES), np.uint16)
        self._weakest = np.zeros(count, np.uint16)

    def add(self, observation: Observation) -> None:
        """Take in a frame."""
        leak, matte = observation.leak.ravel(), observation.matte.ravel()
        strength = np.rint(observation.strength.ravel() * 65535).astype(np.uint16)
        where = np.flatnonzero((leak > LEAST_LEAK) & (strength > self._weakest))
        slot = self.strength[where].argmin(axis=1)
        self.frame[where, slot] = observation.frame.reshape(-1, 3)[where]
        self.matte[where, slot] = np.rint(matte[where] * 255)
        self.strength[where, slot] = strength[where]
        self._weakest[where] = self.strength[where].min(axis=1)

    def seen(self) -> Iterator[np.ndarray]:
        """Indices of the pixels that have a sample, some ten thousand at a time."""
        seen = np.flatnonzero(self.strength.any(axis=1))
        for start in range(0, len(seen), _CHUNK):
            yield seen[start : start + _CHUNK]
