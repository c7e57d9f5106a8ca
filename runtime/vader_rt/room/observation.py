"""One frame and what the network says of it, handed to everybody who adds up what frames tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from vader_rt.features.detail import VirtualDetail
from vader_rt.io.images import enlarged, shrunk
from vader_rt.room.unmixing import LEAST_LEAK, before_other


@dataclass(frozen=True)
class Observation:
    """A frame at both sizes, with its matte and leak; nobody resizes them again.

    frame: (H, W, 3) uint8 BGR; matte, leak: (H, W) float32 in [0, 1]. small, small_matte,
    small_leak: the same at the network's size, (h, w).
    behind: (H, W, 3) uint8 BGR, the virtual background behind the caller in this frame.
    time_bin: which of the call's `TIME_BINS` parts the frame is in.
    """

    frame: np.ndarray
    matte: np.ndarray
    leak: np.ndarray
    small: np.ndarray
    small_matte: np.ndarray
    small_leak: np.ndarray
    behind: np.ndarray
    time_bin: int = 0

    @cached_property
    def strength(self) -> np.ndarray:
        """How strong the samples are, leak · matte: (H, W) float32 in [0, 1].

        Of two samples that are as surely room, the one that needs less un-mixing is the stronger.
        """
        return self.leak * np.maximum(self.matte, LEAST_LEAK)

    @cached_property
    def small_strength(self) -> np.ndarray:
        """The same at the network's size."""
        return self.small_leak * np.maximum(self.small_matte, LEAST_LEAK)

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
