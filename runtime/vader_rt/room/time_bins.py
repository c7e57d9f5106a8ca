"""The strongest sample of every span of a call: what the restoration network chooses from.

One sample per pixel is wrong as soon as it shows the person. Over a whole call the person moves and
the room does not, so the samples of several spans of time tell which of them are room.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vader_rt.contract import SPANS
from vader_rt.room.unmixing import LEAST_LEAK


@dataclass(frozen=True)
class Samples:
    """color: (SPANS, h, w, 3) uint8 BGR, the call. matte, leak: (SPANS, h, w) uint8, 255 = 1; both
    are 0 where a span saw no leak.
    """

    color: np.ndarray
    matte: np.ndarray
    leak: np.ndarray


class SpanSampler:
    """Keeps, for every pixel and each of `SPANS` equal spans of the call, the strongest sample.

    Strong is, as in `vader_rt.room.unmixing.Unmixer`, leak · matte. frames: how many frames there will be.
    """

    def __init__(self, size_wh: tuple[int, int], frames: int) -> None:
        shape = (SPANS, size_wh[1], size_wh[0])
        self._frames, self._count = max(frames, 1), 0
        self._strength = np.zeros(shape, np.float32)
        self._color = np.zeros((*shape, 3), np.uint8)
        self._matte, self._leak = np.zeros((2, *shape), np.uint8)

    def add(self, small_bgr: np.ndarray, matte: np.ndarray, leak: np.ndarray) -> None:
        """Take in the next frame (h, w, 3) uint8, its matte and leak, (h, w) float32 in [0, 1]."""
        span = min(self._count * SPANS // self._frames, SPANS - 1)
        self._count += 1
        strength = leak * np.maximum(matte, LEAST_LEAK)
        better = (strength > self._strength[span]) & (leak > LEAST_LEAK)
        self._strength[span][better] = strength[better]
        self._color[span][better] = small_bgr[better]
        self._matte[span][better] = np.rint(matte[better] * 255)
        self._leak[span][better] = np.rint(leak[better] * 255)

    def samples(self) -> Samples:
        return Samples(self._color.copy(), self._matte.copy(), self._leak.copy())
