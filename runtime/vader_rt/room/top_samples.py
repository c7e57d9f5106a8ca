"""The strongest samples of every pixel, which are to vote on the room."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vader_rt.room.observation import LeakingPixels, Observation
from vader_rt.stateful import Stateful

MOST_SAMPLES = 8
"""Samples that are kept of each pixel. More would be weaker ones, which are wrong more often."""
SAMPLE = np.dtype([("frame", "u1", 3), ("matte", "u1"), ("strength", "<f4")])
"""One sample of a pixel. frame: uint8 BGR. matte: 255 = 1. strength: in [0, 1], 0 = no sample."""
_WORD = np.dtype("<u8")
"""A sample as one number. Positive floats are in the order of their bits, and the strength has the
highest ones: of two samples, the stronger is the larger number."""
_CHUNK = 1 << 14


class TopSamples(Stateful):
    """Keeps the `most` strongest samples of every pixel, whatever the call's length.

    It takes 8 bytes a sample: 64 a pixel.
    """

    STATE = ("_words",)

    def __init__(self, size_wh: tuple[int, int], most: int = MOST_SAMPLES) -> None:
        self._shape = size_wh[::-1]
        self._words = np.zeros((most, size_wh[0] * size_wh[1]), _WORD)

    def add(self, observation: Observation) -> None:
        """Take in a frame: an insertion sort of all its leaking pixels at once."""
        for pixels in observation.leaking.parts():
            self._insert(sample_words(pixels), pixels.where)

    def _insert(self, word: np.ndarray, where: np.ndarray) -> None:
        """Insert (N,) samples as numbers at N pixels."""
        kept = word > self._words[-1][where]
        word, where = word[kept], where[kept]
        for words in self._words:
            stronger = words[where]
            words[where] = np.maximum(stronger, word)
            word = np.minimum(stronger, word)

    def strongest(self) -> np.ndarray:
        """The strongest sample of every pixel: (H, W) of `SAMPLE`."""
        return self._words[0].view(SAMPLE).reshape(self._shape)

    def of(self, where: np.ndarray) -> np.ndarray:
        """The samples of some pixels, (N,) indices: (most, N) of `SAMPLE`, strongest first."""
        return self._words[:, where].view(SAMPLE)

    def seen(self) -> Iterator[np.ndarray]:
        """Indices of the pixels that have a sample, some thousands at a time."""
        seen = np.flatnonzero(self._words[0])
        for start in range(0, len(seen), _CHUNK):
            yield seen[start : start + _CHUNK]


def sample_words(pixels: LeakingPixels) -> np.ndarray:
    """(N,) samples as numbers, of which the stronger is the larger."""
    halves = np.empty((len(pixels.where), 2), "<u4")
    halves[:, 0], halves[:, 1] = pixels.color, pixels.strength.view(np.uint32)
    words = halves.reshape(-1).view(_WORD)
    words.view(SAMPLE)["matte"] = np.rint(pixels.matte * 255)
    return words
