"""`python -m vader_rt.build MODEL.onnx`: build a TensorRT engine on the machine that will run it.

`vader-rt --engine tensorrt` does the same by itself, into its cache; this leaves the engine beside
the model, where it is found too.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from vader_rt.cli.exit_codes import exit_code
from vader_rt.cli.streams import give, printable
from vader_rt.engines.trt.bindings import find_bindings
from vader_rt.engines.trt.builder import build_engine
from vader_rt.engines.trt.sidecar import FLAVOURS, engine_beside


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a build, shared with `export.to_trt`."""
    add = parser.add_argument
    add("--flavour", choices=FLAVOURS, default="tensorrt", help="default: %(default)s")
    add(
        "--workspace",
        type=positive_mib,
        metavar="MiB",
        help="the most memory a layer may use (default: TensorRT's own)",
    )
    add(
        "--target",
        nargs="+",
        default=[],
        metavar="sm_XY",
        help="compute capabilities; TensorRT builds only for the GPU it runs on (default: that)",
    )


def positive_mib(text: str) -> int:
    """A number of MiB from the command line."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of MiB, 1 or more")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m vader_rt.build")
    parser.add_argument("model", type=Path, help="a model (.onnx) of `export.to_trt`")
    parser.add_argument("-o", "--output", type=Path, help="default: the model's name, .engine")
    add_options(parser)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    engine = args.output or engine_beside(args.model)

    def job() -> int:
        bindings = find_bindings(args.flavour, args.target)
        build_engine(args.model, engine, bindings, workspace_mib=args.workspace)
        give(printable(str(engine)))
        return 0

    return exit_code("vader_rt.build", job, interrupted="interrupted; nothing was built")


if __name__ == "__main__":
    sys.exit(main())
