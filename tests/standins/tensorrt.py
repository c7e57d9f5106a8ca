"""TensorRT's place taken by ONNX Runtime, over the stand-in of NVIDIA's driver.

An "engine" is the ONNX file itself. It runs when its stream is synchronised, on the addresses that
it was given: what is not uploaded, not waited for or not downloaded shows in the output. Names and
results are those of TensorRT 10.3; `broken` holds the functions that are to give None or False.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, IntEnum

import numpy as np
import onnxruntime

__version__ = "10.3.0"
broken: set[str] = set()
_cuda = ctypes.CDLL("libcuda.so.1")
_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@contextmanager
def failing(*functions: str) -> Iterator[None]:
    broken.update(functions)
    try:
        yield
    finally:
        broken.clear()


class NetworkDefinitionCreationFlag(IntEnum):
    STRONGLY_TYPED = 1


class MemoryPoolType(IntEnum):
    WORKSPACE = 0


class DataType(Enum):
    FLOAT = "tensor(float)"
    HALF = "tensor(float16)"


class ILogger:
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    def __init__(self) -> None:
        pass


class IProgressMonitor:
    def __init__(self) -> None:
        pass


def _gives(function: str, logger: ILogger) -> bool:
    if function not in broken:
        return True
    logger.log(ILogger.WARNING, "something else")
    logger.log(ILogger.ERROR, f"{function} says\nwhy")
    return False


class _TimingCache:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def serialize(self) -> bytes:
        return self._data + b"timed;"


class _Config:
    progress_monitor: IProgressMonitor
    workspace: int

    def __init__(self, logger: ILogger) -> None:
        self._logger = logger

    def set_memory_pool_limit(self, pool: MemoryPoolType, size: int) -> None:
        self.workspace = size

    def create_timing_cache(self, data: bytes) -> _TimingCache | None:
        return None if data.startswith(b"damaged") else _TimingCache(data)

    def set_timing_cache(self, timings: _TimingCache, ignore_mismatch: bool) -> bool:
        return _gives("set_timing_cache", self._logger)


class _Network:
    model = b""


class Builder:
    def __init__(self, logger: ILogger) -> None:
        if not _gives("Builder", logger):
            raise TypeError("pybind11::init(): factory function returned nullptr")
        self._logger = logger

    def create_network(self, flags: int) -> _Network:
        assert flags == 1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED
        return _Network()

    def create_builder_config(self) -> _Config:
        return _Config(self._logger)

    def build_serialized_network(self, network: _Network, config: _Config) -> bytes | None:
        built = _gives("build_serialized_network", self._logger)
        return network.model if built else None


class OnnxParser:
    num_errors = 0

    def __init__(self, network: _Network, logger: ILogger) -> None:
        self._network, self._logger = network, logger

    def parse(self, model: bytes) -> bool:
        self._network.model = model
        return _gives("parse", self._logger)


class Runtime:
    def __init__(self, logger: ILogger) -> None:
        self.logger = logger

    def deserialize_cuda_engine(self, data: bytes) -> _Engine | None:
        return _Engine(data, self.logger) if _gives("deserialize", self.logger) else None


class _Engine:
    def __init__(self, data: bytes, logger: ILogger) -> None:
        self.logger = logger
        self.session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        self._tensors = [*self.session.get_inputs(), *self.session.get_outputs()]
        self._by_name = {t.name: t for t in self._tensors}

    @property
    def num_io_tensors(self) -> int:
        return len(self._tensors)

    def get_tensor_name(self, index: int) -> str:
        return self._tensors[index].name

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._by_name[name].shape)

    def get_tensor_dtype(self, name: str) -> DataType:
        return DataType.HALF if "dtype" in broken else DataType(self._by_name[name].type)

    def create_execution_context(self) -> _Context | None:
        return _Context(self) if _gives("create_execution_context", self.logger) else None


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._arrays: dict[str, np.ndarray] = {}
        self._work = _CALLBACK(self._run)

    def set_tensor_address(self, name: str, address: int) -> bool:
        shape = self._engine.get_tensor_shape(name)
        values = (ctypes.c_float * int(np.prod(shape))).from_address(address)
        self._arrays[name] = np.ctypeslib.as_array(values).reshape(shape)
        return _gives("set_tensor_address", self._engine.logger)

    def execute_async_v3(self, stream_handle: int) -> bool:
        if not _gives("execute_async_v3", self._engine.logger):
            return False
        return _cuda.cuLaunchHostFunc(ctypes.c_void_p(stream_handle), self._work, None) == 0

    def _run(self, _: object) -> None:
        inputs = {i.name: self._arrays[i.name].copy() for i in self._engine.session.get_inputs()}
        outputs = self._engine.session.get_outputs()
        for output, value in zip(outputs, self._engine.session.run(None, inputs), strict=True):
            self._arrays[output.name][:] = value
