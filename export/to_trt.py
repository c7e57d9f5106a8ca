"""Checkpoint → TensorRT engine: `python -m export.to_trt CKPT [-o DIR] [--precision fp16|fp32]`.

Leaves NAME.onnx, for fp16 NAME.fp16.onnx, and beside them the engine with its JSON sidecar. Where
TensorRT or its GPU is not here, the sidecar says what is to be built, and the command that builds
it on the target is printed.

With TensorRT-RTX this runs in the tests, without a GPU; with TensorRT it has not run on one yet.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from export.half import to_half
from export.to_onnx import sample_planes, to_onnx
from vader_rt.build import add_options
from vader_rt.contract import PRECISIONS, Precision
from vader_rt.engines.build import build_engine
from vader_rt.engines.library import find_library
from vader_rt.engines.onnx import read_contract
from vader_rt.engines.plans import Flavour, Plan, build_command, engine_beside
from vader_rt.errors import EXIT_INTERRUPTED, EngineError, UsageError, VaderError


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


def to_trt(
    checkpoint: str | Path,
    folder: str | Path | None = None,
    *,
    precision: Precision = "fp16",
    flavour: Flavour = "tensorrt",
    workspace_mib: int | None = None,
    targets: Sequence[str] = (),
    calls: Sequence[Path] = (),
) -> Exported:
    """Export a checkpoint to ONNX and, where TensorRT and its GPU are here, to an engine.

    folder: where to, by default the checkpoint's own. targets: see `find_library`.
    calls: videos on whose frames the models are compared, beside random planes.

    Raises:
        InputError: the checkpoint cannot be read, or a model does not agree with it.
        UsageError: the folder or a target makes no sense.
        EngineError: TensorRT is here and refuses the model.
    """
    model = export_model(Path(checkpoint), folder, precision=precision, calls=calls)
    engine = engine_beside(model)
    try:
        library = find_library(flavour, targets)
    except EngineError as error:
        Plan.of(model, read_contract(model)).write(engine)
        command = build_command(model.name, engine.name, flavour)
        return Exported(model, None, str(error), command)
    build_engine(model, engine, library, workspace_mib=workspace_mib)
    return Exported(model, engine)


def export_model(
    checkpoint: Path,
    folder: str | Path | None = None,
    *,
    precision: Precision = "fp16",
    calls: Sequence[Path] = (),
) -> Path:
    """Export a checkpoint to ONNX: NAME.onnx, and for fp16 NAME.fp16.onnx, which is returned."""
    folder = checkpoint.parent if folder is None else Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror}); give -o DIR") from None
    name = checkpoint.name.removesuffix(".ckpt")
    model = to_onnx(checkpoint, folder / f"{name}.onnx", calls=list(calls))
    if precision == "fp32":
        return model
    planes = list(sample_planes(model, read_contract(model), list(calls)))
    return to_half(model, folder / f"{name}.fp16.onnx", planes)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        exported = to_trt(
            args.checkpoint,
            args.output,
            precision=args.precision,
            flavour=args.flavour,
            workspace_mib=args.workspace,
            targets=args.target,
            calls=args.check,
        )
    except VaderError as error:
        print(f"export.to_trt: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("export.to_trt: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    print(exported.engine or exported.model)
    if exported.engine is None:
        print(
            f"engine not built: {exported.reason}, run this on the target: {exported.command}",
            file=sys.stderr,
        )
    return EngineError.exit_code if args.require_engine and exported.engine is None else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m export.to_trt")
    add = parser.add_argument
    add("checkpoint", type=Path)
    add("-o", "--output", type=Path, metavar="DIR", help="default: the checkpoint's folder")
    add("--precision", choices=PRECISIONS, default="fp16", help="default: %(default)s")
    add("--check", type=Path, nargs="*", default=[], help="videos to compare the models on")
    add("--require-engine", action="store_true", help="exit with 4 where no engine can be built")
    add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
