"""One frame and what the network says of it, handed to everybody who adds up what frames tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from vader_rt.features.detail import VirtualDetail
from vader_rt.io.images import enlarged, shrunk
from vader_rt.room.unmixing import before_other


@dataclass(frozen=True)
class Observation:
    """A frame at both sizes, with its matte and leak; what is enlarged is enlarged once.

    frame: (H, W, 3) uint8 BGR. small: the same at the network's size, (h, w, 3).
    small_matte, small_leak: (h, w) float32 in [0, 1].
    behind: (H, W, 3) uint8 BGR, the virtual background behind the caller in this frame.
    time_bin: which of the call's `TIME_BINS` parts the frame is in.
    """

    frame: np.ndarray
    small: np.ndarray
    small_matte: np.ndarray
    small_leak: np.ndarray
    behind: np.ndarray
    time_bin: int = 0

    @cached_property
    def matte(self) -> np.ndarray:
        """The matte at the frame's size: (H, W) float32 in [0, 1]."""
        return enlarged(self.small_matte, self.frame.shape[1::-1])

    @cached_property
    def leak(self) -> np.ndarray:
        """The leak at the frame's size: (H, W) float32 in [0, 1]."""
        return enlarged(self.small_leak, self.frame.shape[1::-1])

    def before(self, virtual_bgr: np.ndarray, matte_confidence: float) -> Observation:
        """The same observation before another virtual background, (H, W, 3) uint8.

        The matte is believed no more than it is when the room is un-mixed, that the two agree.
        """
        if virtual_bgr is self.behind:
            return self
        matte = 1 - matte_confidence * (1 - self.small_matte)
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
    return Observation(frame_bgr, small_bgr, matte, leak, behind_bgr, time_bin)
