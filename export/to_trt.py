"""Checkpoint → TensorRT engine: `python -m export.to_trt CKPT [-o DIR] [--precision fp16|int8]`.

Leaves NAME.onnx, for fp16 NAME.fp16.onnx, for int8 NAME.int8.onnx (which ONNX Runtime runs on CPUs
too), NAME.int8.fp16.onnx and the gate's verdict NAME.int8.json; and beside the last of these models
the engine with its JSON sidecar. Where TensorRT or its GPU is not here, the sidecar says what is to
be built, and the command that builds it on the target is printed.

All models are compared with the checkpoint first (`export.parity`); where one is beyond the
tolerances, or INT8 is not worth it (`calib.gate`), no model is left and the exit code is 4.

With TensorRT-RTX this runs in the tests, without a GPU; with TensorRT it has not run on one yet.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from calib.collect import SAMPLE, collect, inputs_from
from calib.compare import INPUTS, Comparison, calls_with_truth, compare
from calib.gate import Limits, add_limits, judge, judged_calls
from calib.quantize import METHODS, Method, quantize
from export.fp16 import to_fp16
from export.parity import fp16_engine
from export.to_onnx import TorchEngine, to_onnx
from train.checkpoint import load_checkpoint
from vader_rt.build import add_options
from vader_rt.cli.exit_codes import exit_code
from vader_rt.contract import PRECISIONS, Precision
from vader_rt.engines.engine import Engine
from vader_rt.engines.onnx import load_onnx, read_contract
from vader_rt.engines.trt.bindings import find_bindings
from vader_rt.engines.trt.builder import build_engine
from vader_rt.engines.trt.sidecar import Flavour, Sidecar, build_command, engine_beside
from vader_rt.errors import EngineError, UsageError, writing
from vader_rt.io.files import write_text
from vader_rt.models import DEFAULT_MODEL

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exported:
    """What an export left.

    model: the ONNX file that the engine is built from. engine: the engine, None where it could not
    be built here; then `reason` says why and `command` builds it on the target.
    """

    model: Path
    engine: Path | None
    reason: str = ""
    command: str = ""


@dataclass(frozen=True)
class Checks:
    """What an export is compared on, and what INT8 needs.

    calls: videos, or folders of them; those in the VADER layout are scored. Empty: the networks are
    compared on random planes alone.
    calib: what INT8 is calibrated on, see `calib.collect.inputs_from`; None: `calls`.
    method: of calibration, None: the one that errs least. limits: of `calib.gate`.
    frame_model: what un-mixes the calls for a restoration network.
    """

    calls: Sequence[Path] = (SAMPLE,)
    calib: Sequence[Path] | None = None
    method: Method | None = None
    limits: Limits = field(default_factory=Limits)
    frame_model: Path = DEFAULT_MODEL


def to_trt(
    checkpoint: str | Path,
    folder: str | Path | None = None,
    *,
    precision: Precision = "fp16",
    flavour: Flavour = "tensorrt",
    workspace_mib: int | None = None,
    targets: Sequence[str] = (),
    checks: Checks | None = None,
    **changes: Any,
) -> Exported:
    """Export a checkpoint to ONNX and, where TensorRT and its GPU are here, to an engine.

    folder: where to, by default the checkpoint's own. targets: see `find_bindings`.
    changes: entries of the contract to set, see `export.to_onnx`.

    Raises:
        InputError: the checkpoint or a call cannot be read.
        UsageError: the folder or a target makes no sense.
        ParityError: a model is beyond its tolerances, or INT8 is not worth it.
        EngineError: TensorRT is here and refuses the model.
    """
    model = export_model(Path(checkpoint), folder, precision=precision, checks=checks, **changes)
    engine = engine_beside(model)
    try:
        bindings = find_bindings(flavour, targets)
    except EngineError as error:
        Sidecar.of(model, read_contract(model)).write(engine)
        command = build_command(model.name, engine.name, flavour)
        return Exported(model, None, str(error), command)
    build_engine(model, engine, bindings, workspace_mib=workspace_mib)
    return Exported(model, engine)


def export_model(
    checkpoint: Path,
    folder: str | Path | None = None,
    *,
    precision: Precision = "fp16",
    checks: Checks | None = None,
    **changes: Any,
) -> Path:
    """Export a checkpoint to ONNX, compare, and return the model that the engine is built from.

    changes: entries of the contract to set, see `export.to_onnx`.
    """
    checks = checks or Checks()
    if precision == "int8":
        judged_calls(checks.calls)  # before the work, not after it
    folder = checkpoint.parent if folder is None else Path(folder)
    name = checkpoint.name.removesuffix(".ckpt")
    with _staged(folder) as stage:
        full = to_onnx(checkpoint, stage / f"{name}.onnx", **changes)
        job = _Export(checkpoint, full, checks)
        model = {"fp32": job.fp32, "fp16": job.fp16, "int8": job.int8}[precision]()
    return folder / model.name


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A folder inside `folder`; its models move there if all went well, its reports always."""
    with writing(folder, "; give -o DIR"):
        folder.mkdir(parents=True, exist_ok=True)
        stage = tempfile.TemporaryDirectory(dir=folder, prefix=".export-")
    with stage:
        made = Path(stage.name)
        try:
            yield made
            for path in made.glob("*.onnx"):
                path.replace(folder / path.name)
        finally:
            for path in made.glob("*.json"):
                path.replace(folder / path.name)


class _Export:
    """The export of one checkpoint: makes the models, and compares them with it."""

    def __init__(self, checkpoint: Path, full: Path, checks: Checks) -> None:
        self._checkpoint, self._full, self._checks = checkpoint, full, checks
        self._reference = TorchEngine(*load_checkpoint(checkpoint))
        self._calls = calls_with_truth(checks.calls)
        self._planes = self._inputs()
        self._engines: dict[Precision, Engine] = {"fp32": load_onnx(full, "onnx-cpu")}

    def fp32(self) -> Path:
        self._comparison().check(self._checkpoint)
        return self._full

    def fp16(self) -> Path:
        narrow = self._as_fp16("fp16", self._full)
        self._comparison().check(self._checkpoint)
        return narrow

    def int8(self) -> Path:
        checks, frame_model = self._checks, self._checks.frame_model
        sources = checks.calib or checks.calls
        inputs = inputs_from(self._full, sources, frame_model=frame_model)
        output = self._full.with_suffix(".int8.onnx")
        made = quantize(self._full, output, inputs, method=checks.method)
        narrow = self._as_fp16("int8", made.model)
        comparison = self._comparison()
        names = [call.name.video for call in self._calls]
        verdict = judge(
            self._full, made.model, self._planes, comparison.rows["int8"], names, checks.limits
        )
        write_text(output.with_suffix(".json"), verdict.to_json())
        log.info("%s", "\n".join(made.lines()))
        comparison.check(self._checkpoint)
        verdict.check()
        log.info("%s", verdict.line())
        return narrow

    def _as_fp16(self, precision: Precision, model: Path) -> Path:
        narrow = to_fp16(model, model.with_suffix(".fp16.onnx"))
        self._engines[precision] = fp16_engine(narrow)
        return narrow

    def _comparison(self) -> Comparison:
        planes = [item[None] for item in self._planes]
        options = {"frame_model": self._checks.frame_model}
        comparison = compare(self._reference, self._engines, planes, self._calls, **options)
        log.info("%s", comparison.table())
        return comparison

    def _inputs(self) -> np.ndarray:
        """What the networks are compared on: (N, C, H, W) float32."""
        calls, frame_model = self._checks.calls, self._checks.frame_model
        if calls:
            return collect(self._full, calls, count=INPUTS, frame_model=frame_model)
        shape = self._reference.contract.input_shape
        return np.random.default_rng(0).random(shape, np.float32)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_code("export.to_trt", lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.precision != "int8" and (args.calib or args.method):
        raise UsageError("--calib and --method are for int8; add --precision int8")
    if args.precision == "int8" and not args.calib:
        raise UsageError("int8 needs --calib CALLS: videos, or folders of them, to calibrate on")
    exported = to_trt(
        args.checkpoint,
        args.output,
        precision=args.precision,
        flavour=args.flavour,
        workspace_mib=args.workspace,
        targets=args.target,
        checks=Checks(
            args.calls,
            args.calib,
            args.method,
            Limits(args.most_loss, args.least_speedup),
            args.frame_model,
        ),
        **({} if args.confidence is None else {"confidence": tuple(args.confidence)}),
    )
    print(exported.engine or exported.model)
    if exported.engine is not None:
        return 0
    print(
        f"engine not built: {exported.reason}, run this on the target: {exported.command}",
        file=sys.stderr,
    )
    return EngineError.exit_code if args.require_engine else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m export.to_trt")
    add = parser.add_argument
    add("checkpoint", type=Path)
    add("-o", "--output", type=Path, metavar="DIR", help="default: the checkpoint's folder")
    add("--precision", choices=PRECISIONS, default="fp16", help="default: %(default)s")
    add(
        "--calls",
        type=Path,
        nargs="*",
        default=[SAMPLE],
        help="videos, or folders of them, to compare the models on; those in the VADER layout are "
        "scored; none: random planes (default: the sample that comes with the project)",
    )
    add("--calib", type=Path, nargs="+", metavar="CALLS", help="calls to calibrate INT8 on")
    add("--method", choices=METHODS, help="of calibration (default: the one that errs least)")
    add("--frame-model", type=Path, default=DEFAULT_MODEL, help="un-mixes for a restoration model")
    add("--confidence", type=float, nargs="+", metavar="W", help="as `calib.confidence` printed it")
    add("--require-engine", action="store_true", help="exit with 4 where no engine can be built")
    add_limits(parser)
    add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
