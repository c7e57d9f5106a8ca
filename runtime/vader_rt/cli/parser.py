"""The words that `vader-rt` and `vader-rt doctor` understand."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any, Literal, NoReturn

from vader_rt import __version__
from vader_rt.cli.streams import give, note, printable

_EPILOG = """\
exit codes: 0 done; 1 a mistake of ours; 2 usage, or OUT cannot be written; 3 input that cannot be
read; 4 engine, device or system; 5 nothing recovered; 6 more recovered than --fail-above allows;
7 --fail-above not decided, as not all was read; 130 interrupted, what was recovered so far is
written.

`vader-rt doctor` checks this installation; a recording of that name is `./doctor`.
"""


class _Parser(argparse.ArgumentParser):
    """Prints as everything else is printed."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))

    def _print_message(self, message: str, file: Any = None) -> None:
        (give if file is sys.stdout else note)(message.rstrip("\n"))


def call_parser() -> argparse.ArgumentParser:
    """What `vader-rt VIDEO` understands."""
    parser = _Parser(
        prog="vader-rt",
        description="Recover the real background from a video call with a virtual one.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("video", type=Path, metavar="VIDEO", help="recording of the call")
    add(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="folder for the result (default: <video stem>.vader)",
    )
    add(
        "--overwrite",
        action="store_true",
        help="replace the result in OUT even if it is of another recording",
    )
    _add_virtual_options(parser)
    _add_model_options(parser)
    _add_machine_options(parser)
    _add_work_options(parser)
    _add_gate_options(parser)
    add("--json", action="store_true", help="print result.json to stdout")
    add("--quiet", action="store_true", help="print no progress")
    add("--version", action="version", version=f"vader-rt {__version__}")
    return parser


def _add_virtual_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    virtual = parser.add_mutually_exclusive_group().add_argument
    virtual("--virtual-background", type=Path, metavar="IMG", help="the virtual image, if known")
    virtual(
        "--virtual-library",
        type=Path,
        metavar="DIR",
        help="pictures among which the virtual image may be; it is used if it is found",
    )
    add(
        "--fill",
        action="store_true",
        help="continue the room into what was never seen, instead of the virtual background; "
        "alpha and confidence stay 0 there",
    )


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, metavar="FILE", help="frame model (.onnx, .engine) of your own")
    add(
        "--restore",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether the restoration network corrects the room by vote (default: it does)",
    )
    add(
        "--restoration",
        type=Path,
        metavar="FILE",
        help="correct the room by a restoration model of your own",
    )
    add(
        "--judge",
        type=Path,
        metavar="FILE",
        help="take the confidence from a judge of your own; with --restoration there is no other",
    )
    add(
        "--person-model",
        type=Path,
        metavar="FILE",
        help="tell the judge where the caller is by a person segmenter of your own (.onnx)",
    )
    add(
        "--engine",
        choices=("auto", "tensorrt", "onnx-cuda", "openvino", "onnx-cpu"),
        default="auto",
        help="default: %(default)s",
    )


def _add_work_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--cpu-features", action="store_true", help="never make the features with OpenCV's CUDA")
    add(
        "--frames",
        type=_frames,
        default="auto",
        metavar="N",
        help="how many frames go through the network, chosen all over the call: a number, `all`, "
        "or `auto` (default), 80 to 400 by its length",
    )
    add(
        "--time-limit",
        type=_seconds,
        metavar="SECONDS",
        help="finish with what there is after so many seconds",
    )
    add("--max-pixels", type=_count, metavar="N", help="of a frame (default: 16 million)")


def _add_gate_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--truth", type=Path, metavar="ROOM", help="picture of the real room, for a score")
    add("--mask", type=Path, metavar="MASK", help="the true leak's maximum over time, for a score")
    add(
        "--fail-above",
        type=_share,
        metavar="SHARE",
        help="exit with 6 if a larger share of the picture is recovered",
    )


def _add_machine_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--device-memory",
        choices=("cuda-python", "pycuda"),
        help="package for the GPU's memory with TensorRT (default: the one that is installed)",
    )
    add("--threads", type=_count, default=0, metavar="N", help="CPU threads (default: all cores)")
    add("--debug", action="store_true", help="print where in the program an error came up")


def doctor_parser() -> argparse.ArgumentParser:
    """What `vader-rt doctor` understands."""
    parser = _Parser(
        prog="vader-rt doctor",
        description="Check this installation: what is here, what runs, whether it is right.",
        epilog="exit codes: 0 all is well, or was skipped for a reason; 4 a check failed.",
    )
    add = parser.add_argument
    add("--json", action="store_true", help="print the report as JSON to stdout")
    add(
        "--model",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="copies of the package's models in another precision, or engines of them",
    )
    add("--frames", type=_count, default=100, metavar="N", help="per round (default: %(default)s)")
    _add_machine_options(parser)
    return parser


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1")
    return value


def _frames(text: str) -> int | Literal["auto", "all"]:
    if text == "auto":
        return "auto"
    if text == "all":
        return "all"
    count = _whole(text)
    if count is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not `auto`, `all` or a number of frames")
    return count


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _count(text: str) -> int:
    count = _whole(text)
    if count is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, 0 or more")
    return count


def _whole(text: str) -> int | None:
    """A whole number, if it is one that a machine could count to."""
    return int(text) if text.isdecimal() and len(text) < 20 else None
