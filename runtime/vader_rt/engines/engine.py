"""An engine: one way to run a model, whatever runs it."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from vader_rt.contract import Contract

EngineName = Literal["auto", "tensorrt", "onnx-cuda", "openvino", "onnx-cpu"]
"""What can be asked for; `auto` takes the first of the others that runs here."""
TITLES: dict[EngineName, str] = {
    "tensorrt": "TensorRT",
    "onnx-cuda": "ONNX Runtime with CUDA",
    "openvino": "OpenVINO",
    "onnx-cpu": "ONNX Runtime",
}
IN_PLACE = np.empty(0, np.float32)
"""Given to `Engine.run` where the planes lie in the engine's own input already."""


class Engine(Protocol):
    """A loaded model."""

    contract: Contract

    @property
    def name(self) -> str:
        """The engine that was taken, for example `onnx-cpu`."""
        ...

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        """Run the network on (1, C, H, W) float32 planes, or on what is `IN_PLACE`.

        Returns a float32 array per output of the contract: (H, W), or (K, H, W) for K > 1 planes.
        """
        ...


def planes_address(engine: Engine) -> int | None:
    """Where an engine's input, (1, C, H, W) float32, lies on a GPU; None where it does not.

    Only such an engine can be told to run on what is `IN_PLACE`.
    """
    return getattr(engine, "planes_address", None)


def squeezed(output: np.ndarray) -> np.ndarray:
    """(1, 1, H, W) → (H, W); (1, K, H, W) → (K, H, W)."""
    return output[0, 0] if output.shape[1] == 1 else output[0]
