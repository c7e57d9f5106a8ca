"""The true leak: the client's mask where the person is not, of every frame.

The camera's picture K is known, so the mixing equation call = V + m (K − V) gives the mask m, by
least squares over the three colours of a few pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

_NEAR, _AROUND = 3, 9
"""Pixels a side of which one mask is computed; more where V is too much like the room."""
_LEAST_APART = 24.0
"""Levels by which camera and virtual background must differ for that, as a distance of colours."""
_LEAST_MATTE, _SIGMAS = 0.05, 3.0
"""A mask below this, or below so many standard deviations of its noise, counts as 0."""
_FAR, _EVERY = 1 / 8, 5
"""Noise is measured so far from the person, in widths, at every so-manieth pixel."""
_LEAST_NOISE = 1.0
EVER = 0.1
"""A pixel has leaked if it once did by so much."""


class Told(NamedTuple):
    """matte: (H, W) float32 in [0, 1]. told: (H, W) bool, where it could be computed."""

    matte: np.ndarray
    told: np.ndarray


def matte_of(
    call_bgr: np.ndarray, camera_bgr: np.ndarray, virtual_bgr: np.ndarray, noise: float
) -> Told:
    """The client's mask of a frame; all are (H, W, 3) uint8.

    noise: of the call, in levels of a channel.
    """
    apart = cv2.subtract(camera_bgr, virtual_bgr, dtype=cv2.CV_32F)
    shown = cv2.subtract(call_bgr, virtual_bgr, dtype=cv2.CV_32F)
    along, squared = (np.einsum("ijk,ijk->ij", apart, other) for other in (shown, apart))
    near, around = ([cv2.blur(p, (n, n)) for p in (along, squared)] for n in (_NEAR, _AROUND))
    enough = near[1] >= _LEAST_APART**2
    above, below = (np.where(enough, a, b) for a, b in zip(near, around, strict=True))
    told = below >= _LEAST_APART**2
    matte = np.clip(above / np.maximum(below, 1), 0, 1)
    least = np.maximum(_LEAST_MATTE, _SIGMAS * noise / np.sqrt(np.maximum(below, 1)))
    return Told(np.where(told & (matte >= least), matte, 0).astype(np.float32), told)


def noise_of(call_bgr: np.ndarray, virtual_bgr: np.ndarray, person: np.ndarray) -> float | None:
    """Noise of a call, in levels, where only the virtual background is; None where that is nowhere.

    person: (H, W) bool. It is the median deviation of what is far from the person, as a σ.
    """
    side = 2 * round(person.shape[1] * _FAR) + 1
    far = cv2.dilate(person.astype(np.uint8), np.ones((side, side), np.uint8)) == 0
    off = cv2.absdiff(call_bgr, virtual_bgr)[::_EVERY, ::_EVERY][far[::_EVERY, ::_EVERY]]
    return max(_LEAST_NOISE, 1.4826 * float(np.median(off))) if len(off) else None


@dataclass
class LeakSum:
    """Adds up the leak of a call's frames.

    timeline: share of the picture that leaks in each frame, weighted by how much; None where it
    could not be told. strongest: (H, W) float32 in [0, 1], the most of each pixel.
    """

    size_wh: tuple[int, int]
    timeline: list[float | None] = field(default_factory=list)
    strongest: np.ndarray = field(init=False)
    _told: list[float] = field(default_factory=list)
    _beside: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.strongest = np.zeros(self.size_wh[::-1], np.float32)

    def add(self, matte: Told, person: np.ndarray) -> None:
        """Take in the next frame. person: (H, W) bool."""
        leak = np.where(person, np.float32(0), matte.matte)
        np.maximum(self.strongest, leak, out=self.strongest)
        self.timeline.append(float(leak.mean()))
        self._told.append(float((matte.told | person).mean()))
        beside = ~person
        self._beside.append((int((matte.told & beside).sum()), int(beside.sum())))

    def skip(self) -> None:
        """Go past a frame of which nothing is known."""
        self.timeline.append(None)

    @property
    def compared(self) -> int:
        """Frames whose leak is known."""
        return len(self._told)

    @property
    def told(self) -> float:
        """The share of the picture, on average, of which the leak could be told."""
        return float(np.mean(self._told)) if self._told else 0.0

    @property
    def told_beside(self) -> float:
        """The share, of all pixels beside the person, of which the leak could be told."""
        told, pixels = np.sum(self._beside, axis=0) if self._beside else (0, 0)
        return float(told / max(pixels, 1))

    def figures(self) -> dict[str, float]:
        """The leak in numbers."""
        known = np.array([share for share in self.timeline if share is not None])
        return {
            "mean": round(float(known.mean()), 6),
            "max": round(float(known.max()), 6),
            "p95": round(float(np.percentile(known, 95)), 6),
            "ever": round(float((self.strongest >= EVER).mean()), 6),
            "ever_half": round(float((self.strongest >= 0.5).mean()), 6),
        }
