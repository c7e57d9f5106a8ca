"""Inference engines: one way to run a frame model, whatever runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from vader_rt.contract import Contract

EngineName = Literal["auto", "onnx-cuda", "openvino", "onnx-cpu"]
ENGINE_NAMES: tuple[EngineName, ...] = ("auto", "onnx-cuda", "openvino", "onnx-cpu")
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


def load_engine(model: str | Path, engine: EngineName = "auto", *, threads: int = 0) -> Engine:
    """Load a model file with an engine.

    Raises:
        InputError: the model cannot be read. EngineError: the engine cannot run here.
    """
    from vader_rt.engines.onnx import has_cuda, load_onnx
    from vader_rt.engines.openvino import OpenVinoEngine, is_installed

    if engine == "openvino" or (engine == "auto" and is_installed() and not has_cuda()):
        return OpenVinoEngine(model, threads=threads)
    return load_onnx(model, engine, threads=threads)
