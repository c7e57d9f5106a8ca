"""The strongest sample of every time bin: what the restoration network chooses from.

One sample per pixel is wrong as soon as it shows the person. Over a whole call the person moves and
the room does not, so the samples of several time bins tell which of them are room.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vader_rt.contract import TIME_BINS
from vader_rt.room.observation import Observation
from vader_rt.room.unmixing import LEAST_LEAK
from vader_rt.stateful import Stateful


@dataclass(frozen=True)
class BinSamples:
    """One sample of every pixel and time bin.

    frame: (TIME_BINS, h, w, 3) uint8 BGR. matte, leak, person: (TIME_BINS, h, w) uint8, 255 = 1.
    All are 0 where a bin saw no leak; person everywhere where nobody was looked for.
    """

    frame: np.ndarray
    matte: np.ndarray
    leak: np.ndarray
    person: np.ndarray


class TimeBinSampler(Stateful):
    """Keeps, for every pixel and each of `TIME_BINS` equal parts of the call, the strongest sample.

    It works at the network's size.

    size_wh: that size.
    """

    STATE = ("_strength", "_frame", "_matte", "_leak", "_person")

    def __init__(self, size_wh: tuple[int, int]) -> None:
        shape = (TIME_BINS, size_wh[1], size_wh[0])
        self._strength = np.zeros(shape, np.float32)
        self._frame = np.zeros((*shape, 3), np.uint8)
        self._matte, self._leak, self._person = np.zeros((3, *shape), np.uint8)

    def add(self, observation: Observation) -> None:
        """Take in a frame."""
        leak, matte, index = observation.small_leak, observation.small_matte, observation.time_bin
        strength = observation.small_strength
        stronger = (strength > self._strength[index]) & (leak > LEAST_LEAK)
        self._strength[index][stronger] = strength[stronger]
        self._frame[index][stronger] = observation.small[stronger]
        self._matte[index][stronger] = np.rint(matte[stronger] * 255)
        self._leak[index][stronger] = np.rint(leak[stronger] * 255)
        if observation.small_person is not None:
            self._person[index][stronger] = observation.small_person[stronger]

    def samples(self) -> BinSamples:
        planes = (self._frame, self._matte, self._leak, self._person)
        return BinSamples(*(plane.copy() for plane in planes))


def time_bin(index: int, frames: int) -> int:
    """The part of a call of so many frames that a frame is in; one too many is in the last."""
    return min(index * TIME_BINS // max(frames, 1), TIME_BINS - 1)
