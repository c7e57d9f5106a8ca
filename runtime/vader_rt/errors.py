"""Errors that a user can cause or must know of, each with its exit code (see README)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class VaderError(Exception):
    """Base of all errors of this package; the message is one line that says what to do."""

    exit_code = 1


class UsageError(VaderError):
    """An option or argument that makes no sense."""

    exit_code = 2


class InputError(VaderError):
    """A video, image, model or call folder that cannot be read or is not what it should be."""

    exit_code = 3


class EngineError(VaderError):
    """An inference engine or device that was asked for and cannot run."""

    exit_code = 4


class ParityError(EngineError):
    """An exported or quantized model does not say what the original says."""


def reason(error: BaseException) -> str:
    """What went wrong, in the system's words: of an `OSError` without its number and path."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@contextmanager
def reading(path: object) -> Iterator[None]:
    """Say of a path what the system says where it cannot be read.

    Raises:
        InputError: instead of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)})") from None


@contextmanager
def writing(path: object, advice: str = "") -> Iterator[None]:
    """Say of a path what the system says where it cannot be written, and what to do.

    Raises:
        UsageError: instead of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({reason(error)}){advice}") from None
