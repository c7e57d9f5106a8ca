"""Recover the real background from a video call with a virtual one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vader_rt.errors import EngineError, InputError, UsageError, VaderError

if TYPE_CHECKING:
    from vader_rt.pipeline.api import Progress, reconstruct, reconstruct_stream
    from vader_rt.pipeline.options import Options
    from vader_rt.pipeline.result import Reconstruction

    __version__: str

__all__ = [
    "EngineError",
    "InputError",
    "Options",
    "Progress",
    "Reconstruction",
    "UsageError",
    "VaderError",
    "reconstruct",
    "reconstruct_stream",
]

_HOMES = {
    "Options": "pipeline.options",
    "Progress": "pipeline.api",
    "Reconstruction": "pipeline.result",
    "reconstruct": "pipeline.api",
    "reconstruct_stream": "pipeline.api",
}


def __getattr__(name: str) -> Any:
    """Import the heavy parts (OpenCV, ONNX Runtime) only when they are used."""
    if name == "__version__":
        return _version()
    if name not in _HOMES:
        raise AttributeError(f"module 'vader_rt' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"vader_rt.{_HOMES[name]}"), name)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("vader-rt")
    except PackageNotFoundError:  # a clone that was not installed
        return "0+unknown"
