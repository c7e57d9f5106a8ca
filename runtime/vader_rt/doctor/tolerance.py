"""How far a model in another precision or engine may be from the original."""

from __future__ import annotations

from dataclasses import dataclass

from vader_rt.contract import Precision


@dataclass(frozen=True)
class Tolerance:
    """Limits of one precision, on outputs in [0, 1].

    largest, mean: absolute difference of any output tensor, over all pixels of all inputs.
    iou: least intersection over union of leak > 0.5 (of every output with one plane).
    score: largest loss of the mean VADER score (challenge) through the whole pipeline.
    """

    largest: float
    mean: float
    iou: float
    score: float


TOLERANCES: dict[Precision, Tolerance] = {
    # fp32 sums in another order, then a sigmoid
    "fp32": Tolerance(largest=1e-3, mean=1e-5, iou=0.999, score=0.002),
    # 11 bits, 5e-4, that add up through some 20 layers before a sigmoid
    "fp16": Tolerance(largest=1e-2, mean=1e-3, iou=0.99, score=0.005),
    # 8 bits: single pixels may be far off, the room must not be
    "int8": Tolerance(largest=0.25, mean=1e-2, iou=0.95, score=0.01),
}
