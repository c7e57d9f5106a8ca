"""What is printed: a name cannot forge a line, and who stops listening does not stop the work."""

from __future__ import annotations

import os
import sys
import unicodedata
from contextlib import suppress
from typing import TextIO

from vader_rt.errors import writing


def printable(text: str) -> str:
    r"""A text on one line; what would act on a terminal, such as a line's end, is `\n`, `\x1b`."""
    return text if text.isprintable() else "".join(map(_printable, text))


def tell(text: str) -> None:
    """Print a line to stderr, if anybody listens there."""
    note(printable(text))


def note(text: str) -> None:
    """Print a text that is `printable` already to stderr, if anybody listens there."""
    with suppress(OSError):
        _put(text, sys.stderr)


def give(text: str) -> None:
    """Print a text that is `printable` already to stdout.

    Raises:
        UsageError: it cannot be written; not where a reader has heard enough.
    """
    with writing("standard output"), suppress(BrokenPipeError):
        _put(text, sys.stdout)


def open_standard_streams() -> None:
    """Let those go nowhere that are closed: the next files would take their numbers and text."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _printable(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode()


def _put(text: str, stream: TextIO) -> None:
    """Print a text, in what the stream's encoding has, and now.

    Raises:
        OSError: it cannot be written; what is printed there later goes nowhere.
    """
    encoding = stream.encoding or "utf-8"
    try:
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        stream.write(text + "\n")
        stream.flush()
    except UnicodeError as error:  # not every encoding can write every text, or a line's end
        raise OSError(f"its encoding is {encoding}") from error
    except OSError:
        _silence(stream)
        raise


def _silence(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: at its end, Python would try again and complain."""
    with suppress(OSError):  # it may be no file at all
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
