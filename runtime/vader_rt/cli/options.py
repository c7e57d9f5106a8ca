"""The options of a recovery, in groups, for the commands that recover rooms."""

from __future__ import annotations

import argparse
from pathlib import Path

from vader_rt.cli.gating import add_gate_options
from vader_rt.cli.so_far import USUAL_SECONDS
from vader_rt.cli.values import (
    add_machine_options,
    count,
    frames,
    moment,
    rectangle,
    seconds,
    share,
    tile,
)


def add_recovery_options(parser: argparse.ArgumentParser) -> None:
    """How to recover a room: what every command understands that does."""
    _add_virtual_options(parser)
    _add_model_options(parser)
    add_machine_options(parser)
    _add_work_options(parser)
    _add_record_options(parser)


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """What part of a recording is taken."""
    add = parser.add_argument
    add(
        "--start",
        type=moment,
        default=0.0,
        metavar="TIME",
        help="begin there: seconds, or [hours:]minutes:seconds",
    )
    add("--end", type=moment, metavar="TIME", help="end there")
    part = parser.add_mutually_exclusive_group().add_argument
    part(
        "--roi",
        type=rectangle,
        metavar="X,Y,W,H",
        help="the part of the picture that shows the call, as one tile of a gallery, in pixels",
    )
    part(
        "--tile",
        type=tile,
        metavar="N|auto",
        help="the tile of a gallery that shows the call: its number in the order of reading, or "
        "`auto` where only one moves or is clearly the largest",
    )


def add_live_options(parser: argparse.ArgumentParser) -> None:
    """What is written while the work goes on."""
    add = parser.add_argument
    add(
        "--preview",
        type=Path,
        metavar="FILE.png",
        help="a picture of the room so far, made anew while the work goes on, and at its end",
    )
    add(
        "--every",
        type=seconds,
        metavar="SECONDS",
        help="how often to write what was recovered so far, to OUT, --preview and --checkpoint "
        f"(default: {USUAL_SECONDS:g}, and not to OUT)",
    )


def add_checkpoint_option(parser: argparse.ArgumentParser) -> None:
    """Where a job is kept while it goes on."""
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="keep what there is of the work in FILE, every --every SECONDS: if it is ended, by "
        "whatever, the same command goes on from there, to the same result; FILE is removed when "
        "that is written",
    )


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
        type=frames,
        default="auto",
        metavar="N",
        help="how many frames go through the network, chosen all over the call: a number, `all`, "
        "or `auto` (default), 80 to 400 by its length",
    )
    add(
        "--time-limit",
        type=seconds,
        metavar="SECONDS",
        help="finish with what there is after so many seconds",
    )
    add("--max-pixels", type=count, metavar="N", help="of a frame (default: 16 million)")


def _add_record_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--case", metavar="TEXT", help="name of the case, which result.json repeats")
    add("--examiner", metavar="TEXT", help="who examines it, which result.json repeats")
    add(
        "--full-paths",
        action="store_true",
        help="let result.json say where files lie; else it has their names alone",
    )


def add_truth_options(parser: argparse.ArgumentParser) -> None:
    """What a result is held against: the truth, and assertions."""
    add = parser.add_argument
    add("--truth", type=Path, metavar="ROOM", help="picture of the real room, for a score")
    add("--mask", type=Path, metavar="MASK", help="the true leak's maximum over time, for a score")
    add_gate_options(parser)
    add("--fail-above", type=share, metavar="SHARE", help="the same as --assert 'claimed<=SHARE'")
