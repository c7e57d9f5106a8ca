"""Compares a model with its reference on real frames: every output tensor, and the VADER score.

The tolerances stand in `vader_rt.doctor.tolerance`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calib.collect import spread_frames
from train.calls import Call, read_calls
from vader_rt.contract import Precision
from vader_rt.doctor.tolerance import TOLERANCES
from vader_rt.engines.engine import Engine
from vader_rt.errors import ParityError
from vader_rt.models import DEFAULT_MODEL
from vader_rt.pipeline.api import reconstruct
from vader_rt.pipeline.options import OPTION_OF
from vader_rt.score import score

UNSURE = 0.02
"""Pixels that the reference puts this close to one half are not counted in the IoU of leak > 0.5:
twice what fp16 may do, so that a network that cannot decide fails no one."""
INPUTS = 8
"""Real inputs that models are compared on."""


@dataclass(frozen=True)
class TensorDifference:
    """One output against the reference's: see `vader_rt.doctor.tolerance.Tolerance`.

    iou: None for an output with several planes.
    """

    largest: float
    mean: float
    iou: float | None


@dataclass(frozen=True)
class ComparisonRow:
    """One precision against the reference: its outputs by name, and the mean VADER scores.

    score, reference_score: challenge scores in [0, 1]; None where no call has truth.
    """

    tensors: dict[str, TensorDifference]
    score: float | None
    reference_score: float | None

    @property
    def loss(self) -> float:
        """How much of the score is lost; 0 where there is none."""
        if self.score is None or self.reference_score is None:
            return 0.0
        return self.reference_score - self.score


@dataclass(frozen=True)
class Comparison:
    """All precisions of a model against its reference, `torch` or `fp32`."""

    reference: str
    rows: dict[Precision, ComparisonRow]

    def failures(self) -> list[str]:
        """What is beyond the tolerances; comparisons are such that NaN fails."""
        return [text for name, row in self.rows.items() for text in _failures(name, row)]

    def check(self, model: str | Path) -> None:
        """Refuse an export that is beyond the tolerances.

        Raises:
            ParityError: what is beyond them.
        """
        failures = self.failures()
        if failures:
            raise ParityError(f"{model}: {'; '.join(failures)}; not exported")

    def table(self) -> str:
        """The comparison as a Markdown table."""
        lines = [
            f"| against {self.reference} | output | largest | mean | IoU | score | score lost |",
            "|---" * 7 + "|",
        ]
        for name, row in self.rows.items():
            said = "–" if row.score is None else f"{row.score:.4f} | {row.loss:+.4f}"
            for index, (output, tensor) in enumerate(row.tensors.items()):
                iou = "–" if tensor.iou is None else f"{tensor.iou:.4f}"
                cells = f"{tensor.largest:.2g} | {tensor.mean:.2g} | {iou}"
                scores = said if index == 0 and row.score is not None else "– | –"
                lines.append(f"| {name} | {output} | {cells} | {scores} |")
        return "\n".join(lines)


def compare(
    reference: Engine,
    engines: Mapping[Precision, Engine],
    planes: Sequence[np.ndarray],
    calls: Sequence[Call] = (),
    *,
    frame_model: str | Path = DEFAULT_MODEL,
) -> Comparison:
    """Compare engines with a reference.

    planes: inputs, (1, C, H, W) float32. calls: calls with truth, for the score.
    frame_model: what un-mixes the calls for a restoration model.
    """
    expected = [reference.run(item) for item in planes]
    best = call_score(reference, calls, frame_model)
    rows: dict[Precision, ComparisonRow] = {}
    for precision, engine in engines.items():
        found = [engine.run(item) for item in planes]
        tensors = {
            name: _difference(
                *(np.stack([run[index] for run in runs]) for runs in (expected, found))
            )
            for index, name in enumerate(reference.contract.outputs)
        }
        rows[precision] = ComparisonRow(tensors, call_score(engine, calls, frame_model), best)
    return Comparison(reference.name, rows)


def call_score(
    engine: Engine, calls: Sequence[Call], frame_model: str | Path = DEFAULT_MODEL
) -> float | None:
    """The mean challenge score of a network over frames spread over calls."""
    if not calls:
        return None
    options = {"model": frame_model, OPTION_OF[engine.contract.kind]: engine}
    scores = []
    for call in calls:
        result = reconstruct(spread_frames(call.video), engine="onnx-cpu", **options)
        scores.append(score(result.background, call.read_room(), call.read_mask()).challenge)
    return float(np.mean(scores))


def calls_with_truth(sources: Iterable[str | Path]) -> list[Call]:
    """The calls of those sources that are folders in the VADER layout; others have no truth."""
    return [c for s in map(Path, sources) if (s / "backgrounds").is_dir() for c in read_calls(s)]


def _difference(expected: np.ndarray, found: np.ndarray) -> TensorDifference:
    """One output over all inputs: (N, H, W) or (N, K, H, W)."""
    difference = np.abs(expected - found)
    iou = None
    if expected.ndim == 3:
        sure = np.abs(expected - 0.5) > UNSURE
        a, b = (expected > 0.5) & sure, (found > 0.5) & sure
        iou = float((a & b).sum() / (a | b).sum()) if (a | b).any() else 1.0
    return TensorDifference(float(difference.max()), float(difference.mean()), iou)


def tensor_failures(precision: Precision, tensors: Mapping[str, TensorDifference]) -> list[str]:
    """What is beyond the tolerances of a precision in the outputs; NaN is."""
    limit = TOLERANCES[precision]
    failures = []
    for name, tensor in tensors.items():
        if not tensor.largest <= limit.largest:
            failures.append(f"{name} is off by {tensor.largest:.2g} (> {limit.largest})")
        if not tensor.mean <= limit.mean:
            failures.append(f"{name} is off by {tensor.mean:.2g} in the mean (> {limit.mean})")
        if tensor.iou is not None and not tensor.iou >= limit.iou:
            failures.append(f"{name} > 0.5 has an IoU of {tensor.iou:.3f} (< {limit.iou})")
    return failures


def _failures(precision: Precision, row: ComparisonRow) -> list[str]:
    failures = tensor_failures(precision, row.tensors)
    limit = TOLERANCES[precision].score
    if not row.loss <= limit:
        failures.append(f"the score falls by {row.loss:.4f} (> {limit})")
    return [f"{precision}: {failure}" for failure in failures]
