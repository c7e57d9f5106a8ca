"""The room by vote: of the strongest samples of a pixel, those that agree outvote the others.

One sample alone has the noise of its compression, and may show the person. The room stays what it
is, so its samples lie together once they are un-mixed; those of a moving person do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from vader_rt.room.time_bins import Samples
from vader_rt.room.unmixing import LEAST_LEAK

KEPT = 8
"""Samples that are kept of each pixel. More would be weaker ones, which are wrong more often."""
TRUSTS = (0.0, 0.15, 0.3, 0.5, 0.7, 1.0)
"""How far the matte may be believed, see `vader_rt.room.unmixing.Unmixer`."""
_USUAL_TRUST, _CLEAR_TRUST = 0.15, 0.7
"""What is believed at most if it is not clear that the mattes are right, and from where it is."""
_RADIUS = 8.0
"""Levels within which samples agree, as the σ of a Gaussian."""
_SHIFTS = 2
_SMOOTHING_LEVELS, _SMOOTHING_WIDTHS = 10.0, 1 / 128
"""σ of the bilateral filter that ends the vote: in levels, and in widths of the picture."""
_LEAST_OFFSET, _LEAST_STRENGTH = 15.0, 0.25
"""Levels from the virtual background, and strength of all samples, from which scatter counts."""
_SCATTER_FLOOR = 0.01
_CHUNK = 1 << 16


@dataclass(frozen=True)
class VotedRoom:
    """What the vote says.

    room: (H, W, 3) uint8 BGR, the virtual background where nothing was seen. support: (H, W)
    float32 ≥ 0, the strength of the samples that agree. strength: (H, W) float32 ≥ 0, that of all
    that were kept. trust: how far the matte was believed. scatter: see `consistent_trust`.
    """

    room: np.ndarray
    support: np.ndarray
    strength: np.ndarray
    trust: float
    scatter: float

    @property
    def agreement(self) -> np.ndarray:
        """The share of the strength that agrees with the room, (H, W) float32 in [0, 1]."""
        return np.clip(self.support / np.maximum(self.strength, 1e-3), 0, 1)


class Ballot:
    """Keeps the `KEPT` strongest samples of every pixel, at 48 bytes each, whatever the length.

    Strong is, as in `vader_rt.room.unmixing.Unmixer`, leak · matte.
    """

    def __init__(self, size_wh: tuple[int, int]) -> None:
        width, height = size_wh
        self._size_wh = size_wh
        self._color = np.zeros((height * width, KEPT, 3), np.uint8)
        self._matte = np.zeros((height * width, KEPT), np.uint8)
        self._strength = np.zeros((height * width, KEPT), np.uint16)
        self._weakest = np.zeros(height * width, np.uint16)

    def add(self, frame_bgr: np.ndarray, matte: np.ndarray, leak: np.ndarray) -> None:
        """Take in a frame (H, W, 3) uint8, its matte and leak, (h, w) float32 in [0, 1]."""
        leak, matte = (cv2.resize(plane, self._size_wh).ravel() for plane in (leak, matte))
        strength = np.rint(leak * np.maximum(matte, LEAST_LEAK) * 65535).astype(np.uint16)
        where = np.flatnonzero((leak > LEAST_LEAK) & (strength > self._weakest))
        slot = self._strength[where].argmin(axis=1)
        self._color[where, slot] = frame_bgr.reshape(-1, 3)[where]
        self._matte[where, slot] = np.rint(matte[where] * 255)
        self._strength[where, slot] = strength[where]
        self._weakest[where] = self._strength[where].min(axis=1)

    def count(self, virtual_bgr: np.ndarray, trust: float, scatter: float) -> VotedRoom:
        """Let the samples vote on the room before a virtual background, (H, W, 3) uint8."""
        shape = virtual_bgr.shape[:2]
        room = virtual_bgr.reshape(-1, 3).copy()
        support, strength = np.zeros((2, len(room)), np.float32)
        for where in self._seen():
            weight = self._strength[where] / np.float32(65535)
            matte = self._matte[where] / np.float32(255)
            rooms = unmixed(self._color[where], matte, room[where][:, None], trust)
            mode, support[where] = _mode(rooms, weight)
            room[where] = np.rint(np.clip(mode, 0, 255))
            strength[where] = weight.sum(axis=1)
        smooth = _smoothed(room.reshape(virtual_bgr.shape))
        seen = strength.reshape(shape) > 0
        return VotedRoom(
            np.where(seen[..., None], smooth, virtual_bgr),
            support.reshape(shape),
            strength.reshape(shape),
            trust,
            scatter,
        )

    def _seen(self) -> Iterator[np.ndarray]:
        seen = np.flatnonzero(self._strength.any(axis=1))
        for start in range(0, len(seen), _CHUNK):
            yield seen[start : start + _CHUNK]


def unmixed(call: np.ndarray, matte: np.ndarray, virtual: np.ndarray, trust: float) -> np.ndarray:
    """The room by samples: V + (call − V) / m, float32, the matte m believed as far as `trust`.

    call, virtual: (..., 3) levels; matte: (...) in [0, 1].
    """
    m = np.maximum(1 - trust * (1 - matte), LEAST_LEAK)[..., None]
    return virtual + np.subtract(call, virtual, dtype=np.float32) / m


def consistent_trust(samples: Samples, virtual_bgr: np.ndarray) -> tuple[float, float]:
    """How far the mattes of a call can be believed: as far as it makes the samples agree.

    The samples of a pixel show one room through different mattes. Un-mixed by mattes that are
    right, they agree; by mattes that are not, they scatter more than they did as they were. A
    client that cuts hard is one of these: its mattes are 0 or 1, and a network guesses between.
    Their scatter hardly depends on the trust, and is often least at 0.15 to 0.5, which believes
    them too far: so where it is not least at 0.7 or more, no more than the usual trust is given.

    samples: of several spans of the call. virtual_bgr: (h, w, 3) uint8, of their size.

    Returns the trust, of `TRUSTS`, and the least scatter: the mean logarithm of the samples'
    deviation over their distance from the virtual background.
    """
    matte = samples.matte / np.float32(255)
    strength = np.maximum(matte, LEAST_LEAK) * samples.leak / np.float32(255)
    weight = strength / np.maximum(strength.sum(axis=0), 1e-6)
    enough: np.ndarray | None = None
    scatters = []
    for trust in TRUSTS:
        rooms = unmixed(samples.color, matte, virtual_bgr[None], trust)
        mean = np.einsum("shw,shwc->hwc", weight, rooms)
        deviation = np.sqrt(np.einsum("shw,shwc->hw", weight, (rooms - mean) ** 2))
        offset = np.linalg.norm(mean - virtual_bgr, axis=2)
        if enough is None:  # one set of pixels for all, that they compare
            enough = (offset > _LEAST_OFFSET) & (strength.sum(axis=0) > _LEAST_STRENGTH)
            if not enough.any():
                return _USUAL_TRUST, 0.0
        relative = deviation[enough] / np.maximum(offset[enough], 1)
        scatters.append(float(np.log(relative + _SCATTER_FLOOR).mean()))
    best = int(np.argmin(scatters))
    clear = TRUSTS[best] >= _CLEAR_TRUST
    return TRUSTS[best] if clear else min(TRUSTS[best], _USUAL_TRUST), scatters[best]


def _mode(rooms: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mode of samples (N, K, 3) of weights (N, K), by mean shift: (N, 3), and its support, (N,).

    Comaniciu and Meer, Mean shift: a robust approach toward feature space analysis, 2002. It starts
    at the sample with most weight around it.
    """
    support = weight.copy()
    for a, b in combinations(range(rooms.shape[1]), 2):
        near = _nearness(rooms[:, a] - rooms[:, b])
        support[:, a] += weight[:, b] * near
        support[:, b] += weight[:, a] * near
    first = support.argmax(axis=1)[:, None]
    mode = np.take_along_axis(rooms, first[..., None], axis=1)
    for _ in range(_SHIFTS):
        share = weight * _nearness(rooms - mode)
        total = np.maximum(share.sum(axis=1), 1e-9)
        mode = (np.einsum("nk,nkc->nc", share, rooms) / total[:, None])[:, None]
    return mode[:, 0], np.take_along_axis(support, first, axis=1)[:, 0]


def _nearness(difference: np.ndarray) -> np.ndarray:
    squared = np.einsum("...c,...c->...", difference, difference)
    return np.exp(squared * np.float32(-0.5 / _RADIUS**2))


def _smoothed(room: np.ndarray) -> np.ndarray:
    """What compression left of noise, magnified by un-mixing, taken away; edges stay."""
    sigma = room.shape[1] * _SMOOTHING_WIDTHS
    diameter = 2 * round(0.8 * sigma) + 1
    return cv2.bilateralFilter(room, diameter, _SMOOTHING_LEVELS, sigma)
