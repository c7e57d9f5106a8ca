"""Aggregation over time: from leaking pixels to the room, streaming, in constant memory."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LEAST_LEAK = 1 / 32
"""A leak below this carries less room than compression noise; it is left out."""
_RESIDUAL_POWER = 6.0
"""Power that weighs the residual where the room itself is taken from the strongest sample."""


@dataclass(frozen=True)
class RoomEstimate:
    """What the samples say of the room.

    room: (H, W, 3) uint8 BGR. evidence: (H, W) float32 ≥ 0, the sum of squared leaks, in frames; 0
    where nothing was seen. residual: (H, W) float32 ≥ 0, how far the samples lie off the line from
    the virtual background to the room, in levels (RMS). leak: (H, W) float32 in [0, 1], the largest
    leak over time. copy: (H, W, 3) uint8 BGR and matte: (H, W) float32 in [0, 1], the strongest
    sample's colour in the call, and its matte.
    """

    room: np.ndarray
    copy: np.ndarray
    matte: np.ndarray
    evidence: np.ndarray
    residual: np.ndarray
    leak: np.ndarray


def before_other(
    image_bgr: np.ndarray, matte: np.ndarray, virtual_bgr: np.ndarray, other_bgr: np.ndarray
) -> np.ndarray:
    """A frame as it would look before another virtual background: call + (1 − m) (V' − V).

    image, virtual, other: (H, W, 3) uint8; matte: (h, w) float32 in [0, 1].
    """
    size_wh = image_bgr.shape[1::-1]
    shown = 1 - cv2.resize(matte, size_wh, interpolation=cv2.INTER_LINEAR)[..., None]
    shift = cv2.subtract(other_bgr, virtual_bgr, dtype=cv2.CV_32F)
    return np.clip(np.rint(image_bgr + shown * shift), 0, 255).astype(np.uint8)


def share_planes(estimate: RoomEstimate) -> dict[str, np.ndarray]:
    """What a network is told of an estimate beside its colours: (H, W) uint8 by name.

    leak, matte: 255 = 1. evidence, residual: 255 = 8 on the scale log2(1 + x).
    """
    shares = {
        "leak": estimate.leak,
        "matte": estimate.matte,
        "evidence": np.log2(1 + estimate.evidence) / 8,
        "residual": np.log2(1 + estimate.residual) / 8,
    }
    return {
        name: np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8) for name, share in shares.items()
    }


class Unmixer:
    """Weighted least squares over time for call = V + m (R − V), with weights leak^power.

    S1 = Σ w m (call − V), S2 = Σ w m², S0 = Σ w ‖call − V‖²; then R = V + S1 / S2, and
    (S0 − ‖S1‖² / S2) / Σ w is the mean squared distance of the samples from the line.

    power: None takes the strongest sample alone, by leak · m: of two that are as surely room, the
    one that needs less un-mixing. Least squares pays when the leak is known well; a leak that takes
    person for room now and then spoils the sum, but seldom the strongest sample.
    trust: how far to believe the matte, in [0, 1]: m becomes 1 − trust · (1 − m). 1 un-mixes
    wholly, 0 copies; an unsure matte errs least between them.
    """

    def __init__(self, virtual_bgr: np.ndarray, power: float | None, trust: float = 1.0) -> None:
        self._virtual, self._trust = virtual_bgr, trust
        self._strongest_only = power is None
        self._power = _RESIDUAL_POWER if power is None else power
        height, width = virtual_bgr.shape[:2]
        self._size_wh = (width, height)
        count = height * width
        self._s1 = np.zeros((count, 3), np.float32)
        self._copy = np.zeros((count, 3), np.uint8)
        self._s2, self._s0, self._weights, self._evidence, self._leak = np.zeros(
            (5, count), np.float32
        )
        self._matte, self._strength = np.zeros((2, count), np.float32)

    def add(self, frame_bgr: np.ndarray, matte: np.ndarray, leak: np.ndarray) -> float:
        """Take in a frame (H, W, 3) uint8, its matte and leak, (h, w) float32 in [0, 1]."""
        leak = cv2.resize(leak, self._size_wh, interpolation=cv2.INTER_LINEAR).ravel()
        where = np.flatnonzero(leak > LEAST_LEAK)
        leak = leak[where]
        m = cv2.resize(matte, self._size_wh, interpolation=cv2.INTER_LINEAR).ravel()[where]
        strength = leak * np.maximum(m, LEAST_LEAK)
        m = np.maximum(1 - self._trust * (1 - m), LEAST_LEAK)
        call = frame_bgr.reshape(-1, 3)[where]
        self._keep_best(where, call, m, strength)
        self._leak[where] = np.maximum(self._leak[where], leak)
        offset = call.astype(np.float32)
        offset -= self._virtual.reshape(-1, 3)[where]
        weight = leak**self._power
        wm = weight * m
        self._s1[where] += offset * wm[:, None]
        self._s2[where] += wm * m
        self._s0[where] += weight * np.einsum("ij,ij->i", offset, offset)
        self._weights[where] += weight
        self._evidence[where] += leak * leak
        return len(where) / len(self._leak)

    def _keep_best(
        self, where: np.ndarray, call: np.ndarray, matte: np.ndarray, strength: np.ndarray
    ) -> None:
        better = strength > self._strength[where]
        best = where[better]
        self._strength[best] = strength[better]
        self._matte[best] = matte[better]
        self._copy[best] = call[better]

    def estimate(self) -> RoomEstimate:
        shape = self._virtual.shape[:2]
        seen = self._s2 > 0
        scale = np.divide(1, self._s2, out=np.zeros_like(self._s2), where=seen)
        offset = self._s1 * scale[:, None]
        room = self._room(self._strongest() if self._strongest_only else offset)
        off_line = self._s0 - np.einsum("ij,ij->i", self._s1, offset)
        distance = np.divide(off_line, self._weights, out=np.zeros_like(off_line), where=seen)
        return RoomEstimate(
            room,
            self._copy.reshape(*shape, 3).copy(),
            self._matte.reshape(shape).copy(),
            self._evidence.reshape(shape).copy(),
            np.sqrt(np.maximum(distance, 0)).reshape(shape),
            self._leak.reshape(shape).copy(),
        )

    def _room(self, offset: np.ndarray) -> np.ndarray:
        """V + offset, (H·W, 3), as (H, W, 3) uint8."""
        room = self._virtual + offset.reshape(self._virtual.shape)
        return np.rint(np.clip(room, 0, 255)).astype(np.uint8)

    def _strongest(self) -> np.ndarray:
        """Offset of the room from the virtual background by the strongest sample: (H·W, 3)."""
        offset = self._copy.astype(np.float32) - self._virtual.reshape(-1, 3)
        return offset * ((self._leak > 0) / np.maximum(self._matte, LEAST_LEAK))[:, None]


class Copier:
    """For every pixel, the colour of the frame that leaks most there: what the seed does."""

    def __init__(self, size_wh: tuple[int, int]) -> None:
        width, height = size_wh
        self._size_wh = size_wh
        self._room = np.zeros((height, width, 3), np.uint8)
        self._best = np.zeros((height, width), np.float32)

    def add(self, frame_bgr: np.ndarray, score: np.ndarray) -> float:
        """Take in a frame (H, W, 3) uint8 and its score, (h, w) float32 in [0, 1]."""
        if score.shape[::-1] != self._size_wh:
            score = cv2.resize(score, self._size_wh, interpolation=cv2.INTER_LINEAR)
        better = score > self._best
        self._best[better] = score[better]
        self._room[better] = frame_bgr[better]
        return float(better.mean())

    def estimate(self) -> RoomEstimate:
        return RoomEstimate(
            self._room.copy(),
            self._room.copy(),
            self._best.copy(),
            self._best.copy(),
            np.zeros_like(self._best),
            self._best.copy(),
        )
