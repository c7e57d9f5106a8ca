"""ONNX → TensorRT engine, one way for TensorRT 10.3 to 11.4 and TensorRT-RTX.

The network is strongly typed: it computes in the types that stand in the ONNX file. With
TensorRT-RTX this runs in the tests as it stands, without a GPU; with TensorRT it has not run on
one yet (its names are checked against the bindings of 10.3, 10.16 and 11.4).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from vader_rt.engines.onnx import read_contract
from vader_rt.engines.trt.bindings import Bindings, capability, one_line
from vader_rt.engines.trt.sidecar import (
    Sidecar,
    cached_engine,
    engine_beside,
    locked,
    read_sidecar,
    timing_cache,
    write_in_cache,
)
from vader_rt.errors import EngineError, VaderError
from vader_rt.io.files import file_sha256

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 10.0
_ONE_AT_A_TIME = threading.Lock()
"""TensorRT has one logger per process, so what it says can be told apart for one build only."""


def build_engine(
    model: Path, engine: Path, bindings: Bindings, *, workspace_mib: int | None = None
) -> Sidecar:
    """Build the engine of an ONNX model and write it with its sidecar.

    workspace_mib: see `serialized`.

    Raises:
        InputError: the model has no contract. EngineError: TensorRT refuses it, in its words.
    """
    sidecar = replace(Sidecar.of(model, read_contract(model)), platform=bindings.platform)
    return sidecar.write(engine, serialized(model, bindings, workspace_mib=workspace_mib))


def engine_for(model: Path, bindings: Bindings) -> Path:
    """The engine of an ONNX model for this platform: beside it, else in the cache, else built.

    Where an fp16 copy of the model lies beside it, `NAME.fp16.onnx`, that is taken. Two
    processes that want the same engine at once build it once.

    Raises:
        InputError: the model has no contract. EngineError: TensorRT refuses it.
    """
    model = _fp16_copy(model)
    beside = engine_beside(model)
    sidecar = Sidecar.of(model, read_contract(model))
    if beside.is_file() and _fits(beside, sidecar, bindings):
        return beside
    cached = cached_engine(sidecar, bindings.platform)
    with locked(cached):
        if not (cached.is_file() and _fits(cached, sidecar, bindings)):
            _announced_build(model, cached, bindings)
    return cached


def _fp16_copy(model: Path) -> Path:
    """The fp16 copy beside a model if it was made from it, else the model."""
    copy = model.with_name(model.name.removesuffix(".onnx") + ".fp16.onnx")
    if not copy.is_file() or not model.is_file():
        return model
    if read_contract(copy).source_sha256 == file_sha256(model):
        return copy
    log.warning("%s is not used: it was made from another %s", copy, model.name)
    return model


def _fits(engine: Path, sidecar: Sidecar, bindings: Bindings) -> bool:
    try:
        read_sidecar(engine).check(engine, bindings.platform, sidecar.onnx_sha256)
    except VaderError as error:
        log.warning("not used: %s", error)
        return False
    return True


def _announced_build(model: Path, engine: Path, bindings: Bindings) -> None:
    gpu = bindings.platform.gpu or "this GPU"
    log.warning("building a TensorRT engine of %s for %s; once, it may take minutes", model, gpu)
    build_engine(model, engine, bindings)
    log.warning("built, and kept in %s", engine)


def serialized(model: Path, bindings: Bindings, *, workspace_mib: int | None = None) -> bytes:
    """Build the engine of any ONNX model and return its bytes.

    workspace_mib: the most memory that a layer may use meanwhile; None leaves it to TensorRT.

    Raises:
        EngineError: TensorRT refuses the model, in its words and with the node's name.
    """
    with _ONE_AT_A_TIME:
        return _Build(model, bindings, workspace_mib).run()


class _Build:
    """One build: network, parser and configuration, which TensorRT wants alive to its end."""

    def __init__(self, model: Path, bindings: Bindings, workspace_mib: int | None) -> None:
        self._bindings, self._model = bindings, model
        self._trt, self._platform = bindings.trt, bindings.platform
        bindings.logger.lines.clear()
        self._builder = self._made("builder", self._trt.Builder, bindings.logger)
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
            raise self._bindings.error(
                self._model, "cannot build it", "a larger --workspace may help"
            )
        self._save_timings(timings)
        return bytes(data)

    def _parse(self) -> None:
        parser = self._made("parser", self._trt.OnnxParser, self._network, self._bindings.logger)
        if parser.parse(self._model.read_bytes()):
            return
        if not parser.num_errors:
            raise self._bindings.error(self._model, "cannot parse it")
        first = parser.get_error(0)
        node = f"node {first.node_name()!r} ({first.node_operator()})"
        where = f"its parser refuses {node}" if first.node_operator() else "its parser refuses it"
        raise EngineError(
            f"{self._model}: {self._bindings}: {where}: {one_line(first.desc())}; export it again "
            "with `python -m export.to_trt`, or take another --engine"
        )

    def _set_capabilities(self) -> None:
        """TensorRT builds for the GPU that is here; TensorRT-RTX for those that are named."""
        if self._platform.flavour != "rtx" or not self._platform.compute_capabilities:
            return
        self._config.num_compute_capabilities = len(self._platform.compute_capabilities)
        for index, name in enumerate(self._platform.compute_capabilities):
            if not self._config.set_compute_capability(capability(self._trt, name), index):
                raise self._bindings.error(self._model, f"does not build for {name}")

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
            write_in_cache(timing_cache(self._platform), bytes(data))

    def _made(self, what: str, make: Callable[..., Any], *arguments: Any) -> Any:
        return self._bindings.made(self._model, what, make, *arguments)


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
