"""The real room, as the camera shows it where nobody is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vader_rt.io.images import shrunk

_SAMPLES = 15
"""Samples of a pixel, of which the median is taken."""
_LEAST_SAMPLES, _LEAST_SHARE = 3, 0.05
"""So many, and of so large a share of the frames, are needed: a segmenter errs for moments."""
IS_PERSON = 127
"""A segmenter's mask above which it is the person."""
_FREE_MASK, _MARGIN, _INSIDE = 25, 1 / 80, 1 / 110
"""The person mask up to which nobody is there, and not nearer than this, in widths; and from where
on inside of the person their edge is not near."""
_STRIP = 64


@dataclass(frozen=True)
class Room:
    """What the camera shows where nobody is.

    image: (H, W, 3) uint8 BGR, black where unknown. known: (H, W) bool. taken: (H, W) bool, where
    the person is in most frames, and their edge is not near.
    """

    image: np.ndarray
    known: np.ndarray
    taken: np.ndarray


class RoomSampler:
    """Keeps samples of each pixel where nobody is, spread over all frames by chance (Vitter's R).

    It takes 45 bytes a pixel, whatever the recording's length.
    """

    def __init__(self, size_wh: tuple[int, int]) -> None:
        width, height = size_wh
        self._size_wh, self._frames = size_wh, 0
        self._samples = np.zeros((_SAMPLES, height * width, 3), np.uint8)
        self._seen = np.zeros(height * width, np.int32)
        self._taken = np.zeros((height, width), np.int32)
        self._random = np.random.default_rng(0)

    def add(self, frame_bgr: np.ndarray, mask: np.ndarray) -> None:
        """Take in a frame, (H, W, 3) uint8, and its person mask, (h, w) uint8."""
        self._frames += 1
        side = 2 * round(self._size_wh[0] * _MARGIN / 2) + 1
        large = shrunk(mask, self._size_wh)
        self._taken += large > IS_PERSON
        near = cv2.dilate(large, np.ones((side, side), np.uint8))
        where = np.flatnonzero(near <= _FREE_MASK)
        self._seen[where] += 1
        seen = self._seen[where]
        slot = np.where(seen <= _SAMPLES, seen - 1, self._random.integers(0, seen))
        where, slot = where[slot < _SAMPLES], slot[slot < _SAMPLES]
        self._samples[slot, where] = frame_bgr.reshape(-1, 3)[where]

    def room(self) -> Room:
        """What is known by now."""
        width, height = self._size_wh
        image = np.zeros((height * width, 3), np.uint8)
        for start in range(0, height * width, _STRIP * width):
            part = slice(start, start + _STRIP * width)
            image[part] = _medians(self._samples[:, part], self._seen[part])
        known = self._seen >= max(_LEAST_SAMPLES, _LEAST_SHARE * self._frames)
        image[~known] = 0
        side = 2 * round(width * _INSIDE) + 1
        mostly = (self._taken > self._frames / 2).astype(np.uint8)
        taken = cv2.erode(mostly, np.ones((side, side), np.uint8)) > 0
        shape = (height, width)
        return Room(image.reshape(*shape, 3), known.reshape(shape), taken)


def _medians(samples: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Medians of the first `seen` (N,) of samples (K, N, 3) uint8: (N, 3)."""
    count = np.minimum(seen, len(samples))
    unused = np.arange(len(samples))[:, None] >= count
    ordered = np.sort(np.where(unused[..., None], np.uint8(255), samples), axis=0)
    middle = np.maximum(count - 1, 0) // 2
    return np.take_along_axis(ordered, middle[None, :, None], axis=0)[0]
