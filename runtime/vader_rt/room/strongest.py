"""The strongest sample of every pixel, and how well all of its samples lie on one line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vader_rt.room.observation import Observation
from vader_rt.room.unmixing import LEAST_LEAK, believed

_RESIDUAL_POWER = 6.0
"""Power of the leak by which samples are weighed for the residual."""


@dataclass(frozen=True)
class Strongest:
    """What the samples of a call say before they vote.

    frame: (H, W, 3) uint8 BGR, the frame of the strongest sample; 0 where there is none.
    matte: (H, W) float32 in [0, 1], the matte there, as far as it is believed. leak: (H, W) float32
    in [0, 1], the largest leak over time. evidence: (H, W) float32 ≥ 0, the sum of squared leaks,
    in frames; 0 where nothing was seen. residual: (H, W) float32 ≥ 0, how far the samples lie off
    the line from the virtual background to the room, in levels (RMS).
    """

    frame: np.ndarray
    matte: np.ndarray
    leak: np.ndarray
    evidence: np.ndarray
    residual: np.ndarray

    def planes(self) -> dict[str, np.ndarray]:
        """What a network is told of it beside its colours: (H, W) uint8 by name.

        leak, matte: 255 = 1. evidence, residual: 255 = 8 on the scale log2(1 + x).
        """
        shares = {
            "leak": self.leak,
            "matte": self.matte,
            "evidence": np.log2(1 + self.evidence) / 8,
            "residual": np.log2(1 + self.residual) / 8,
        }
        return {
            name: np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
            for name, share in shares.items()
        }


class StrongestSample:
    """Keeps of every pixel the strongest sample, and fits a line to all of them.

    The line is frame = V + m (R − V), fitted by least squares with weights w = leak^6:
    S1 = Σ w m (frame − V), S2 = Σ w m², S0 = Σ w ‖frame − V‖². Then (S0 − ‖S1‖² / S2) / Σ w is the
    mean squared distance of the samples from it.

    virtual_bgr: V, (H, W, 3) uint8. matte_confidence: see `vader_rt.room.unmixing`.
    """

    def __init__(self, virtual_bgr: np.ndarray, matte_confidence: float = 1.0) -> None:
        self._virtual, self._confidence = virtual_bgr, matte_confidence
        count = virtual_bgr.shape[0] * virtual_bgr.shape[1]
        self._s1 = np.zeros((count, 3), np.float32)
        self._s2, self._s0, self._weights = np.zeros((3, count), np.float32)
        self._frame = np.zeros((count, 3), np.uint8)
        self._matte, self._leak, self._strength, self._evidence = np.zeros((4, count), np.float32)

    def add(self, observation: Observation) -> float:
        """Take in a frame; returns the share of leaking pixels."""
        leak = observation.leak.ravel()
        where = np.flatnonzero(leak > LEAST_LEAK)
        leak, frame = leak[where], observation.frame.reshape(-1, 3)[where]
        matte = believed(observation.matte.ravel()[where], self._confidence)
        self._keep_stronger(where, frame, matte, observation.strength.ravel()[where])
        self._leak[where] = np.maximum(self._leak[where], leak)
        self._evidence[where] += leak * leak
        self._fit(where, frame, matte, leak**_RESIDUAL_POWER)
        return len(where) / len(self._leak)

    def result(self) -> Strongest:
        shape = self._virtual.shape[:2]
        return Strongest(
            self._frame.reshape(*shape, 3).copy(),
            self._matte.reshape(shape).copy(),
            self._leak.reshape(shape).copy(),
            self._evidence.reshape(shape).copy(),
            self._residual().reshape(shape),
        )

    def _keep_stronger(
        self, where: np.ndarray, frame: np.ndarray, matte: np.ndarray, strength: np.ndarray
    ) -> None:
        stronger = strength > self._strength[where]
        kept = where[stronger]
        self._strength[kept] = strength[stronger]
        self._matte[kept] = matte[stronger]
        self._frame[kept] = frame[stronger]

    def _fit(
        self, where: np.ndarray, frame: np.ndarray, matte: np.ndarray, weight: np.ndarray
    ) -> None:
        offset = frame.astype(np.float32)
        offset -= self._virtual.reshape(-1, 3)[where]
        weighted = weight * matte
        self._s1[where] += offset * weighted[:, None]
        self._s2[where] += weighted * matte
        self._s0[where] += weight * np.einsum("ij,ij->i", offset, offset)
        self._weights[where] += weight

    def _residual(self) -> np.ndarray:
        seen = self._s2 > 0
        scale = np.divide(1, self._s2, out=np.zeros_like(self._s2), where=seen)
        off_line = self._s0 - np.einsum("ij,ij->i", self._s1, self._s1 * scale[:, None])
        squared = np.divide(off_line, self._weights, out=np.zeros_like(off_line), where=seen)
        return np.sqrt(np.maximum(squared, 0))
