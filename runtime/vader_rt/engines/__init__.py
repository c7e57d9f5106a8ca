"""Inference engines: one way to run a frame model, whatever runs it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from vader_rt.contract import Contract
from vader_rt.errors import EngineError, InputError

if TYPE_CHECKING:
    from vader_rt.device_memory import Binding

log = logging.getLogger(__name__)

EngineName = Literal["auto", "tensorrt", "onnx-cuda", "openvino", "onnx-cpu"]
ENGINE_NAMES: tuple[EngineName, ...] = ("auto", "tensorrt", "onnx-cuda", "openvino", "onnx-cpu")
"""What can be asked for; `auto` takes the first of the others that runs here."""


class Engine(Protocol):
    """A loaded model."""

    contract: Contract

    @property
    def name(self) -> str:
        """The engine that was taken, for example `onnx-cpu`."""
        ...

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        """Run the network on (1, C, H, W) float32 planes.

        Returns a float32 array per output of the contract: (H, W), or (K, H, W) for K > 1 planes.
        """
        ...


def squeezed(output: np.ndarray) -> np.ndarray:
    """(1, 1, H, W) → (H, W); (1, K, H, W) → (K, H, W)."""
    return output[0, 0] if output.shape[1] == 1 else output[0]


def load_engine(
    model: str | Path,
    engine: EngineName = "auto",
    *,
    threads: int = 0,
    device_memory: Binding | None = None,
) -> Engine:
    """Load a model file with an engine.

    device_memory: the package that TensorRT's memory is taken from; None takes what is installed.

    Raises:
        InputError: the model cannot be read. EngineError: the engine cannot run here.
    """
    if Path(model).suffix == ".engine" and engine == "auto":
        engine = "tensorrt"
    if engine == "tensorrt":
        return _load_tensorrt(model, device_memory)
    if Path(model).suffix == ".engine":
        raise InputError(f"{model}: is an engine of TensorRT; --engine {engine} wants a .onnx file")
    if engine == "auto":
        loaded = _auto_tensorrt(model, device_memory)
        if loaded is not None:
            return loaded
    from vader_rt.engines.onnx import has_cuda, load_onnx
    from vader_rt.engines.openvino import OpenVinoEngine, is_installed

    if engine == "openvino" or (engine == "auto" and is_installed() and not has_cuda()):
        return OpenVinoEngine(model, threads=threads)
    return load_onnx(model, engine, threads=threads)


def _load_tensorrt(model: str | Path, device_memory: Binding | None) -> Engine:
    from vader_rt.engines.tensorrt import load_tensorrt

    try:
        return load_tensorrt(model, device_memory=device_memory)
    except EngineError as error:
        raise EngineError(f"--engine tensorrt: {error}") from None


def _auto_tensorrt(model: str | Path, device_memory: Binding | None) -> Engine | None:
    """TensorRT where it runs; where it is here and does not, that is said."""
    from vader_rt.engines.tensorrt import is_usable, load_tensorrt

    if not is_usable():
        return None
    try:
        return load_tensorrt(model, device_memory=device_memory)
    except EngineError as error:
        log.warning("TensorRT is not used: %s", error)
        return None
