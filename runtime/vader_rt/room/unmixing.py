"""The mixing equation, frame = V + m (R − V), solved for the room R.

V is the virtual background, m the client's matte where the room leaks. An estimated matte is
believed as far as its *matte confidence* c in [0, 1]: m becomes 1 − c (1 − m). 1 un-mixes wholly, 0
copies the frame's colour; a matte that is not sure errs least in between.
"""

from __future__ import annotations

import cv2
import numpy as np

LEAST_LEAK = 1 / 32
"""A leak below this carries less room than compression noise; it is left out."""


def believed(matte: np.ndarray, confidence: float) -> np.ndarray:
    """A matte in [0, 1], believed as far as its confidence, and never too small to divide by."""
    return np.maximum(1 - confidence * (1 - matte), LEAST_LEAK)


def unmixed(
    frame: np.ndarray, matte: np.ndarray, virtual: np.ndarray, confidence: float
) -> np.ndarray:
    """The room by samples: V + (frame − V) / m, in levels, float32.

    frame, virtual: (..., 3) levels; matte: (...) in [0, 1].
    """
    m = believed(matte, confidence)[..., None]
    return virtual + np.subtract(frame, virtual, dtype=np.float32) / m


def before_other(
    frame_bgr: np.ndarray, matte: np.ndarray, virtual_bgr: np.ndarray, other_bgr: np.ndarray
) -> np.ndarray:
    """A frame as it would look before another virtual background: frame + (1 − m) (V' − V).

    frame, virtual, other: (H, W, 3) uint8; matte: (H, W) float32 in [0, 1].
    """
    shown = (1 - matte)[..., None]
    shift = cv2.subtract(other_bgr, virtual_bgr, dtype=cv2.CV_32F)
    return np.clip(np.rint(frame_bgr + shown * shift), 0, 255).astype(np.uint8)
