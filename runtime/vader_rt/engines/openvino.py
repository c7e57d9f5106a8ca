"""OpenVINO, on CPUs: the fastest there, where it is installed (`vader-rt[openvino]`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vader_rt.contract import Contract
from vader_rt.engines.engine import squeezed
from vader_rt.engines.onnx import read_contract
from vader_rt.errors import EngineError, InputError


class OpenVinoEngine:
    """A frame model in OpenVINO, in float32."""

    name = "openvino"

    def __init__(self, model: str | Path, *, threads: int = 0) -> None:
        openvino = _import_openvino()
        self.contract: Contract = read_contract(model)
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        try:
            compiled = openvino.Core().compile_model(str(model), "CPU", settings)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise InputError(f"{model}: OpenVINO cannot load it ({reason})") from None
        self._request = compiled.create_infer_request()
        self._outputs = [compiled.output(name) for name in self.contract.outputs]

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        """See `Engine.run`."""
        results = self._request.infer({0: planes})
        return [squeezed(np.array(results[output])) for output in self._outputs]


def is_installed() -> bool:
    """Whether OpenVINO can be imported; does not import it."""
    from importlib.util import find_spec

    return find_spec("openvino") is not None


def hindrance() -> str | None:
    """Why OpenVINO cannot be tried here, None where it can."""
    return None if is_installed() else "it is not installed"


def _import_openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise EngineError(
            f"openvino cannot be imported ({error}); pip install 'vader-rt[openvino]'"
        ) from None
    return openvino
