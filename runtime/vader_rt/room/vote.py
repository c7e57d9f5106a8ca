"""The room by vote: of the strongest samples of a pixel, those that agree outvote the others.

One sample alone has the noise of its compression, and may show the person. The room stays what it
is, so its samples lie together once they are un-mixed; those of a moving person do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import cv2
import numpy as np

from vader_rt.io.cpus import in_threads
from vader_rt.room.time_bins import BinSamples
from vader_rt.room.top_samples import TopSamples
from vader_rt.room.unmixing import LEAST_LEAK, unmixed

MATTE_CONFIDENCES = (0.0, 0.15, 0.3, 0.5, 0.7, 1.0)
"""What `consistent_confidence` chooses from."""
_USUAL_CONFIDENCE, _CLEAR_CONFIDENCE = 0.15, 0.7
"""Mattes are taken for right if the samples agree most at the second value or more. Else they are
believed no more than the first."""
_RADIUS = 8.0
"""Levels within which samples agree, as the σ of a Gaussian."""
_SHIFTS = 2
_SMOOTHING_LEVELS, _SMOOTHING_WIDTHS = 10.0, 1 / 128
"""σ of the bilateral filter that ends the vote: in levels, and in widths of the picture."""
_DENSE_WIDTH = 1280
"""Pixels of width per step between those that the filter looks at: as many in any picture."""
_LEAST_OFFSET, _LEAST_STRENGTH = 15.0, 0.25
"""Levels from the virtual background, and strength of all samples, from which scatter counts."""
_SCATTER_FLOOR = 0.01


@dataclass(frozen=True)
class VotedRoom:
    """What the vote says.

    room: (H, W, 3) uint8 BGR, the virtual background where nothing was seen. inlier_weight: (H, W)
    float32 ≥ 0, the strength of the samples that agree. strength: (H, W) float32 ≥ 0, that of all
    that were kept. matte_confidence, scatter: of the whole call, see `consistent_confidence`.
    """

    room: np.ndarray
    inlier_weight: np.ndarray
    strength: np.ndarray
    matte_confidence: float
    scatter: float

    @property
    def inlier_ratio(self) -> np.ndarray:
        """The share of the strength that agrees with the room, (H, W) float32 in [0, 1]."""
        return np.clip(self.inlier_weight / np.maximum(self.strength, 1e-3), 0, 1)


def vote(
    samples: TopSamples, virtual_bgr: np.ndarray, matte_confidence: float, scatter: float
) -> VotedRoom:
    """Let the samples vote on the room before a virtual background, (H, W, 3) uint8."""
    shape = virtual_bgr.shape[:2]
    room = virtual_bgr.reshape(-1, 3).copy()
    inlier_weight, strength = np.zeros((2, len(room)), np.float32)

    def compute(where: np.ndarray) -> None:
        sample = samples.of(where)
        weight, matte = sample["strength"], sample["matte"] / np.float32(255)
        rooms = unmixed(sample["frame"], matte, room[where], matte_confidence)
        mode, inlier_weight[where] = _mode(rooms, weight)
        room[where] = np.rint(np.clip(mode, 0, 255))
        strength[where] = weight.sum(axis=0)

    in_threads(compute, samples.seen())
    smooth = _smoothed(room.reshape(virtual_bgr.shape))
    seen = strength.reshape(shape) > 0
    return VotedRoom(
        np.where(seen[..., None], smooth, virtual_bgr),
        inlier_weight.reshape(shape),
        strength.reshape(shape),
        matte_confidence,
        scatter,
    )


def consistent_confidence(samples: BinSamples, virtual_bgr: np.ndarray) -> tuple[float, float]:
    """How far the mattes of a call can be believed: as far as it makes the samples agree.

    The samples of a pixel show one room through different mattes. Un-mixed by mattes that are
    right, they agree; by mattes that are not, they scatter more than they did as they were. A
    client that cuts hard is one of these: its mattes are 0 or 1, and a network guesses between.
    Their scatter hardly depends on the matte confidence, and is often least at 0.15 to 0.5, which
    believes them too far: so where it is not least at 0.7 or more, no more than the usual
    confidence is given.

    samples: of several time bins of the call. virtual_bgr: (h, w, 3) uint8, of their size.

    Returns the matte confidence, of `MATTE_CONFIDENCES`, and the least scatter: the mean logarithm
    of the samples' deviation over their distance from the virtual background.
    """
    matte = samples.matte / np.float32(255)
    strength = np.maximum(matte, LEAST_LEAK) * samples.leak / np.float32(255)
    weight = strength / np.maximum(strength.sum(axis=0), 1e-6)
    enough: np.ndarray | None = None
    scatters = []
    for confidence in MATTE_CONFIDENCES:
        rooms = unmixed(samples.frame, matte, virtual_bgr[None], confidence)
        deviation, offset = _deviation_and_offset(rooms, weight, virtual_bgr)
        if enough is None:  # one set of pixels for all, that they compare
            enough = (offset > _LEAST_OFFSET) & (strength.sum(axis=0) > _LEAST_STRENGTH)
            if not enough.any():
                return _USUAL_CONFIDENCE, 0.0
        relative = deviation[enough] / np.maximum(offset[enough], 1)
        scatters.append(float(np.log(relative + _SCATTER_FLOOR).mean()))
    best = int(np.argmin(scatters))
    confidence = MATTE_CONFIDENCES[best]
    clear = confidence >= _CLEAR_CONFIDENCE
    return confidence if clear else min(confidence, _USUAL_CONFIDENCE), scatters[best]


def _deviation_and_offset(
    rooms: np.ndarray, weight: np.ndarray, virtual_bgr: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Deviation of samples (N, h, w, 3) from their mean, and the mean's distance from V: (h, w)."""
    mean = np.einsum("shw,shwc->hwc", weight, rooms)
    deviation = np.sqrt(np.einsum("shw,shwc->hw", weight, (rooms - mean) ** 2))
    return deviation, np.linalg.norm(mean - virtual_bgr, axis=2)


def _mode(rooms: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mode of samples (K, N, 3) of weights (K, N), by mean shift: (N, 3), and its inliers' weight.

    Comaniciu and Meer, Mean shift: a robust approach toward feature space analysis, 2002. It starts
    at the sample with most weight around it.
    """
    around = weight.copy()
    for a, b in combinations(range(len(rooms)), 2):
        near = _nearness(rooms[a] - rooms[b])
        around[a] += weight[b] * near
        around[b] += weight[a] * near
    first = around.argmax(axis=0)[None]
    mode = np.take_along_axis(rooms, first[..., None], axis=0)
    for _ in range(_SHIFTS):
        share = weight * _nearness(rooms - mode)
        total = np.maximum(share.sum(axis=0), 1e-9)
        mode = (np.einsum("kn,knc->nc", share, rooms) / total[:, None])[None]
    return mode[0], np.take_along_axis(around, first, axis=0)[0]


def _nearness(difference: np.ndarray) -> np.ndarray:
    squared = np.einsum("...c,...c->...", difference, difference)
    return np.exp(squared * np.float32(-0.5 / _RADIUS**2))


def _smoothed(room: np.ndarray) -> np.ndarray:
    """What compression left of noise, magnified by un-mixing, taken away; edges stay.

    The filter's cost grows with its area, so in large pictures every pixel looks at every second or
    third of those around it alone: they are pictures of a half or a third of the size, interleaved.
    """
    step = max(1, room.shape[1] // _DENSE_WIDTH)
    sigma = room.shape[1] * _SMOOTHING_WIDTHS / step
    diameter = 2 * round(0.8 * sigma) + 1
    smooth = np.empty_like(room)
    for row, column in product(range(step), repeat=2):
        part = np.ascontiguousarray(room[row::step, column::step])
        filtered = cv2.bilateralFilter(part, diameter, _SMOOTHING_LEVELS, sigma)
        smooth[row::step, column::step] = filtered
    return smooth
