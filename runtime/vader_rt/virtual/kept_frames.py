"""Frames kept from a call, spread evenly over it, and what is computed of each of their pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from vader_rt.io.images import shrunk

CLEAR_SHARE = 1 / 3
"""Share of the frames, those with least of a person at a pixel, that are averaged there."""
_KEPT_BYTES = 320_000_000  # 48 frames of 1920×1080
_STRIP = 64


@dataclass
class KeptFrames:
    """At most `capacity` frames spread evenly over a recording of unknown length.

    Keeps every k-th frame and doubles k when it is full, so memory does not grow with the call.
    """

    capacity: int = 48
    _frames: list[np.ndarray] = field(default_factory=list, init=False, repr=False)
    _masks: list[np.ndarray] = field(default_factory=list, init=False, repr=False)
    _step: int = field(default=1, init=False)
    _seen: int = field(default=0, init=False)

    @classmethod
    def for_size(cls, size_wh: tuple[int, int]) -> KeptFrames:
        """For frames of this size: fewer frames where they are large."""
        frame_bytes = 3 * size_wh[0] * size_wh[1]
        return cls(int(np.clip(_KEPT_BYTES // frame_bytes, 12, 48)) // 2 * 2)

    def wants_next(self) -> bool:
        """Whether the next frame will be kept; only then is its mask needed."""
        return self._seen % self._step == 0

    def skip(self) -> None:
        """Count a frame that is not wanted."""
        self._seen += 1

    def add(self, frame_bgr: np.ndarray, mask: np.ndarray) -> None:
        """Keep a frame, (H, W, 3) uint8, and its person mask, (h, w) uint8 of any size."""
        self._frames.append(frame_bgr)
        self._masks.append(mask)
        self._seen += 1
        if len(self._frames) == self.capacity:
            self._frames, self._masks = self._frames[::2], self._masks[::2]
            self._step *= 2

    @property
    def indices(self) -> list[int]:
        """Which frames of the recording are kept."""
        return [i * self._step for i in range(len(self._frames))]

    @property
    def frames_seen(self) -> int:
        return self._seen

    @property
    def frames(self) -> list[np.ndarray]:
        return self._frames

    def subset(self, indices: Sequence[int]) -> KeptFrames:
        """Some of the kept frames, by index, with their masks."""
        part = KeptFrames(self.capacity)
        part._frames = [self._frames[i] for i in indices]
        part._masks = [self._masks[i] for i in indices]
        part._seen = len(part._frames)
        return part

    def masks(self, size_wh: tuple[int, int]) -> np.ndarray:
        """The kept masks at a size: (N, H, W) uint8."""
        return np.stack([shrunk(mask, size_wh) for mask in self._masks])


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
