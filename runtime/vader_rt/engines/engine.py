"""An engine: one way to run a model, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np

from vader_rt.contract import Contract
from vader_rt.errors import EngineError

EngineName = Literal["auto", "tensorrt", "onnx-cuda", "openvino", "onnx-cpu"]
"""What can be asked for; `auto` takes the first of the others that runs here."""
TITLES: dict[EngineName, str] = {
    "tensorrt": "TensorRT",
    "onnx-cuda": "ONNX Runtime with CUDA",
    "openvino": "OpenVINO",
    "onnx-cpu": "ONNX Runtime",
}
_LEAST, _MOST = -2.0, 3.0
"""What any output stays within: they are shares in [0, 1], and colours that may go beyond."""
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


def accepted(
    outputs: Sequence[np.ndarray],
    shapes: Mapping[str, Sequence[int]],
    *,
    check_values: bool = True,
) -> list[np.ndarray]:
    """What a network gives, as `Engine.run` returns it.

    outputs: (1, K, H, W) float32 each. shapes: what they must have, in the same order, by name.
    check_values: False leaves them as they are, for those who compare them.

    Raises:
        EngineError: one has another shape or type, or values that are no shares or colours.
    """
    named = zip(shapes, outputs, strict=True)
    found = [_of_shape(output, name, shapes[name]) for name, output in named]
    if not check_values:
        return found
    return [_sensible(output, name) for name, output in zip(shapes, found, strict=True)]


def _of_shape(output: np.ndarray, name: str, shape: Sequence[int]) -> np.ndarray:
    if not isinstance(output, np.ndarray):
        raise _wrong(f"no tensor as {name}")
    if output.shape != tuple(shape) or output.dtype != np.float32:
        raise _wrong(f"{output.shape} {output.dtype} as {name}, not {tuple(shape)} float32")
    return output[0, 0] if shape[1] == 1 else output[0]


def _sensible(output: np.ndarray, name: str) -> np.ndarray:
    """Colours as they are, and shares within [0, 1]."""
    low, high = output.min(), output.max()
    if not (low >= _LEAST and high <= _MOST):  # NaN compares false
        raise _wrong(f"values from {low:g} to {high:g} as {name}, not from 0 to 1")
    return output if output.ndim == 3 or (low >= 0 and high <= 1) else output.clip(0, 1)


def _wrong(given: str) -> EngineError:
    """What every engine says of it."""
    return EngineError(f"the network cannot be right: it gives {given}; take another model")
