"""Do the exports say what the checkpoint says? `python -m export.parity CKPT_or_ONNX [--calls …]`.

Compares torch (for a checkpoint), ONNX Runtime in fp32, half precision, and INT8 where it is asked
for, on real frames of calls: every output tensor, and the VADER score through the whole pipeline.
The tolerances stand in `vader_rt.doctor.tolerance`; beyond them it ends with exit code 4. `export.to_trt`
runs the same gate on every export.

ONNX Runtime's CPU has no half precision: what is half in a file is computed in fp32 and rounded,
tensor by tensor (`export.fp16.to_rounded`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from calib.collect import SAMPLE, collect, inputs_from, spread_frames
from calib.quantize import quantize
from export.fp16 import to_half, to_rounded
from export.to_onnx import TorchEngine, to_onnx
from train.calls import Call, read_calls
from train.checkpoint import load_checkpoint
from vader_rt.cli.commands import exit_code
from vader_rt.contract import PRECISIONS, Precision
from vader_rt.doctor.tolerance import TOLERANCES
from vader_rt.engines.engine import Engine
from vader_rt.engines.onnx import load_onnx
from vader_rt.errors import InputError, ParityError, UsageError
from vader_rt.io.files import write_text
from vader_rt.models import DEFAULT_MODEL
from vader_rt.pipeline.api import reconstruct
from vader_rt.score import score

UNSURE = 0.02
"""Pixels that the reference puts this close to one half are not counted in the IoU of leak > 0.5:
twice what half precision may do, so that a network that cannot decide fails no one."""
INPUTS = 8
"""Real inputs that models are compared on."""


@dataclass(frozen=True)
class TensorParity:
    """One output against the reference's: see `vader_rt.doctor.tolerance.Tolerance`.

    iou: None for an output with several planes.
    """

    largest: float
    mean: float
    iou: float | None


@dataclass(frozen=True)
class Row:
    """One precision against the reference: its outputs by name, and the mean VADER scores.

    score, reference_score: challenge scores in [0, 1]; None where no call has truth.
    """

    tensors: dict[str, TensorParity]
    score: float | None
    reference_score: float | None

    @property
    def loss(self) -> float:
        """How much of the score is lost; 0 where there is none."""
        if self.score is None or self.reference_score is None:
            return 0.0
        return self.reference_score - self.score


@dataclass(frozen=True)
class Parity:
    """All precisions of a model against its reference, `torch` or `fp32`."""

    reference: str
    rows: dict[Precision, Row]

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


def measure(
    reference: Engine,
    engines: Mapping[Precision, Engine],
    planes: Sequence[np.ndarray],
    calls: Sequence[Call] = (),
    *,
    frame_model: str | Path = DEFAULT_MODEL,
) -> Parity:
    """Compare engines with a reference.

    planes: inputs, (1, C, H, W) float32. calls: calls with truth, for the score.
    frame_model: what un-mixes the calls for a restoration model.
    """
    expected = [reference.run(item) for item in planes]
    best = call_score(reference, calls, frame_model)
    rows: dict[Precision, Row] = {}
    for precision, engine in engines.items():
        found = [engine.run(item) for item in planes]
        tensors = {
            name: _tensor(*(np.stack([run[index] for run in runs]) for runs in (expected, found)))
            for index, name in enumerate(reference.contract.outputs)
        }
        rows[precision] = Row(tensors, call_score(engine, calls, frame_model), best)
    return Parity(reference.name, rows)


def call_score(
    engine: Engine, calls: Sequence[Call], frame_model: str | Path = DEFAULT_MODEL
) -> float | None:
    """The mean challenge score of a frame or restoration network over frames spread over calls."""
    if not calls:
        return None
    restores = engine.contract.kind == "restore"
    options = {"model": frame_model, "restoration": engine} if restores else {"model": engine}
    scores = []
    for call in calls:
        result = reconstruct(spread_frames(call.video), engine="onnx-cpu", **options)
        scores.append(score(result.background, call.read_room(), call.read_mask()).challenge)
    return float(np.mean(scores))


def calls_with_truth(sources: Iterable[str | Path]) -> list[Call]:
    """The calls of those sources that are folders in the VADER layout; others have no truth."""
    return [c for s in map(Path, sources) if (s / "backgrounds").is_dir() for c in read_calls(s)]


def _tensor(expected: np.ndarray, found: np.ndarray) -> TensorParity:
    """One output over all inputs: (N, H, W) or (N, K, H, W)."""
    difference = np.abs(expected - found)
    iou = None
    if expected.ndim == 3:
        sure = np.abs(expected - 0.5) > UNSURE
        a, b = (expected > 0.5) & sure, (found > 0.5) & sure
        iou = float((a & b).sum() / (a | b).sum()) if (a | b).any() else 1.0
    return TensorParity(float(difference.max()), float(difference.mean()), iou)


def tensor_failures(precision: Precision, tensors: Mapping[str, TensorParity]) -> list[str]:
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


def _failures(precision: Precision, row: Row) -> list[str]:
    failures = tensor_failures(precision, row.tensors)
    limit = TOLERANCES[precision].score
    if not row.loss <= limit:
        failures.append(f"the score falls by {row.loss:.4f} (> {limit})")
    return [f"{precision}: {failure}" for failure in failures]


def half_engine(half: Path) -> Engine:
    """A half-precision model as a GPU would round it, in ONNX Runtime."""
    with tempfile.TemporaryDirectory() as folder:
        return load_onnx(to_rounded(half, Path(folder) / half.name), "onnx-cpu")


def _measured(args: argparse.Namespace, folder: Path) -> Parity:
    """What the command line asks for, with the exports in a temporary folder."""
    model = args.model
    if model.suffix == ".onnx":
        reference: Engine = load_onnx(model, "onnx-cpu")
        if reference.contract.precision != "fp32":
            raise InputError(
                f"{model}: is {reference.contract.precision}; give the fp32 model or the checkpoint"
            )
    else:
        reference = TorchEngine(*load_checkpoint(model))
        model = to_onnx(model, folder / "fp32.onnx")
    options = {"frame_model": args.frame_model}
    planes = [item[None] for item in collect(model, args.calls, count=INPUTS, **options)]
    engines: dict[Precision, Engine] = {"fp32": load_onnx(model, "onnx-cpu")}
    if "fp16" in args.precision:
        engines["fp16"] = half_engine(to_half(model, folder / "fp16.onnx"))
    if "int8" in args.precision:
        inputs = inputs_from(model, args.calib or args.calls, **options)
        int8 = quantize(model, folder / "int8.onnx", inputs).model
        engines["int8"] = half_engine(to_half(int8, folder / "int8.fp16.onnx"))
    calls = [] if args.no_score else calls_with_truth(args.calls)
    return measure(reference, engines, planes, calls, **options)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    args = _parser().parse_args(argv)
    return exit_code("export.parity", lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.calib and "int8" not in args.precision:
        raise UsageError("--calib is for int8; add --precision fp32 fp16 int8")
    with tempfile.TemporaryDirectory() as folder:
        parity = _measured(args, Path(folder))
    print(parity.table())
    if args.json:
        write_text(args.json, json.dumps(asdict(parity), indent=2) + "\n")
    parity.check(args.model)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m export.parity")
    add = parser.add_argument
    add("model", type=Path, metavar="CKPT_or_ONNX", help="a checkpoint, or its fp32 model")
    add(
        "--calls",
        type=Path,
        nargs="+",
        default=[SAMPLE],
        help="videos, or folders of them; those in the VADER layout are scored (default: the "
        "sample that comes with the project)",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        nargs="+",
        default=["fp32", "fp16"],
        help="default: fp32 fp16",
    )
    add("--calib", type=Path, nargs="+", help="calls to calibrate int8 on (default: --calls)")
    add("--frame-model", type=Path, default=DEFAULT_MODEL, help="un-mixes for a restoration model")
    add("--no-score", action="store_true", help="compare the tensors alone")
    add("--json", type=Path, metavar="FILE", help="write the figures here too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
