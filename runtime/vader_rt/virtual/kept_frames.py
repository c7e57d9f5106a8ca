"""Frames kept from a call, spread evenly over it, and what is computed of each of their pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import cv2
import numpy as np

from vader_rt.io.cpus import in_threads
from vader_rt.io.images import shrunk
from vader_rt.stateful import Stateful

CLEAR_SHARE = 1 / 3
"""Share of the frames, those with least of a person at a pixel, that are averaged there."""
_KEPT_BYTES = 150_000_000
"""What frames may take as decoders give them: 48 of 1920×1080, 12 of 3840×2160."""
_STRIP = 64
T = TypeVar("T")
MOST_KEPT = 48
"""Frames of which a virtual background is estimated, at most."""


class Spread(Stateful, Generic[T]):
    """At most `capacity` items spread over a series of unknown length; so many once there are.

    It keeps every k-th item. For each one too many it drops one that stands between two others,
    from the beginning on; when all of these are dropped, k has doubled. So neighbours are k or 2k
    apart, and memory does not grow with the series.

    kept: the items by index, in order.
    """

    STATE = ("_step", "_next_dropped", "kept", "seen")

    def __init__(self, capacity: int) -> None:
        self._capacity, self._step, self._next_dropped = capacity, 1, 1
        self.kept: dict[int, T] = {}
        self.seen = 0

    def offer(self, item: T) -> None:
        """Take in the next item."""
        wanted = self.seen % self._step == 0
        if wanted:
            self.kept[self.seen] = item
        self.seen += 1
        if len(self.kept) > self._capacity:
            self._drop_one()

    @property
    def even(self) -> dict[int, T]:
        """Those of them that are one step apart, for statistics: half of `capacity` at least."""
        step = self._step if self._next_dropped == self._step else 2 * self._step
        return {index: item for index, item in self.kept.items() if index % step == 0}

    def _drop_one(self) -> None:
        del self.kept[self._next_dropped]
        self._next_dropped += 2 * self._step
        if self._next_dropped >= self.seen:
            self._step *= 2
            self._next_dropped = self._step


class Pictures(Sequence[np.ndarray]):
    """Pictures that are made whenever they are asked for, so that only one is in memory.

    make: gives the picture of an index below `count`.
    """

    def __init__(self, make: Callable[[int], np.ndarray], count: int) -> None:
        self._make, self._count = make, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        return self._make(range(self._count)[index])


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
    def of(cls, kept: Spread[tuple[np.ndarray, np.ndarray]]) -> KeptFrames:
        """Frames that were kept, each with its mask."""
        pairs = kept.even.values()
        return cls([frame for frame, _ in pairs], [m for _, m in pairs], list(kept.even))

    def subset(self, chosen: Sequence[int]) -> KeptFrames:
        """Some of the kept frames, by their place among these."""
        return KeptFrames(
            Pictures(lambda i: self.frames[chosen[i]], len(chosen)),
            [self.small_masks[i] for i in chosen],
            [self.indices[i] for i in chosen],
        )

    def masks(self, size_wh: tuple[int, int]) -> np.ndarray:
        """The masks at a size: (N, H, W) uint8."""
        return np.stack([shrunk(mask, size_wh) for mask in self.small_masks])


def kept_capacity(size_wh: tuple[int, int]) -> int:
    """How many frames of a size are to be kept: fewer where they are large."""
    decoded_bytes = size_wh[0] * size_wh[1] * 3 // 2
    return int(np.clip(_KEPT_BYTES // decoded_bytes, 12, MOST_KEPT))


def person_planes(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of person masks (N, H, W) uint8 the mean, and the largest of the clearest `CLEAR_SHARE`.

    Both are (H, W) uint8.
    """
    rank = max(1, round(len(masks) * CLEAR_SHARE)) - 1
    mean, limit = np.empty((2, *masks.shape[1:]), np.uint8)

    def compute(rows: slice) -> None:
        mean[rows] = np.rint(masks[:, rows].mean(axis=0))
        limit[rows] = np.partition(masks[:, rows], rank, axis=0)[rank]

    in_threads(compute, _strips(masks.shape[1]))
    return mean, limit


def clearest_mean(frames: Sequence[np.ndarray], masks: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Mean over the frames whose mask is not above the limit of each pixel."""
    total = np.zeros(frames[0].shape, np.float32)
    count = np.zeros(limit.shape, np.float32)
    for frame, mask in zip(frames, masks, strict=True):
        used = cv2.compare(mask, limit, cv2.CMP_LE)
        cv2.accumulate(frame, total, used)
        count += used > 0
    return np.rint(total / count[..., None]).astype(np.uint8)


def temporal_mode(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Per pixel and channel the most frequent value: N × (H, W, 3) uint8 → (H, W, 3) uint8."""
    frames = list(frames)
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
