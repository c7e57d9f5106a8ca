"""TensorRT and TensorRT-RTX, on NVIDIA GPUs.

Not run on a GPU yet. In the tests the whole path runs over a stand-in of NVIDIA's driver, with ONNX
Runtime in TensorRT's place; every name of TensorRT's is checked against its real bindings.
"""

from __future__ import annotations

import threading
import weakref
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from vader_rt.contract import Contract
from vader_rt.engines.engine import IN_PLACE, accepted
from vader_rt.engines.trt.bindings import Bindings, bindings_here, import_tensorrt
from vader_rt.engines.trt.builder import engine_for
from vader_rt.engines.trt.memory import Buffer, GpuMemory, MemoryPackage, installed
from vader_rt.engines.trt.sidecar import ENGINE_SUFFIX, read_sidecar
from vader_rt.errors import EngineError, InputError
from vader_rt.io.files import file_sha256

WARM_UPS = 2
"""TensorRT loads its kernels at the first run; the second is as fast as all that follow."""


class TensorRtEngine:
    """An engine file in TensorRT: one stream, memory that never moves; a context manager.

    Usable from any thread; calls take turns. What it holds on the GPU is freed by `close`, or
    else when the object goes.

    Args:
        engine: an engine file with its sidecar. bindings: TensorRT and the GPU that are here.
        device_memory: the package for GPU memory; None takes the one that is installed.

    Raises:
        InputError: there is no sidecar that can be read. EngineError: the engine does not run here.
    """

    name = "tensorrt"

    def __init__(
        self, engine: Path, bindings: Bindings, *, device_memory: MemoryPackage | None = None
    ) -> None:
        sidecar = read_sidecar(engine)
        model = engine.with_name(sidecar.onnx)
        sidecar.check(engine, bindings.platform, file_sha256(model) if model.is_file() else None)
        self.contract: Contract = sidecar.contract
        self._path, self._bindings = engine, bindings
        self._advice = sidecar.advice(engine, bindings.platform.flavour)
        self._lock = threading.Lock()
        self._objects: list[Any] = []
        owned = ExitStack()
        self._free = weakref.finalize(self, owned.close)
        try:
            self._memory = owned.enter_context(GpuMemory(device_memory))
            owned.callback(_drop, self._objects, self._memory)
            with self._memory.active():
                self._deserialise()
            self._planes, *self._outputs = self._buffers()
            for _ in range(WARM_UPS):
                self.run(np.zeros(self.contract.input_shape, np.float32))
        except BaseException:
            self.close()
            raise

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        """See `Engine.run`.

        Raises:
            EngineError: the GPU failed, or the engine is closed.
        """
        with self._lock:
            if not self._free.alive:
                raise EngineError(f"{self._path}: this engine is closed")
            in_place = planes is IN_PLACE
            if not in_place:
                np.copyto(self._planes.host, planes)
            with self._memory.active():
                if not in_place:
                    self._memory.upload(self._planes)
                if not self._objects[-1].execute_async_v3(self._memory.stream_address):
                    raise self._error("cannot run it")
                for output in self._outputs:
                    self._memory.download(output)
                self._memory.synchronize()
            found = [output.host.copy() for output in self._outputs]
        return accepted(found, self.contract.output_shapes)

    @property
    def planes_address(self) -> int | None:
        """See `vader_rt.engines.engine.planes_address`."""
        return self._planes.address

    def close(self) -> None:
        """Free all that it holds on the GPU; may be called twice."""
        with self._lock:
            self._free()

    def __enter__(self) -> TensorRtEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _deserialise(self) -> None:
        """Make runtime, engine and execution context; each keeps the one before it alive."""
        make = self._bindings.made
        runtime = make(self._path, "runtime", self._bindings.trt.Runtime, self._bindings.logger)
        self._objects.append(runtime)
        data = self._path.read_bytes()
        self._objects.append(make(self._path, "engine", runtime.deserialize_cuda_engine, data))
        create = self._objects[-1].create_execution_context
        self._objects.append(make(self._path, "execution context", create))

    def _buffers(self) -> list[Buffer]:
        """A buffer for every tensor of the contract, the planes first; the engine is told where."""
        _, engine, context = self._objects
        found = {engine.get_tensor_name(index) for index in range(engine.num_io_tensors)}
        shapes = {"planes": self.contract.input_shape, **self.contract.output_shapes}
        if found != set(shapes):
            raise self._error(f"holds an engine of {', '.join(sorted(found))}")
        buffers = []
        for name, wanted in shapes.items():
            shape = tuple(engine.get_tensor_shape(name))
            float32 = engine.get_tensor_dtype(name) == self._bindings.trt.DataType.FLOAT
            if not (float32 and shape == wanted):
                raise self._error(
                    f"holds an engine whose {name} is {shape}, not as in its contract"
                )
            buffers.append(self._memory.allocate(shape))
            if not context.set_tensor_address(name, buffers[-1].address):
                raise self._error(f"takes no memory for {name}")
        return buffers

    def _error(self, what: str) -> EngineError:
        return self._bindings.error(self._path, what, self._advice)


def _drop(objects: list[Any], memory: GpuMemory) -> None:
    """Let go of TensorRT's objects, the last one first, before their memory goes."""
    with memory.active():
        while objects:
            objects.pop()


def load_tensorrt(
    model: str | Path, *, device_memory: MemoryPackage | None = None
) -> TensorRtEngine:
    """Load an engine, or the engine of an ONNX model, which is built where there is none.

    Raises:
        InputError: the model or the sidecar cannot be read.
        EngineError: TensorRT, a GPU or a package for its memory is not here, or the engine does not
            run here; for an engine file, with the command that builds it again.
    """
    path = Path(model)
    if not path.is_file():
        raise InputError(f"{path}: does not exist; give a model (.onnx) or an engine (.engine)")
    if path.suffix != ENGINE_SUFFIX:
        bindings = bindings_here()
        return TensorRtEngine(engine_for(path, bindings), bindings, device_memory=device_memory)
    platform = read_sidecar(path).platform
    bindings = bindings_here(platform.flavour if platform is not None else None)
    return TensorRtEngine(path, bindings, device_memory=device_memory)


def hindrance() -> str | None:
    """Why TensorRT cannot be tried here, a GPU or not: it or a package for memory is missing."""
    try:
        import_tensorrt()
    except EngineError as error:
        return str(error)
    return None if installed() else "neither cuda-python nor pycuda can be imported"
