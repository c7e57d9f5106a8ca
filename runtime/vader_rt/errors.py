"""Errors that a user can cause or must know of, each with its exit code (see README)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_OPENCV_NO_MEMORY = -4


class VaderError(Exception):
    """Base of all errors of this package; the message is one line that says what to do."""

    exit_code = 1


class UsageError(VaderError):
    """An option or argument that makes no sense."""

    exit_code = 2


class OptionError(UsageError):
    """Options of a recovery that make no sense. names: as Python has them and the message begins.

    On a command line they are written otherwise, see `typed`.
    """

    def __init__(self, message: str, *names: str) -> None:
        super().__init__(message)
        self.names = names


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


def typed(error: Exception) -> str:
    """What an error says to who types commands: options are called as they are typed there."""
    text = str(error)
    for name in error.names if isinstance(error, OptionError) else ():
        text = text.replace(name, f"--{name.replace('_', '-')}", 1)
    return text


def explained(error: Exception) -> VaderError:
    """What an error means to a user; a plain `VaderError` is a mistake of ours."""
    if isinstance(error, VaderError):
        return error
    if isinstance(error, MemoryError) or _is_opencv(error, _OPENCV_NO_MEMORY):
        return EngineError("out of memory; free some, or take a smaller recording")
    if isinstance(error, ImportError):
        return EngineError(f"this installation is broken ({error}); see `vader-rt doctor`")
    if isinstance(error, OSError) and error.filename is not None:
        return InputError(f"{error.filename}: {reason(error)}")
    if isinstance(error, OSError) or str(error).startswith("can't start new thread"):
        return EngineError(f"the system refuses: {reason(error)}")
    return VaderError(f"unexpected {type(error).__name__}: {error}; please report it")


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


def _is_opencv(error: Exception, code: int) -> bool:
    return type(error).__module__ == "cv2" and getattr(error, "code", None) == code
