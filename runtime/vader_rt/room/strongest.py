"""The strongest sample of every pixel, and how well all of its samples lie on one line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vader_rt.room.observation import LeakingPixels, Observation, colors, levels
from vader_rt.room.top_samples import TopSamples
from vader_rt.room.unmixing import believed
from vader_rt.stateful import Stateful


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


class StrongestSample(Stateful):
    """Keeps of every pixel the strongest samples, and fits a line to all of them.

    The line is frame = V + m (R − V), fitted by least squares with weights w = leak^6:
    S1 = Σ w m (frame − V), S2 = Σ w m², S0 = Σ w ‖frame − V‖². Then (S0 − ‖S1‖² / S2) / Σ w is the
    mean squared distance of the samples from it.

    virtual_bgr: V, (H, W, 3) uint8. matte_confidence: see `vader_rt.room.unmixing`. kept: how many
    samples of a pixel stay in `samples`.
    """

    STATE = ("samples", "_s1", "_s2", "_s0", "_weights", "_leak", "_evidence")

    def __init__(
        self, virtual_bgr: np.ndarray, matte_confidence: float = 1.0, kept: int = 1
    ) -> None:
        self._shape, self._confidence = virtual_bgr.shape[:2], matte_confidence
        self._virtual = colors(virtual_bgr)
        self.samples = TopSamples(virtual_bgr.shape[1::-1], kept)
        count = len(self._virtual)
        self._s1, self._s2 = np.zeros((3, count), np.float32), np.zeros(count, np.float32)
        self._s0, self._weights = np.zeros((2, count), np.float32)
        self._leak, self._evidence = np.zeros((2, count), np.float32)

    def add(self, observation: Observation) -> float:
        """Take in a frame; returns the share of leaking pixels."""
        self.samples.add(observation)
        for pixels in observation.leaking.parts():
            squared = pixels.leak * pixels.leak
            self._leak[pixels.where] = np.maximum(self._leak[pixels.where], pixels.leak)
            self._evidence[pixels.where] += squared
            self._fit(pixels, weight=squared * squared * squared)
        return len(observation.leaking.where) / len(self._leak)

    def result(self) -> Strongest:
        strongest, shape = self.samples.strongest(), self._shape
        seen = strongest["strength"] > 0
        matte = believed(strongest["matte"] / np.float32(255), self._confidence)
        return Strongest(
            strongest["frame"].copy(),
            np.where(seen, matte, 0).astype(np.float32),
            self._leak.reshape(shape).copy(),
            self._evidence.reshape(shape).copy(),
            self._residual().reshape(shape),
        )

    def _fit(self, pixels: LeakingPixels, weight: np.ndarray) -> None:
        matte = believed(pixels.matte, self._confidence)
        virtual = levels(self._virtual[pixels.where])
        offset = np.subtract(levels(pixels.color), virtual, dtype=np.float32)
        weighted = weight * matte
        self._s0[pixels.where] += weight * np.einsum("ij,ij->i", offset, offset)
        for s1, along in zip(self._s1, offset.T, strict=True):
            s1[pixels.where] += weighted * along
        self._s2[pixels.where] += weighted * matte
        self._weights[pixels.where] += weight

    def _residual(self) -> np.ndarray:
        seen = self._s2 > 0
        scale = np.divide(1, self._s2, out=np.zeros_like(self._s2), where=seen)
        off_line = self._s0 - np.einsum("ij,ij->j", self._s1, self._s1 * scale)
        squared = np.divide(off_line, self._weights, out=np.zeros_like(off_line), where=seen)
        return np.sqrt(np.maximum(squared, 0))
