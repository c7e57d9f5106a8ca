"""ONNX Runtime, on a CPU or an NVIDIA GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from vader_rt.contract import Contract
from vader_rt.engines import squeezed
from vader_rt.errors import EngineError, InputError

_PROVIDERS = {"onnx-cpu": "CPUExecutionProvider", "onnx-cuda": "CUDAExecutionProvider"}
_ERRORS_ONLY = 3


class OnnxEngine:
    """A frame model in ONNX Runtime."""

    def __init__(self, session: onnxruntime.InferenceSession, contract: Contract) -> None:
        self._session = session
        self.contract = contract
        provider = session.get_providers()[0]
        self.name = next((n for n, p in _PROVIDERS.items() if p == provider), provider)

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        """See `Engine.run`."""
        return [squeezed(output) for output in self._session.run(None, {"planes": planes})]


def load_onnx(model: str | Path, engine: str = "auto", *, threads: int = 0) -> OnnxEngine:
    """Load an ONNX model; `onnx-cuda` or an error, `auto` takes CUDA where it works.

    Raises:
        InputError: the file is not a model with a contract. EngineError: no such engine here.
    """
    wanted = ("onnx-cuda", "onnx-cpu") if engine == "auto" else (engine,)
    available = onnxruntime.get_available_providers()
    providers = [_PROVIDERS[name] for name in wanted if _PROVIDERS[name] in available]
    if not providers:
        raise EngineError(
            f"--engine {engine}: this ONNX Runtime has {', '.join(available)}; "
            "install the extra `vader-rt[cuda]`, or take --engine onnx-cpu"
        )
    session = _session(Path(model), providers, threads)
    loaded = OnnxEngine(session, _contract(session, str(model)))
    if engine != "auto" and loaded.name != engine:
        raise EngineError(
            f"--engine {engine}: ONNX Runtime could not start it and fell back to {loaded.name}; "
            "are the CUDA and cuDNN libraries that it needs installed?"
        )
    return loaded


def has_cuda() -> bool:
    """Whether this ONNX Runtime was built with CUDA; whether it runs shows when it is loaded."""
    return _PROVIDERS["onnx-cuda"] in onnxruntime.get_available_providers()


def read_contract(model: str | Path) -> Contract:
    """Read and check the contract of a model without keeping it loaded.

    Raises:
        InputError: the file is not a model with a contract.
    """
    return _contract(_session(Path(model), ["CPUExecutionProvider"], 1), str(model))


def _session(path: Path, providers: list[str], threads: int) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise InputError(f"{path}: does not exist; give a model file (.onnx)")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime has no common base for what a bad file can raise
        reason = str(error).splitlines()[0].split(" : ")[-1]
        raise InputError(f"{path}: ONNX Runtime cannot load it ({reason})") from None


def _contract(session: onnxruntime.InferenceSession, name: str) -> Contract:
    contract = Contract.from_metadata(session.get_modelmeta().custom_metadata_map, name)
    inputs = {i.name: tuple(i.shape) for i in session.get_inputs()}
    outputs = tuple(o.name for o in session.get_outputs())
    if inputs != {"planes": contract.input_shape} or outputs != contract.outputs:
        raise InputError(
            f"{name}: its inputs and outputs are not those of its contract; export it again"
        )
    return contract
