"""ONNX → TensorRT engine, one way for TensorRT 10.3 to 11.4 and TensorRT-RTX.

The network is strongly typed: it computes in the types that stand in the ONNX file. With
TensorRT-RTX this runs in the tests as it stands, without a GPU; with TensorRT it has not run on
one yet (its names are checked against the bindings of 10.3, 10.16 and 11.4).
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from vader_rt.device import find_device
from vader_rt.engines.onnx import read_contract
from vader_rt.engines.plans import (
    FLAVOUR_NAMES,
    FLAVOURS,
    Flavour,
    Plan,
    Platform,
    cached_engine,
    engine_beside,
    locked,
    read_plan,
    timing_cache,
    write_whole,
)
from vader_rt.errors import EngineError, UsageError, VaderError
from vader_rt.video import file_sha256

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 10.0
_MODULES: dict[Flavour, str] = {"tensorrt": "tensorrt", "rtx": "tensorrt_rtx"}
_PACKAGES: dict[Flavour, str] = {"tensorrt": "vader-rt[tensorrt]", "rtx": "tensorrt-rtx-cu13"}
_ONE_AT_A_TIME = threading.Lock()
"""TensorRT has one logger per process, so what it says can be told apart for one build only."""


@dataclass(frozen=True)
class Builder:
    """TensorRT as it is installed here, and what it builds for."""

    trt: Any
    platform: Platform


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
    package = _PACKAGES[flavour or "tensorrt"]
    raise EngineError(f"{'; '.join(reasons)}; pip install '{package}'")


def find_builder(flavour: Flavour | None = None, targets: Sequence[str] = ()) -> Builder:
    """Find TensorRT and the GPU that it builds for.

    targets: compute capabilities, for example `sm_87`. TensorRT-RTX builds for all of them, by
    default for every GPU that it knows; TensorRT only for the GPU that is here.

    Raises:
        EngineError: TensorRT or the GPU is not here. UsageError: a target is unknown.
    """
    trt, flavour = import_tensorrt(flavour)
    if flavour == "rtx":
        for target in targets:
            _capability(trt, target)
        return Builder(trt, Platform("rtx", trt.__version__, None, tuple(targets)))
    device = find_device()
    for target in targets:
        if target != device.compute_capability:
            raise EngineError(
                f"TensorRT builds for the GPU that it runs on, which is "
                f"{device.compute_capability} ({device.name}), not for {target}"
            )
    platform = Platform("tensorrt", trt.__version__, device.name, (device.compute_capability,))
    return Builder(trt, platform)


def build_engine(
    model: Path, engine: Path, builder: Builder, *, workspace_mib: int | None = None
) -> Plan:
    """Build the engine of an ONNX model and write it with its sidecar.

    workspace_mib: see `serialized`.

    Raises:
        InputError: the model has no contract. EngineError: TensorRT refuses it, in its words.
    """
    plan = replace(Plan.of(model, read_contract(model)), platform=builder.platform)
    return plan.write(engine, serialized(model, builder, workspace_mib=workspace_mib))


def engine_for(model: Path, builder: Builder) -> Path:
    """The engine of an ONNX model for this platform: beside it, else in the cache, else built.

    Where a half-precision copy of the model lies beside it, `NAME.fp16.onnx`, that is taken. Two
    processes that want the same engine at once build it once.

    Raises:
        InputError: the model has no contract. EngineError: TensorRT refuses it.
    """
    model = _half_copy(model)
    beside = engine_beside(model)
    plan = Plan.of(model, read_contract(model))
    if beside.is_file() and _fits(beside, plan, builder):
        return beside
    cached = cached_engine(plan, builder.platform)
    with locked(cached):
        if not (cached.is_file() and _fits(cached, plan, builder)):
            _announced_build(model, cached, builder)
    return cached


def _half_copy(model: Path) -> Path:
    """The half-precision copy beside a model if it was made from it, else the model."""
    copy = model.with_name(model.name.removesuffix(".onnx") + ".fp16.onnx")
    if not copy.is_file() or not model.is_file():
        return model
    if read_contract(copy).source_sha256 == file_sha256(model):
        return copy
    log.warning("%s is not used: it was made from another %s", copy, model.name)
    return model


def _fits(engine: Path, plan: Plan, builder: Builder) -> bool:
    try:
        read_plan(engine).check(engine, builder.platform, plan.onnx_sha256)
    except VaderError as error:
        log.warning("not used: %s", error)
        return False
    return True


def _announced_build(model: Path, engine: Path, builder: Builder) -> None:
    gpu = builder.platform.gpu or "this GPU"
    log.warning("building a TensorRT engine of %s for %s; once, it may take minutes", model, gpu)
    build_engine(model, engine, builder)
    log.warning("built, and kept in %s", engine)


def serialized(model: Path, builder: Builder, *, workspace_mib: int | None = None) -> bytes:
    """Build the engine of any ONNX model and return its bytes.

    workspace_mib: the most memory that a layer may use meanwhile; None leaves it to TensorRT.

    Raises:
        EngineError: TensorRT refuses the model, in its words and with the node's name.
    """
    with _ONE_AT_A_TIME:
        return _Build(model, builder, workspace_mib).run()


class _Build:
    """One build: network, parser and configuration, which TensorRT wants alive to its end."""

    def __init__(self, model: Path, builder: Builder, workspace_mib: int | None) -> None:
        self._trt, self._platform, self._model = builder.trt, builder.platform, model
        self._logger = logger_of(self._trt)
        self._logger.lines.clear()
        self._builder = self._made("builder", self._trt.Builder, self._logger)
        flags = 1 << int(self._trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
        self._network = self._made("network", self._builder.create_network, flags)
        self._config = self._made("configuration", self._builder.create_builder_config)
        self._monitor = _monitor_class(self._trt)()
        self._config.progress_monitor = self._monitor
        if workspace_mib is not None:
            pool = self._trt.MemoryPoolType.WORKSPACE
            self._config.set_memory_pool_limit(pool, workspace_mib << 20)
        self._set_capabilities()

    def run(self) -> bytes:
        self._parse()
        timings = self._load_timings()
        data = self._builder.build_serialized_network(self._network, self._config)
        if self._monitor.interrupted:
            raise KeyboardInterrupt
        if data is None:
            raise self._error("cannot build it", "a larger --workspace may help")
        self._save_timings(timings)
        return bytes(data)

    def _parse(self) -> None:
        parser = self._made("parser", self._trt.OnnxParser, self._network, self._logger)
        if parser.parse(self._model.read_bytes()):
            return
        if not parser.num_errors:
            raise self._error("cannot parse it")
        first = parser.get_error(0)
        node = f"node {first.node_name()!r} ({first.node_operator()})"
        where = f"its parser refuses {node}" if first.node_operator() else "its parser refuses it"
        raise EngineError(
            f"{self._model}: {self._who}: {where}: {one_line(first.desc())}; export it again with "
            "`python -m export.to_trt`, or take another --engine"
        )

    def _set_capabilities(self) -> None:
        """TensorRT builds for the GPU that is here; TensorRT-RTX for those that are named."""
        if self._platform.flavour != "rtx" or not self._platform.compute_capabilities:
            return
        self._config.num_compute_capabilities = len(self._platform.compute_capabilities)
        for index, name in enumerate(self._platform.compute_capabilities):
            if not self._config.set_compute_capability(_capability(self._trt, name), index):
                raise self._error(f"does not build for {name}")

    def _load_timings(self) -> Any:
        """The timings of earlier builds; TensorRT-RTX has none, it times on the user's GPU."""
        if self._platform.flavour == "rtx":
            return None
        path = timing_cache(self._platform)
        timings = self._config.create_timing_cache(path.read_bytes() if path.is_file() else b"")
        if timings is None or not self._config.set_timing_cache(timings, False):
            log.warning("%s: is no timing cache of this TensorRT; it starts afresh", path)
            timings = self._config.create_timing_cache(b"")
            self._config.set_timing_cache(timings, False)
        return timings

    def _save_timings(self, timings: Any) -> None:
        data = None if timings is None else timings.serialize()
        if data is not None:
            write_whole(timing_cache(self._platform), bytes(data))

    def _made(self, what: str, make: Any, *arguments: Any) -> Any:
        """What TensorRT makes, which is None or a TypeError where it could not."""
        try:
            made = make(*arguments)
        except TypeError as error:
            raise self._error(f"cannot make its {what} ({one_line(str(error))})") from None
        if made is None:
            raise self._error(f"cannot make its {what}")
        return made

    def _error(self, what: str, advice: str = "") -> EngineError:
        said = self._logger.last_error() or "it gives no reason"
        parts = (f"{self._model}: {self._who} {what}: {said}", advice)
        return EngineError("; ".join(part for part in parts if part))

    @property
    def _who(self) -> str:
        return f"{FLAVOUR_NAMES[self._platform.flavour]} {self._platform.tensorrt_version}"


def _capability(trt: Any, name: str) -> Any:
    """`sm_89` → `ComputeCapability.SM89`."""
    known = {
        f"sm_{key[2:]}": value
        for key, value in vars(trt.ComputeCapability).items()
        if key.startswith("SM")
    }
    if name not in known:
        raise UsageError(
            f"--target {name}: TensorRT-RTX {trt.__version__} knows {', '.join(sorted(known))}"
        )
    return known[name]


def one_line(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.split())


@cache
def logger_of(trt: Any) -> Any:
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


@cache
def _monitor_class(trt: Any) -> Any:
    class Monitor(trt.IProgressMonitor):
        """Logs a line now and then, and ends the build on Ctrl-C."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.interrupted = False
            self._totals: dict[str, int] = {}
            self._last_line = time.monotonic()

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            self._totals[phase] = steps

        def phase_finish(self, phase: str) -> None:
            self._totals.pop(phase, None)

        def step_complete(self, phase: str, step: int) -> bool:
            # an exception must not pass through TensorRT; that would end the process
            try:
                self._show(phase, step)
            except KeyboardInterrupt:
                self.interrupted = True
            return not self.interrupted

        def _show(self, phase: str, step: int) -> None:
            now = time.monotonic()
            if now - self._last_line >= SECONDS_BETWEEN_LINES:
                self._last_line = now
                log.info("  %s: %d of %d", phase, step + 1, self._totals.get(phase, step + 1))

    return Monitor
