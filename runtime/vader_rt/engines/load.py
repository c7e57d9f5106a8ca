"""Finds an engine that runs here, and loads a model with it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vader_rt.engines.engine import TITLES, Engine, EngineName
from vader_rt.errors import EngineError, InputError

if TYPE_CHECKING:
    from vader_rt.engines.trt.memory import MemoryPackage

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """An engine that `auto` may take. hindrance: why not here, None where it can be tried."""

    name: EngineName
    hindrance: str | None


def auto_order() -> list[Candidate]:
    """The engines in the order in which `auto` tries them, and what stands against each here."""
    from vader_rt.engines import onnx, openvino
    from vader_rt.engines.trt import driver, engine

    no_gpu = driver.hindrance()
    return [
        Candidate("tensorrt", no_gpu or engine.hindrance()),
        Candidate("onnx-cuda", no_gpu or onnx.cuda_hindrance()),
        Candidate("openvino", openvino.hindrance()),
        Candidate("onnx-cpu", None),
    ]


def load_engine(
    model: str | Path,
    engine: EngineName = "auto",
    *,
    threads: int = 0,
    device_memory: MemoryPackage | None = None,
) -> Engine:
    """Load a model file with an engine.

    device_memory: the package that TensorRT's memory is taken from; None takes what is installed.

    Raises:
        InputError: the model cannot be read. EngineError: the engine cannot run here.
    """
    if Path(model).suffix == ".engine":
        if engine not in ("auto", "tensorrt"):
            raise InputError(
                f"{model}: is an engine of TensorRT; --engine {engine} wants a .onnx file"
            )
        engine = "tensorrt"
    if engine == "auto":
        return _first_that_runs(model, threads, device_memory)
    try:
        return _load(model, engine, threads, device_memory)
    except EngineError as error:
        raise EngineError(f"--engine {engine}: {error}") from None


def _first_that_runs(
    model: str | Path, threads: int, device_memory: MemoryPackage | None
) -> Engine:
    """The first engine of `auto_order` that runs; one that is here and does not is named."""
    *others, last = auto_order()
    for candidate in others:
        if candidate.hindrance is not None:
            log.debug("%s is not used: %s", TITLES[candidate.name], candidate.hindrance)
            continue
        try:
            return _load(model, candidate.name, threads, device_memory)
        except EngineError as error:
            log.warning("%s is not used: %s", TITLES[candidate.name], error)
    return _load(model, last.name, threads, device_memory)


def _load(
    model: str | Path, engine: EngineName, threads: int, device_memory: MemoryPackage | None
) -> Engine:
    if engine == "tensorrt":
        from vader_rt.engines.trt.engine import load_tensorrt

        return load_tensorrt(model, device_memory=device_memory)
    if engine == "openvino":
        from vader_rt.engines.openvino import OpenVinoEngine

        return OpenVinoEngine(model, threads=threads)
    from vader_rt.engines.onnx import load_onnx

    return load_onnx(model, engine, threads=threads, check_values=True)
