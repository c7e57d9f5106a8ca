"""TensorRT's Python package, either flavour: found, and quoted when it fails."""

from __future__ import annotations

import importlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from vader_rt.engines.trt.driver import find_device
from vader_rt.engines.trt.sidecar import FLAVOUR_NAMES, FLAVOURS, Flavour, Platform
from vader_rt.errors import EngineError, UsageError
from vader_rt.installed import repair

log = logging.getLogger(__name__)

_MODULES: dict[Flavour, str] = {"tensorrt": "tensorrt", "rtx": "tensorrt_rtx"}
_PACKAGES: dict[Flavour, str] = {"tensorrt": "tensorrt-cu", "rtx": "tensorrt-rtx"}
"""What the names of the packages begin with that bring the libraries."""


@dataclass(frozen=True)
class Bindings:
    """TensorRT as it is installed here, and what it builds for or runs on."""

    trt: Any
    platform: Platform

    @property
    def logger(self) -> Any:
        """See `_logger_of`."""
        return _logger_of(self.trt)

    def made(self, subject: Path, what: str, make: Callable[..., Any], *arguments: Any) -> Any:
        """What TensorRT makes of a file.

        Raises:
            EngineError: it could not: it gave None, or pybind's TypeError in its place.
        """
        try:
            result = make(*arguments)
        except TypeError as error:
            log.debug("%s: %s", what, error)
            result = None
        if result is None:
            raise self.error(subject, f"cannot make its {what}")
        return result

    def error(self, subject: Path, what: str, advice: str = "") -> EngineError:
        """An error about a file with the latest reason that TensorRT gave."""
        said = self.logger.last_error() or "it gives no reason"
        text = f"{subject}: {self} {what}: {said}"
        return EngineError(f"{text}; {advice}" if advice else text)

    def __str__(self) -> str:
        return f"{FLAVOUR_NAMES[self.platform.flavour]} {self.platform.tensorrt_version}"


def import_tensorrt(flavour: Flavour | None = None) -> tuple[ModuleType, Flavour]:
    """Import TensorRT, by default whichever flavour is installed.

    Raises:
        EngineError: none is, or it is older than strongly typed networks.
    """
    reasons = []
    for name in FLAVOURS if flavour is None else (flavour,):
        try:
            trt = importlib.import_module(_MODULES[name])
        except (ImportError, OSError) as error:
            reasons.append(f"{_MODULES[name]} cannot be imported ({error})")
            continue
        flags = trt.NetworkDefinitionCreationFlag
        if hasattr(flags, "STRONGLY_TYPED"):
            return trt, name
        reasons.append(f"TensorRT {trt.__version__} is too old, 10.3 or later is needed")
    extra = flavour or "tensorrt"
    old = any("too old" in reason for reason in reasons)
    advice = f"pip install 'vader-rt[{extra}]'" if old else repair([_PACKAGES[extra]], extra)
    raise EngineError(f"{'; '.join(reasons)}; {advice}")


def find_bindings(flavour: Flavour | None = None, targets: Sequence[str] = ()) -> Bindings:
    """Find TensorRT and the GPU that it builds for.

    targets: compute capabilities, for example `sm_87`. TensorRT-RTX builds for all of them, by
    default for every GPU that it knows; TensorRT only for the GPU that is here.

    Raises:
        EngineError: TensorRT or the GPU is not here. UsageError: a target is unknown.
    """
    trt, flavour = import_tensorrt(flavour)
    if flavour == "rtx":
        for target in targets:
            capability(trt, target)
        return Bindings(trt, Platform("rtx", trt.__version__, None, tuple(targets)))
    device = find_device()
    for target in targets:
        if target != device.compute_capability:
            raise EngineError(
                f"TensorRT builds for the GPU that it runs on, which is "
                f"{device.compute_capability} ({device.name}), not for {target}"
            )
    platform = Platform("tensorrt", trt.__version__, device.name, (device.compute_capability,))
    return Bindings(trt, platform)


def bindings_here(flavour: Flavour | None = None) -> Bindings:
    """Find TensorRT and the GPU that is to run it.

    Raises:
        EngineError: TensorRT or the GPU is not here, or does not suit the other.
    """
    _, flavour = import_tensorrt(flavour)
    device = find_device()
    try:
        return find_bindings(flavour, [device.compute_capability])
    except UsageError as error:
        raise EngineError(f"{device.name}: {error}") from None


def capability(trt: Any, name: str) -> Any:
    """`sm_89` → `ComputeCapability.SM89`."""
    known = {
        f"sm_{key[2:]}": value
        for key, value in vars(trt.ComputeCapability).items()
        if key.startswith("SM")
    }
    if name not in known:
        raise UsageError(
            f"TensorRT-RTX {trt.__version__} does not know {name}, but {', '.join(sorted(known))}"
        )
    return known[name]


def one_line(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.split())


@cache
def _logger_of(trt: Any) -> Any:
    """TensorRT's logger; it takes one per process and ignores later ones.

    Its `lines` are the last (severity, text) from warnings up, `last_error()` its latest reason.
    """

    class Logger(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.lines: deque[tuple[Any, str]] = deque(maxlen=100)

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR, trt.ILogger.WARNING):
                self.lines.append((severity, one_line(message)))
            log.debug("%s", message)

        def last_error(self) -> str | None:
            errors = [text for severity, text in self.lines if severity != trt.ILogger.WARNING]
            return errors[-1] if errors else None

    return Logger()
