"""Do the exports say what the checkpoint says? `python -m export.parity CKPT_or_ONNX [--calls …]`.

Compares torch (for a checkpoint), ONNX Runtime in fp32, fp16, and INT8 where it is asked for, on
real frames of calls: every output tensor, and the VADER score through the whole pipeline. Beyond
the tolerances of `vader_rt.doctor.tolerance` it ends with exit code 4. `export.to_trt` runs the
same gate on every export.

ONNX Runtime's CPU has no fp16: what is fp16 in a file is computed in fp32 and rounded, tensor by
tensor (`export.fp16.to_rounded`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from calib.collect import SAMPLE, collect, inputs_from
from calib.compare import INPUTS, Comparison, calls_with_truth, compare
from calib.quantize import quantize
from export.fp16 import to_fp16, to_rounded
from export.to_onnx import TorchEngine, to_onnx
from train.checkpoint import load_checkpoint
from vader_rt.cli.exit_codes import exit_code
from vader_rt.contract import PRECISIONS, Precision
from vader_rt.engines.engine import Engine
from vader_rt.engines.onnx import load_onnx
from vader_rt.errors import InputError, UsageError
from vader_rt.io.files import write_text
from vader_rt.models import DEFAULT_MODEL


def fp16_engine(model: Path) -> Engine:
    """An fp16 model as a GPU would round it, in ONNX Runtime."""
    with tempfile.TemporaryDirectory() as folder:
        return load_onnx(to_rounded(model, Path(folder) / model.name), "onnx-cpu")


def _measured(args: argparse.Namespace, folder: Path) -> Comparison:
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
        engines["fp16"] = fp16_engine(to_fp16(model, folder / "fp16.onnx"))
    if "int8" in args.precision:
        inputs = inputs_from(model, args.calib or args.calls, **options)
        int8 = quantize(model, folder / "int8.onnx", inputs).model
        engines["int8"] = fp16_engine(to_fp16(int8, folder / "int8.fp16.onnx"))
    calls = [] if args.no_score else calls_with_truth(args.calls)
    return compare(reference, engines, planes, calls, **options)


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
