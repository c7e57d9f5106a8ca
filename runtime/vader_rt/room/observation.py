"""One frame and what the network says of it, handed to everybody who adds up what frames tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from vader_rt.features.detail import VirtualDetail
from vader_rt.io.images import enlarged, shrunk
from vader_rt.room.unmixing import LEAST_LEAK, before_other

_PART = 1 << 18
"""Pixels that are taken in at a time."""
COLOR = np.dtype("<u4")
"""A pixel's colour as one number of the bytes B, G, R, 255, which is picked in one go."""


@dataclass(frozen=True)
class LeakingPixels:
    """What a frame shows where it leaks; everything is by pixel, in the picture's order.

    where: (N,) indices into the flattened picture. color: (N,) of `COLOR`. matte, leak: (N,)
    float32 in [0, 1]. strength: (N,) float32, leak · matte: of two samples that are as surely room,
    the one that needs less un-mixing is the stronger.
    """

    where: np.ndarray
    color: np.ndarray
    matte: np.ndarray
    leak: np.ndarray
    strength: np.ndarray

    def parts(self) -> Iterator[LeakingPixels]:
        """The same, some hundred thousand at a time: what is made of these is soon given back."""
        arrays = (self.where, self.color, self.matte, self.leak, self.strength)
        for start in range(0, len(self.where), _PART):
            yield LeakingPixels(*(array[start : start + _PART] for array in arrays))


@dataclass(frozen=True)
class Observation:
    """A frame at both sizes, with its matte and leak; nobody resizes them again.

    frame: (H, W, 3) uint8 BGR; matte, leak: (H, W) float32 in [0, 1]. small, small_matte,
    small_leak: the same at the network's size, (h, w).
    behind: (H, W, 3) uint8 BGR, the virtual background behind the caller in this frame.
    time_bin: which of the call's `TIME_BINS` parts the frame is in.
    small_person: (h, w) uint8, how likely each pixel is the caller, 255 = certain; None unless
    somebody wants to know.
    """

    frame: np.ndarray
    matte: np.ndarray
    leak: np.ndarray
    small: np.ndarray
    small_matte: np.ndarray
    small_leak: np.ndarray
    behind: np.ndarray
    time_bin: int = 0
    small_person: np.ndarray | None = None

    @cached_property
    def leaking(self) -> LeakingPixels:
        """The pixels that leak by more than `LEAST_LEAK`."""
        where = np.flatnonzero(self.leak > LEAST_LEAK)
        leak, matte = self.leak.ravel()[where], self.matte.ravel()[where]
        return LeakingPixels(where, colors(self.frame)[where], matte, leak, _strength(leak, matte))

    @cached_property
    def small_strength(self) -> np.ndarray:
        """The samples' strength at the network's size, (h, w) float32, see `LeakingPixels`."""
        return _strength(self.small_leak, self.small_matte)

    def before(self, virtual_bgr: np.ndarray, matte_confidence: float) -> Observation:
        """The same observation before another virtual background, (H, W, 3) uint8.

        The matte is believed no more than it is when the room is un-mixed, that the two agree.
        """
        if virtual_bgr is self.behind:
            return self
        matte = 1 - matte_confidence * (1 - self.matte)
        frame = before_other(self.frame, matte, self.behind, virtual_bgr)
        small = shrunk(frame, self.small.shape[1::-1])
        return replace(self, frame=frame, small=small, behind=virtual_bgr)


def observe(
    frame_bgr: np.ndarray,
    small_bgr: np.ndarray,
    outputs: Sequence[np.ndarray],
    behind_bgr: np.ndarray,
    detail: VirtualDetail | None = None,
    time_bin: int = 0,
) -> Observation:
    """What a frame network says of a frame.

    outputs: the network's, (h, w) float32 each: matte and leak; or a similarity to the room, which
    then stands for both. detail: of the virtual image where it is known, to correct the matte.
    time_bin: see `Observation`.
    """
    matte, leak = outputs[0], outputs[-1]
    if detail is not None:
        matte = detail.corrected(matte, small_bgr)
    size_wh = frame_bgr.shape[1::-1]
    large_leak = enlarged(leak, size_wh)
    large_matte = large_leak if matte is leak else enlarged(matte, size_wh)
    return Observation(
        frame_bgr, large_matte, large_leak, small_bgr, matte, leak, behind_bgr, time_bin
    )


def colors(frame_bgr: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 BGR → (H·W,) of `COLOR`."""
    return cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2BGRA).reshape(-1).view(COLOR)


def levels(color: np.ndarray) -> np.ndarray:
    """(...) of `COLOR` → (..., 3) uint8 BGR."""
    return np.ascontiguousarray(color)[..., None].view(np.uint8)[..., :3]


def _strength(leak: np.ndarray, matte: np.ndarray) -> np.ndarray:
    return leak * np.maximum(matte, LEAST_LEAK)
