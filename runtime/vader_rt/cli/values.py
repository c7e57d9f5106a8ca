"""What the words of a command line may be, and options that commands share."""

from __future__ import annotations

import argparse
import math
from typing import Literal, TypeVar

_Value = TypeVar("_Value")


def share(text: str) -> float:
    """A share, from 0 to 1 or 100%."""
    value = _at_least_zero(text.removesuffix("%"))
    if value is not None and text.endswith("%"):
        value /= 100
    fits = value is not None and value <= 1
    return _wanted(text, value if fits else None, "a share from 0 to 1")


def frames(text: str) -> int | Literal["auto", "all"]:
    """How many frames go through the network."""
    if text == "auto":
        return "auto"
    if text == "all":
        return "all"
    return _wanted(text, _whole(text), "`auto`, `all` or a number of frames")


def seconds(text: str) -> float:
    """A time above 0."""
    return _wanted(text, _above_zero(text), "a number of seconds above 0")


def moment(text: str) -> float:
    """A moment of a recording: seconds, or `[hours:]minutes:seconds`."""
    parts = [_at_least_zero(part) for part in text.split(":")]
    numbers = [number for number in parts if number is not None]
    fits = len(numbers) == len(parts) <= 3 and all(number < 60 for number in numbers[1:])
    total = sum(number * 60**place for place, number in enumerate(reversed(numbers)))
    return _wanted(text, total if fits else None, "a moment such as 90, 1:30 or 1:02:03.5")


def rectangle(text: str) -> tuple[int, ...]:
    """x, y, width and height, in pixels."""
    parts = [_whole(part) for part in text.split(",")]
    numbers = tuple(number for number in parts if number is not None)
    fits = len(numbers) == len(parts) == 4
    return _wanted(text, numbers if fits else None, "x,y,width,height in pixels")


def tile(text: str) -> int | Literal["auto"]:
    """Which tile of a gallery."""
    if text == "auto":
        return "auto"
    return _wanted(text, _whole(text) or None, "`auto` or the number of a tile, from 1")


def count(text: str) -> int:
    """A whole number, 0 or more."""
    return _wanted(text, _whole(text), "a number, 0 or more")


def positive(text: str) -> float:
    """A number above 0."""
    return _wanted(text, _above_zero(text), "a number above 0")


def positive_count(text: str) -> int:
    """A whole number, 1 or more."""
    return _wanted(text, _whole(text) or None, "a number, 1 or more")


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """What every command that loads models understands."""
    add = parser.add_argument
    add(
        "--device-memory",
        choices=("cuda-python", "pycuda"),
        help="package for the GPU's memory with TensorRT (default: the one that is installed)",
    )
    add("--threads", type=count, default=0, metavar="N", help="CPU threads (default: all cores)")


def _wanted(text: str, value: _Value | None, what: str) -> _Value:
    """What a text says; None is not what was wanted."""
    if value is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def _whole(text: str) -> int | None:
    """A whole number, if it is one that a machine could count to."""
    return int(text) if text.isdecimal() and len(text) < 20 else None


def _at_least_zero(text: str) -> float | None:
    """A finite number, if it is one from 0 on."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < math.inf else None


def _above_zero(text: str) -> float | None:
    return _at_least_zero(text) or None
