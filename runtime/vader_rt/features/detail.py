"""The matte as a known virtual image tells it: what of its detail is missing, the room hides."""

from __future__ import annotations

import cv2
import numpy as np

_DETAIL_SIGMA, _NEAR_SIGMA = 2.0, 3.0
"""Detail is what is finer than the one; within the other a matte hardly changes. In pixels."""
_NOISE = 2.0
"""Squared levels of detail that compression leaves where there is none."""
_SLOPE_VARIANCE, _SLOPE_NOISE, _GUESS_VARIANCE = 0.08**2, 1.5, 0.2**2
"""Variance of a matte told by detail, how it grows with 1 / energy, and that of a network's."""


class VirtualDetail:
    """The detail of a virtual background V, and how much of it a frame shows.

    Where frame = V + m (R − V) with a smooth matte m, V's detail is in the call at 1 − m of its
    strength, and the room's own detail is not correlated with it. So the slope of a local linear
    regression of the call's detail on that of V is 1 − m: the first coefficient of a guided filter
    (He, Sun, Tang 2013) that V guides. Detail is what a Gaussian takes away.

    virtual_bgr: (H, W, 3) uint8.
    """

    def __init__(self, virtual_bgr: np.ndarray) -> None:
        self._detail = _detail(virtual_bgr)
        self._energy = _near(self._detail, self._detail)

    def corrected(self, matte: np.ndarray, frame_bgr: np.ndarray) -> np.ndarray:
        """A matte (H, W) float32 in [0, 1], with what the detail says of it: the same.

        The two are weighed by their variances. It needs the true virtual image: where an estimated
        one is a blend itself, the detail says too little of the room.
        """
        told = 1 / (_SLOPE_VARIANCE + _SLOPE_NOISE / np.maximum(self._energy, 1e-3))
        share = told / (told + 1 / _GUESS_VARIANCE)
        return matte + share * (1 - self._slope(frame_bgr) - matte)

    def _slope(self, frame_bgr: np.ndarray) -> np.ndarray:
        return np.clip(_near(self._detail, _detail(frame_bgr)) / (self._energy + _NOISE), 0, 1)


def _detail(image: np.ndarray) -> np.ndarray:
    image = image.astype(np.float32)
    return image - cv2.GaussianBlur(image, (0, 0), _DETAIL_SIGMA)


def _near(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Local mean of the product of two (H, W, 3) float32 images, summed over colours: (H, W)."""
    return cv2.GaussianBlur(cv2.transform(a * b, np.ones((1, 3))), (0, 0), _NEAR_SIGMA)
