"""Frames kept from a call, spread evenly over it, and what is computed of each of their pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from vader_rt.io.images import shrunk

CLEAR_SHARE = 1 / 3
"""Share of the frames, those with least of a person at a pixel, that are averaged there."""
_KEPT_BYTES = 320_000_000  # 48 frames of 1920×1080
_STRIP = 64
T = TypeVar("T")
MOST_KEPT = 48
"""Frames of which a virtual background is estimated, at most."""


class EveryKth(Generic[T]):
    """Less than `capacity` items spread evenly over a series of unknown length.

    Keeps every k-th item and doubles k when it is full, so memory does not grow with the series.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity, self._step = capacity, 1
        self.items, self.seen = list[T](), 0

    def wants_next(self) -> bool:
        """Whether the next item will be kept; only then need it be made."""
        return self.seen % self._step == 0

    def skip(self) -> None:
        """Count an item that is not wanted."""
        self.seen += 1

    def add(self, item: T) -> None:
        """Keep an item."""
        self.items.append(item)
        self.seen += 1
        if len(self.items) == self._capacity:
            self.items = self.items[::2]
            self._step *= 2

    def offer(self, item: T) -> None:
        """Keep an item if it is wanted."""
        if self.wants_next():
            self.add(item)
        else:
            self.skip()

    @property
    def indices(self) -> list[int]:
        """Which items of the series are kept."""
        return [i * self._step for i in range(len(self.items))]


@dataclass(frozen=True)
class KeptFrames:
    """Frames spread evenly over a recording.

    frames: (H, W, 3) uint8 BGR each. small_masks: their person masks, (h, w) uint8 of any size.
    indices: which frames of the recording they are.
    """

    frames: Sequence[np.ndarray]
    small_masks: Sequence[np.ndarray]
    indices: Sequence[int]

    @classmethod
    def of(cls, kept: EveryKth[tuple[np.ndarray, np.ndarray]]) -> KeptFrames:
        """Frames that were kept, each with its mask."""
        return cls([frame for frame, _ in kept.items], [m for _, m in kept.items], kept.indices)

    def subset(self, chosen: Sequence[int]) -> KeptFrames:
        """Some of the kept frames, by their place among these."""
        return KeptFrames(
            [self.frames[i] for i in chosen],
            [self.small_masks[i] for i in chosen],
            [self.indices[i] for i in chosen],
        )

    def masks(self, size_wh: tuple[int, int]) -> np.ndarray:
        """The masks at a size: (N, H, W) uint8."""
        return np.stack([shrunk(mask, size_wh) for mask in self.small_masks])


def kept_capacity(size_wh: tuple[int, int]) -> int:
    """How many frames of a size `EveryKth` is to keep: fewer where they are large."""
    frame_bytes = 3 * size_wh[0] * size_wh[1]
    return int(np.clip(_KEPT_BYTES // frame_bytes, 12, MOST_KEPT)) // 2 * 2


def person_planes(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of person masks (N, H, W) uint8 the mean, and the largest of the clearest `CLEAR_SHARE`.

    Both are (H, W) uint8.
    """
    rank = max(1, round(len(masks) * CLEAR_SHARE)) - 1
    mean, limit = np.empty((2, *masks.shape[1:]), np.uint8)
    for rows in _strips(masks.shape[1]):
        mean[rows] = np.rint(masks[:, rows].mean(axis=0))
        limit[rows] = np.partition(masks[:, rows], rank, axis=0)[rank]
    return mean, limit


def clearest_mean(frames: Sequence[np.ndarray], masks: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Mean over the frames whose mask is not above the limit of each pixel."""
    image = np.empty_like(frames[0])
    for rows in _strips(image.shape[0]):
        total = np.zeros(image[rows].shape, np.float32)
        count = np.zeros(limit[rows].shape, np.float32)
        for frame, mask in zip(frames, masks, strict=True):
            used = (mask[rows] <= limit[rows]).astype(np.float32)
            total += frame[rows] * used[..., None]
            count += used
        image[rows] = np.rint(total / count[..., None])
    return image


def temporal_mode(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Per pixel and channel the most frequent value: N × (H, W, 3) uint8 → (H, W, 3) uint8."""
    mode = np.empty_like(frames[0])
    for rows in _strips(mode.shape[0]):
        values = np.sort(np.stack([f[rows] for f in frames]), axis=0)
        run = np.ones(values.shape, np.uint8)
        for i in range(1, len(values)):
            run[i] = np.where(values[i] == values[i - 1], run[i - 1] + 1, 1)
        mode[rows] = np.take_along_axis(values, run.argmax(axis=0)[None], axis=0)[0]
    return mode


def _strips(height: int) -> Iterator[slice]:
    for top in range(0, height, _STRIP):
        yield slice(top, min(top + _STRIP, height))
