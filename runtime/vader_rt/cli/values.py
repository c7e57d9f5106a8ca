"""What the words of a command line may be, and options that commands share."""

from __future__ import annotations

import argparse
import math
from typing import Literal


def share(text: str) -> float:
    """A share, from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1")
    return value


def frames(text: str) -> int | Literal["auto", "all"]:
    """How many frames go through the network."""
    if text == "auto":
        return "auto"
    if text == "all":
        return "all"
    number = _whole(text)
    if number is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not `auto`, `all` or a number of frames")
    return number


def seconds(text: str) -> float:
    """A time above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def moment(text: str) -> float:
    """A moment of a recording: seconds, or `[hours:]minutes:seconds`."""
    parts = text.split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    late = any(number >= 60 for number in numbers[1:])
    if not 1 <= len(numbers) <= 3 or late or any(not 0 <= n < math.inf for n in numbers):
        raise argparse.ArgumentTypeError(f"{text!r} is not a moment such as 90, 1:30 or 1:02:03.5")
    return sum(number * 60**place for place, number in enumerate(reversed(numbers)))


def rectangle(text: str) -> tuple[int, ...]:
    """x, y, width and height, in pixels."""
    numbers = [_whole(part) for part in text.split(",")]
    if len(numbers) != 4 or None in numbers:
        raise argparse.ArgumentTypeError(f"{text!r} is not x,y,width,height in pixels")
    return tuple(number for number in numbers if number is not None)


def tile(text: str) -> int | Literal["auto"]:
    """Which tile of a gallery."""
    if text == "auto":
        return "auto"
    number = _whole(text)
    if not number:
        raise argparse.ArgumentTypeError(f"{text!r} is not `auto` or the number of a tile, from 1")
    return number


def count(text: str) -> int:
    """A whole number, 0 or more."""
    number = _whole(text)
    if number is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, 0 or more")
    return number


def positive(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def positive_count(text: str) -> int:
    """A whole number, 1 or more."""
    number = _whole(text)
    if not number:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, 1 or more")
    return number


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """What every command that loads models understands."""
    add = parser.add_argument
    add(
        "--device-memory",
        choices=("cuda-python", "pycuda"),
        help="package for the GPU's memory with TensorRT (default: the one that is installed)",
    )
    add("--threads", type=count, default=0, metavar="N", help="CPU threads (default: all cores)")


def _whole(text: str) -> int | None:
    """A whole number, if it is one that a machine could count to."""
    return int(text) if text.isdecimal() and len(text) < 20 else None
