"""Observations whose room is known."""

from __future__ import annotations

import numpy as np

from vader_rt.room.observation import Observation, observe


def plane(value: float, shape: tuple[int, int]) -> np.ndarray:
    """A matte or leak of one value."""
    return np.full(shape, value, np.float32)


def blended(virtual: np.ndarray, room: np.ndarray, matte: float | np.ndarray) -> np.ndarray:
    """frame = V + m (R − V), rounded to 8 bit."""
    return np.rint(virtual + matte * (room.astype(float) - virtual)).astype(np.uint8)


def observed(
    frame: np.ndarray,
    matte: float | np.ndarray,
    leak: float | np.ndarray,
    virtual: np.ndarray | None = None,
    time_bin: int = 0,
) -> Observation:
    """A frame whose network works at the frame's size, or at that of the planes that are given."""
    planes = [
        value if isinstance(value, np.ndarray) else plane(value, frame.shape[:2])
        for value in (matte, leak)
    ]
    behind = frame if virtual is None else virtual
    return observe(frame, frame, planes, behind, time_bin=time_bin)
