"""How a call shows a picture that lies in the right place: its tone and its blur."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_SIGMAS = (0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)
_GAMMAS = (0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.4, 1.6)
_SIMPLER = 0.95
"""A picture is taken as it is, without blur and with a gamma of 1, unless another choice lowers
what is left to this share."""
_MOST_SAMPLES, _ROUNDS = 10_000, 12
_LARGE_LEVELS = 20
"""Larger differences count no more than this: overlays, and the room."""


@dataclass(frozen=True)
class Appearance:
    """A level v of the picture, blurred, is shown as gain · 255 (v / 255)^gamma + offset.

    gain, offset: (3,) float64, of blue, green and red. sigma: of a Gaussian, in pixels of the call.
    """

    gain: np.ndarray
    offset: np.ndarray
    gamma: float = 1.0
    sigma: float = 0.0

    def of(self, image: np.ndarray) -> np.ndarray:
        """A picture (H, W, 3) uint8 as it is shown: the same."""
        levels = _bent(np.arange(256), self.gamma)[:, None] * self.gain + self.offset
        table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
        return cv2.LUT(_blurred(image, self.sigma), table[None])


AS_IT_IS = Appearance(np.ones(3), np.zeros(3))
_Tried = tuple[Appearance, float]
"""An appearance, and what it leaves."""


def matched(picture: np.ndarray, shown: np.ndarray, sure: np.ndarray) -> Appearance:
    """The appearance that brings a picture nearest to what is shown, both (H, W, 3) uint8.

    sure: (H, W) bool, the pixels that are compared.
    """
    places = np.flatnonzero(sure)
    places = places[:: max(1, len(places) // _MOST_SAMPLES)]
    levels = _sampled(shown, places)

    def tried(sigma: float, gamma: float) -> _Tried:
        found = _sampled(_blurred(picture, sigma), places)
        gain, offset, left = _line(_bent(found, gamma), levels)
        return Appearance(gain, offset, gamma, sigma), left

    best = AS_IT_IS, mean_left(_sampled(picture, places) - levels)
    best = _simplest(best, [tried(0.0, 1.0)])
    best = _simplest(best, [tried(sigma, 1.0) for sigma in _SIGMAS])
    best = _simplest(best, [tried(best[0].sigma, gamma) for gamma in _GAMMAS])
    return best[0]


def mean_left(difference: np.ndarray) -> float:
    """Mean of differences in levels, where large ones are cut off."""
    return float(np.minimum(np.abs(difference), _LARGE_LEVELS).mean())


def _simplest(simple: _Tried, others: list[_Tried]) -> _Tried:
    best = min(others, key=lambda pair: pair[1])
    return best if best[1] < _SIMPLER * simple[1] else simple


def _sampled(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Some pixels of an image (H, W, 3) uint8: (3, N) float64."""
    return np.ascontiguousarray(image.reshape(-1, 3)[places].T, np.float64)


def _line(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Gain and offset of each channel from x to y, both (3, N), and what they leave.

    By least absolute deviations, in the end of those only that are not large: overlays and leaks
    do not pull it their way.
    """
    weight = np.ones_like(x)
    for rounds_left in reversed(range(_ROUNDS)):
        total = np.maximum(weight.sum(axis=1), 1e-6)
        mean_x, mean_y = (weight * x).sum(axis=1) / total, (weight * y).sum(axis=1) / total
        from_mean = x - mean_x[:, None]
        pull = weight * from_mean
        gain = (pull * y).sum(axis=1) / np.maximum((pull * from_mean).sum(axis=1), 1e-6)
        offset = mean_y - gain * mean_x
        off = np.abs(y - gain[:, None] * x - offset[:, None])
        weight = 1 / np.maximum(off, 1)
        if rounds_left <= _ROUNDS // 2:
            weight *= off <= _LARGE_LEVELS
    return gain, offset, mean_left(off)


def _bent(levels: np.ndarray, gamma: float) -> np.ndarray:
    return 255 * (levels / 255) ** gamma


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image
