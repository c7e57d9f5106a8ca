"""Errors that a user can cause or must know of, each with its exit code (see README)."""

from __future__ import annotations


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
