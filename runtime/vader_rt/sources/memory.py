"""Frames that a caller of ours has, all at once or one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vader_rt.errors import InputError
from vader_rt.io.frames import ArrayFrame, fit
from vader_rt.io.video import USUAL_FPS, VideoFile, VideoWriter, checked_size
from vader_rt.stateful import State


@dataclass(frozen=True)
class FrameArray:
    """Frames that the caller holds in memory."""

    items: Sequence[np.ndarray]
    size_wh: tuple[int, int]
    fps: float = 0.0
    name: str = "frames"

    @property
    def frame_hint(self) -> int:
        return len(self.items)

    def frames(self) -> Iterator[np.ndarray]:
        return (fit(checked(frame), self.size_wh) for frame in self.items)

    def views(self) -> Iterator[ArrayFrame]:
        return (ArrayFrame(frame) for frame in self.frames())

    def sha256(self) -> None:
        return None

    def losses(self) -> list[str]:
        return []

    def notes(self) -> list[str]:
        return []

    def seconds(self) -> float | None:
        return len(self.items) / self.fps if self.fps else None

    def times(self) -> list[float | None]:
        return []

    def time(self, index: int) -> float:
        return index / (self.fps or USUAL_FPS)

    @property
    def live(self) -> bool:
        return False

    def parts(self) -> None:
        return None

    def state(self) -> None:
        return None

    def restore(self, state: State) -> None:
        """There is nothing to be put back."""

    def facts(self) -> None:
        return None


def spooled(frames: Iterable[np.ndarray], path: Path, max_pixels: int) -> VideoFile:
    """Frames that can be had only once, written losslessly to a file, and read from there."""
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise InputError("no frames were given")
    size_wh = checked_size(checked(first), "frames", max_pixels)
    with VideoWriter(path, size_wh=size_wh, lossless=True) as writer:
        writer.write(first)
        for frame in iterator:
            writer.write(fit(checked(frame), size_wh))
    return VideoFile(path, size_wh, 0.0, 0, spooled=True, max_pixels=max_pixels)


def checked(frame: object) -> np.ndarray:
    """A frame, if it is one: (H, W, 3) uint8.

    Raises:
        InputError: it is none.
    """
    if not (isinstance(frame, np.ndarray) and frame.ndim == 3 and frame.shape[2] == 3):
        raise InputError("every frame must be an (H, W, 3) array, BGR")
    if frame.size == 0:
        raise InputError(f"every frame must have pixels; one is {frame.shape[1]}×{frame.shape[0]}")
    if frame.dtype != np.uint8:
        raise InputError(f"frames must be uint8 in 0–255, not {frame.dtype}")
    return frame
