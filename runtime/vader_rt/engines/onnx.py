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
from vader_rt.engines.engine import IN_PLACE, accepted
from vader_rt.engines.onnx_file import OnnxFile, contract_of, read_onnx
from vader_rt.engines.sessions import NOTHING, WARNINGS, reason_of, run_options, session_of
from vader_rt.engines.trial import try_out
from vader_rt.errors import EngineError
from vader_rt.installed import clash

_PROVIDERS = {"onnx-cpu": "CPUExecutionProvider", "onnx-cuda": "CUDAExecutionProvider"}
Memory = Literal["cpu", "cuda"]


class OnnxEngine:
    """A frame model in ONNX Runtime.

    memory: where input and outputs are kept from one run to the next; None keeps none, which is
    one copy less on a CPU. check_values: see `accepted`.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        contract: Contract,
        memory: Memory | None = None,
        *,
        check_values: bool = False,
    ) -> None:
        self._session = session
        self.contract = contract
        self._check_values = check_values
        self.name = _engine_of(session)
        self._options = run_options()
        if contract.kind != "frame":  # once per call: its memory is needed elsewhere then
            self._options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._bound = None if memory is None else _Bound(session, contract, memory)

    @property
    def planes_address(self) -> int | None:
        """See `vader_rt.engines.engine.planes_address`."""
        return None if self._bound is None else self._bound.address

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        """See `Engine.run`.

        Raises:
            EngineError: ONNX Runtime failed, or the network gives something else than it should.
        """
        run = self._free if self._bound is None else self._bound.run
        with _errors("cpu" if self._bound is None else self._bound.memory):
            found = run(planes)
        return accepted(found, self.contract.output_shapes, check_values=self._check_values)

    def _free(self, planes: np.ndarray) -> list[np.ndarray]:
        names = list(self.contract.outputs)
        return self._session.run(names, {"planes": planes}, self._options)


class _Bound:
    """A session's input and outputs in memory that never moves; safe from any thread."""

    def __init__(
        self, session: onnxruntime.InferenceSession, contract: Contract, memory: Memory
    ) -> None:
        self._session, self.memory = session, memory
        self._lock = threading.Lock()
        self._binding = session.io_binding()
        with _errors(memory):
            self._planes = self._allocated(contract.input_shape)
            self._outputs = [self._allocated(shape) for shape in contract.output_shapes.values()]
            self._binding.bind_ortvalue_input("planes", self._planes)
            for name, value in zip(contract.outputs, self._outputs, strict=True):
                self._binding.bind_ortvalue_output(name, value)

    @property
    def address(self) -> int | None:
        return self._planes.data_ptr() if self.memory == "cuda" else None

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        with self._lock:
            if planes is not IN_PLACE:
                self._planes.update_inplace(np.ascontiguousarray(planes))
            self._session.run_with_iobinding(self._binding, run_options())
            # a copy: what lies in the CPU's memory is shown as it stands, and changes with the next
            return [np.array(value.numpy()) for value in self._outputs]

    def _allocated(self, shape: tuple[int, ...]) -> onnxruntime.OrtValue:
        make = onnxruntime.OrtValue.ortvalue_from_shape_and_type
        return make(shape, np.float32, self.memory, 0)


@contextlib.contextmanager
def _errors(memory: Memory) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # ONNX Runtime has no common base for what can fail
        raise EngineError(f"ONNX Runtime failed on the {memory}: {reason_of(error)}") from None


def load_onnx(
    model: str | Path, engine: str = "onnx-cpu", *, threads: int = 0, check_values: bool = False
) -> OnnxEngine:
    """Load an ONNX model with `onnx-cpu` or `onnx-cuda`.

    check_values: see `accepted`.

    Raises:
        InputError: the file is not a model with a contract, or takes too much.
        EngineError: the engine is not here, ONNX Runtime fails on the model, or it fell back to
            another engine.
    """
    hindrance = cuda_hindrance() if engine == "onnx-cuda" else None
    if hindrance is not None:
        raise EngineError(f"{hindrance}; {_cuda_cure()}; or take onnx-cpu")
    said = _load_cuda_libraries() if engine == "onnx-cuda" else ""
    if said:  # then its own lines, two and more, only say the same
        onnxruntime.set_default_logger_severity(NOTHING)
    try:
        session, contract = _loaded(read_onnx(Path(model)), [_PROVIDERS[engine]], threads)
    finally:
        onnxruntime.set_default_logger_severity(WARNINGS)
    if _engine_of(session) != engine:  # it falls back without an error
        reason = said or "are the libraries of CUDA and cuDNN that it needs installed?"
        raise EngineError(
            f"ONNX Runtime could not start it and fell back to {_engine_of(session)}: {reason}"
        )
    memory: Memory | None = "cuda" if engine == "onnx-cuda" else None
    return OnnxEngine(session, contract, memory, check_values=check_values)


def cuda_hindrance() -> str | None:
    """Why ONNX Runtime has no CUDA here; None where it has, and shows when it is loaded."""
    available = onnxruntime.get_available_providers()
    if _PROVIDERS["onnx-cuda"] in available:
        return None
    return f"this ONNX Runtime ({onnxruntime.__version__}) has only {', '.join(available)}"


def _cuda_cure() -> str:
    """How to come to an ONNX Runtime with CUDA, be it installed or not."""
    both = clash("onnxruntime")
    if both is not None:
        return f"{both}: {both.cure}"
    return "pip uninstall -y onnxruntime && pip install 'onnxruntime-gpu[cuda,cudnn]'"


def read_contract(model: str | Path) -> Contract:
    """Read and check the contract of a model without keeping it loaded.

    Raises:
        InputError: the file is not a model with a contract.
    """
    return contract_of(read_onnx(Path(model)))


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


def _loaded(
    file: OnnxFile, providers: list[str], threads: int
) -> tuple[onnxruntime.InferenceSession, Contract]:
    if not file.shipped:
        contract = tried_contract(file)
        return session_of(file, providers, threads), contract
    session = session_of(file, providers, threads)  # reads it faster than protobuf is imported
    metadata = session.get_modelmeta().custom_metadata_map
    return session, Contract.from_metadata(metadata, str(file.path))


def tried_contract(file: OnnxFile) -> Contract:
    """The contract of a model that has also run once, see `vader_rt.engines.trial`.

    Raises:
        InputError: it has none that fits, or takes too much. EngineError: it fails when it runs.
    """
    contract = contract_of(file)
    try_out(file, {"planes": contract.input_shape}, contract.output_shapes)
    return contract
