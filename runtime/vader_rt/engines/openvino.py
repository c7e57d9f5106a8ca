"""OpenVINO, on CPUs: the fastest there, where it is installed (`vader-rt[openvino]`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vader_rt.contract import Contract
from vader_rt.engines.engine import accepted
from vader_rt.engines.onnx import tried_contract
from vader_rt.engines.onnx_file import read_onnx
from vader_rt.errors import EngineError, InputError
from vader_rt.installed import repair


class OpenVinoEngine:
    """A frame model in OpenVINO, in float32."""

    name = "openvino"

    def __init__(self, model: str | Path, *, threads: int = 0) -> None:
        openvino = _import_openvino()
        file = read_onnx(Path(model))
        self.contract: Contract = tried_contract(file)
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        try:
            core = openvino.Core()
            compiled = core.compile_model(core.read_model(file.data), "CPU", settings)
            self._request = compiled.create_infer_request()
            self._outputs = [compiled.output(name) for name in self.contract.outputs]
        except RuntimeError as error:
            raise InputError(f"{model}: OpenVINO cannot load it ({_reason(error)})") from None

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        """See `Engine.run`.

        Raises:
            EngineError: OpenVINO failed, or the network gives something else than it should.
        """
        try:
            results = self._request.infer({0: planes})
            found = [np.array(results[output]) for output in self._outputs]
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed: {_reason(error)}") from None
        return accepted(found, self.contract.output_shapes)


def _reason(error: RuntimeError) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


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
            f"openvino cannot be imported ({error}); {repair(('openvino',), 'openvino')}"
        ) from None
    return openvino
