"""Looping virtual backgrounds: a video behind the caller that begins again after a while.

It shows the same picture every `period` frames, before which the person is somewhere else. So each
phase of it is known nearly as well as a still picture is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

import cv2
import numpy as np

from vader_rt.features.segmenter import Segmenter
from vader_rt.io.images import shrunk
from vader_rt.stateful import Stateful
from vader_rt.virtual.estimate import CLEAR_MASK
from vader_rt.virtual.inpaint import continued

SHORTEST_PERIOD = 8
_MOST_FRAMES = 3600
"""Frames in which a loop is looked for: two minutes at 30 a second."""
_PAIRS = 48
_ALIKE = 0.35
"""A loop is one if frames a period apart differ by at most this share of the usual difference."""
_MOVES_LEVELS = 2.0
_KEPT_BYTES = 320_000_000
_ROUNDS = 24
"""Rounds of a loop that are learned from: the person was elsewhere in most of them."""


@dataclass
class LoopFinder:
    """Looks for the period of a looping video in small pictures of a call's first frames."""

    _thumbnails: list[np.ndarray] = field(default_factory=list, init=False, repr=False)

    def add(self, thumbnail: np.ndarray) -> None:
        """Take in the next frame's brightness, (h, w) uint8, small."""
        if len(self._thumbnails) < _MOST_FRAMES:
            self._thumbnails.append(thumbnail)

    def period(self) -> int | None:
        """In frames; None where no two rounds of a loop are seen."""
        lags = np.arange(SHORTEST_PERIOD, len(self._thumbnails) // 2 + 1)
        if len(lags) < 3:
            return None
        pictures = np.stack(self._thumbnails).astype(np.int16).reshape(len(self._thumbnails), -1)
        distances = np.array([_distance(pictures, int(lag)) for lag in lags])
        usual = float(np.median(distances))
        alike = distances <= max(_ALIKE * usual, distances.min() * 1.2)
        if usual < _MOVES_LEVELS or distances.min() > _ALIKE * usual:
            return None
        # pictures a moment apart are alike too: a loop is alike again after it was not
        start = int(np.argmin(alike)) if alike[0] else 0
        if not alike[start:].any():
            return None
        first = start + int(np.argmax(alike[start:]))
        end = first + int(np.argmin(np.append(alike[first:], False)))
        return int(lags[first + np.argmin(distances[first:end])])


class LoopingVideo(Stateful):
    """The pictures of a looping video by phase.

    Per phase and pixel it keeps what the re-run segmenter saw least of a person in; what was never
    clear is continued from around. Long ones are kept smaller than the call.
    """

    STATE = ("_pictures",)

    def __init__(self, size_wh: tuple[int, int], period: int) -> None:
        self._size_wh = size_wh
        pixels = _KEPT_BYTES / period / 4
        scale = min(1.0, (pixels / (size_wh[0] * size_wh[1])) ** 0.5)
        self._kept_wh = (round(size_wh[0] * scale), round(size_wh[1] * scale))
        shape = (period, self._kept_wh[1], self._kept_wh[0])
        self._pictures = np.zeros((*shape, 3), np.uint8)

    @property
    def period(self) -> int:
        return len(self._pictures)

    def learn(self, frames: Iterable[np.ndarray], segmenter: Segmenter) -> None:
        """Take in the frames of a call, (H, W, 3) uint8, from its first on, of so many rounds."""
        least = np.full(self._pictures.shape[:3], 255, np.uint8)
        for index, frame in enumerate(islice(frames, _ROUNDS * self.period)):
            phase = index % self.period
            small = shrunk(frame, self._kept_wh)
            mask = cv2.resize(segmenter.mask(frame), self._kept_wh)
            clearer = mask < least[phase]
            self._pictures[phase][clearer] = small[clearer]
            least[phase][clearer] = mask[clearer]
        for picture, mask in zip(self._pictures, least, strict=True):
            picture[...] = continued(picture, mask <= CLEAR_MASK)

    def at(self, index: int) -> np.ndarray:
        """The virtual background behind a frame: (H, W, 3) uint8 BGR."""
        return shrunk(self._pictures[index % self.period], self._size_wh)


def _distance(pictures: np.ndarray, lag: int) -> float:
    """Mean over pairs of frames of their median difference, in levels."""
    first = np.unique(np.linspace(0, len(pictures) - lag - 1, _PAIRS).round().astype(int))
    return float(np.median(np.abs(pictures[first] - pictures[first + lag]), axis=1).mean())
