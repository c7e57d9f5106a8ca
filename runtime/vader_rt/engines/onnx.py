"""ONNX Runtime, on a CPU or an NVIDIA GPU.

On a GPU the input and the outputs stay in its memory (I/O binding). That code runs in the tests
over the CPU's memory; on a GPU it has not run yet.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime

from vader_rt.contract import Contract
from vader_rt.engines.engine import IN_PLACE, squeezed
from vader_rt.errors import EngineError, InputError

_PROVIDERS = {"onnx-cpu": "CPUExecutionProvider", "onnx-cuda": "CUDAExecutionProvider"}
_WARNINGS, _ERRORS_ONLY, _NOTHING = 2, 3, 4
"""Severities of ONNX Runtime's logs; the first is its default."""
Memory = Literal["cpu", "cuda"]


class OnnxEngine:
    """A frame model in ONNX Runtime.

    memory: where input and outputs are kept from one run to the next; None keeps none, which is
    one copy less on a CPU.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        contract: Contract,
        memory: Memory | None = None,
    ) -> None:
        self._session = session
        self.contract = contract
        self.name = _engine_of(session)
        self._options = onnxruntime.RunOptions()
        if contract.kind != "frame":  # once per call: its memory is needed elsewhere then
            self._options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._bound = None if memory is None else _Bound(session, memory)

    @property
    def planes_address(self) -> int | None:
        """See `vader_rt.engines.engine.planes_address`."""
        return None if self._bound is None else self._bound.address

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        """See `Engine.run`.

        Raises:
            EngineError: the GPU failed.
        """
        if self._bound is not None:
            return self._bound.run(planes)
        outputs = self._session.run(None, {"planes": planes}, self._options)
        return [squeezed(output) for output in outputs]


class _Bound:
    """A session's input and outputs in memory that never moves; safe from any thread."""

    def __init__(self, session: onnxruntime.InferenceSession, memory: Memory) -> None:
        self._session, self._memory = session, memory
        self._lock = threading.Lock()
        self._binding = session.io_binding()
        with self._errors():
            (self._planes,) = (self._allocated(i) for i in session.get_inputs())
            self._outputs = [self._allocated(o) for o in session.get_outputs()]
        self._binding.bind_ortvalue_input("planes", self._planes)
        for output, value in zip(session.get_outputs(), self._outputs, strict=True):
            self._binding.bind_ortvalue_output(output.name, value)

    @property
    def address(self) -> int | None:
        return self._planes.data_ptr() if self._memory == "cuda" else None

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        with self._lock, self._errors():
            if planes is not IN_PLACE:
                self._planes.update_inplace(np.ascontiguousarray(planes))
            self._session.run_with_iobinding(self._binding)
            # a copy: what lies in the CPU's memory is shown as it stands, and changes with the next
            return [squeezed(np.array(value.numpy())) for value in self._outputs]

    def _allocated(self, tensor: onnxruntime.NodeArg) -> onnxruntime.OrtValue:
        make = onnxruntime.OrtValue.ortvalue_from_shape_and_type
        return make(tensor.shape, np.float32, self._memory, 0)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # ONNX Runtime has no common base for what can fail
            raise EngineError(
                f"ONNX Runtime failed on the {self._memory}: {_reason(error)}"
            ) from None


def load_onnx(model: str | Path, engine: str = "onnx-cpu", *, threads: int = 0) -> OnnxEngine:
    """Load an ONNX model with `onnx-cpu` or `onnx-cuda`.

    Raises:
        InputError: the file is not a model with a contract.
        EngineError: the engine is not here, or ONNX Runtime fell back to another one.
    """
    hindrance = cuda_hindrance() if engine == "onnx-cuda" else None
    if hindrance is not None:
        raise EngineError(f"{hindrance}; install the extra `vader-rt[cuda]`, or take onnx-cpu")
    said = _load_cuda_libraries() if engine == "onnx-cuda" else ""
    if said:  # then its own lines, two and more, only say the same
        onnxruntime.set_default_logger_severity(_NOTHING)
    try:
        session = _session(Path(model), [_PROVIDERS[engine]], threads)
    finally:
        onnxruntime.set_default_logger_severity(_WARNINGS)
    contract = _contract(session, str(model))
    if _engine_of(session) != engine:  # it falls back without an error
        reason = said or "are the libraries of CUDA and cuDNN that it needs installed?"
        raise EngineError(
            f"ONNX Runtime could not start it and fell back to {_engine_of(session)}: {reason}"
        )
    return OnnxEngine(session, contract, "cuda" if engine == "onnx-cuda" else None)


def cuda_hindrance() -> str | None:
    """Why ONNX Runtime has no CUDA here; None where it has, and shows when it is loaded."""
    available = onnxruntime.get_available_providers()
    if _PROVIDERS["onnx-cuda"] in available:
        return None
    return f"this ONNX Runtime ({onnxruntime.__version__}) has only {', '.join(available)}"


def read_contract(model: str | Path) -> Contract:
    """Read and check the contract of a model without keeping it loaded.

    Raises:
        InputError: the file is not a model with a contract.
    """
    return _contract(_session(Path(model), ["CPUExecutionProvider"], 1), str(model))


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """How all networks are run here. threads: 0 = all cores.

    Threads that have nothing to do sleep: other stages need the cores. And no memory is set aside
    in a pattern of the whole network, which is no faster and takes the restoration 155 MB more.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False
    return options


def _load_cuda_libraries() -> str:
    """Load CUDA and cuDNN from pip's packages where they are; what was not found, in one line."""
    preload = getattr(onnxruntime, "preload_dlls", None)  # from 1.21 on
    if preload is None:
        return ""
    said = io.StringIO()  # it prints to stdout, which is for data
    with contextlib.redirect_stdout(said):
        preload()
    lines = [line for line in said.getvalue().splitlines() if line.startswith("Failed")]
    return lines[0] if lines else ""


def _engine_of(session: onnxruntime.InferenceSession) -> str:
    provider = session.get_providers()[0]
    return next((name for name, p in _PROVIDERS.items() if p == provider), provider)


def _session(path: Path, providers: list[str], threads: int) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise InputError(f"{path}: does not exist; give a model file (.onnx)")
    options = session_options(threads)
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime has no common base for what a bad file can raise
        raise InputError(f"{path}: ONNX Runtime cannot load it ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].split(" : ")[-1]


def _contract(session: onnxruntime.InferenceSession, name: str) -> Contract:
    contract = Contract.from_metadata(session.get_modelmeta().custom_metadata_map, name)
    inputs = {i.name: tuple(i.shape) for i in session.get_inputs()}
    outputs = tuple(o.name for o in session.get_outputs())
    if inputs != {"planes": contract.input_shape} or outputs != contract.outputs:
        raise InputError(
            f"{name}: its inputs and outputs are not those of its contract; export it again"
        )
    return contract
