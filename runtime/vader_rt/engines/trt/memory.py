"""Memory, copies and a stream on the GPU, over `cuda-python` or `pycuda`, whichever is installed.

Run with cuda-python's real module over a stand-in of NVIDIA's driver (`tests/standins/cuda.c`).
With pycuda, which installs only beside CUDA's toolkit, the tests take a stand-in of its module too;
once it was compiled and run over the same driver. Neither has run on a GPU yet.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from vader_rt.engines.trt.driver import DRIVER
from vader_rt.errors import EngineError

log = logging.getLogger(__name__)

MemoryPackage = Literal["cuda-python", "pycuda"]
MEMORY_PACKAGES: tuple[MemoryPackage, ...] = ("cuda-python", "pycuda")


class Driver(Protocol):
    """What is used of CUDA's driver, the same over every binding; addresses are integers.

    Everything but `push` wants the context to be current in the calling thread. Each raises
    EngineError with the driver's words.
    """

    def push(self) -> None:
        """Make the primary context of the first GPU current in this thread."""

    def pop(self) -> None:
        """Undo the last `push`."""

    def release(self) -> None:
        """Give the primary context back."""

    def allocate(self, size: int) -> tuple[int, Callable[[], None]]:
        """Allocate bytes on the GPU: their address, and what frees them."""
        ...

    def allocate_pinned(self, size: int) -> tuple[np.ndarray, Callable[[], None]]:
        """Allocate bytes on the host that stay in place: (size,) uint8, and what frees them."""
        ...

    def create_stream(self) -> tuple[Any, int, Callable[[], None]]:
        """Create a stream: the binding's object, its address, and what frees it."""
        ...

    def upload(self, address: int, host: np.ndarray, stream: Any) -> None:
        """Put a copy from pinned memory to the GPU on the stream."""

    def download(self, host: np.ndarray, address: int, stream: Any) -> None:
        """Put a copy from the GPU to pinned memory on the stream."""

    def synchronize(self, stream: Any) -> None:
        """Wait for what is on the stream."""


@dataclass(frozen=True)
class Buffer:
    """Memory for one tensor: `host`, pinned, and as much on the GPU at `address`."""

    host: np.ndarray
    address: int


class GpuMemory:
    """One stream on the first GPU with its buffers; a context manager that frees all of it.

    Usable from any thread, from one at a time.

    Args:
        binding: the package to use; None takes the one that is installed.

    Raises:
        EngineError: there is none, or no GPU.
    """

    def __init__(self, binding: MemoryPackage | None = None) -> None:
        self._driver = _open(binding)
        self._stream: Any = None
        self._owned = ExitStack()
        self._owned.callback(_logged, self._driver.release)
        try:
            with self.active():
                self._stream, self.stream_address, free = self._driver.create_stream()
        except BaseException:
            self.close()
            raise
        self._owned.callback(self._freed, free)

    def allocate(self, shape: tuple[int, ...], dtype: Any = np.float32) -> Buffer:
        """Allocate a tensor on the host and on the GPU."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        with self.active():
            raw, free_pinned = self._driver.allocate_pinned(size)
            self._owned.callback(self._freed, free_pinned)
            address, free = self._driver.allocate(size)
            self._owned.callback(self._freed, free)
        return Buffer(raw.view(dtype).reshape(shape), address)

    def upload(self, buffer: Buffer) -> None:
        """Start the copy of a buffer to the GPU; wants `active`."""
        self._driver.upload(buffer.address, buffer.host, self._stream)

    def download(self, buffer: Buffer) -> None:
        """Start the copy of a buffer from the GPU; its `host` is valid after `synchronize`."""
        self._driver.download(buffer.host, buffer.address, self._stream)

    def synchronize(self) -> None:
        """Wait for all that was started; wants `active`."""
        self._driver.synchronize(self._stream)

    @contextmanager
    def active(self) -> Iterator[None]:
        """The GPU's context is current in this thread."""
        self._driver.push()
        try:
            yield
        finally:
            self._driver.pop()

    def close(self) -> None:
        """Wait for what was started and free everything; may be called twice."""
        if self._stream is not None:
            self._freed(self.synchronize)
            self._stream = None
        self._owned.close()

    def __enter__(self) -> GpuMemory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _freed(self, free: Callable[[], None]) -> None:
        """Free one thing; after a failed launch that fails too, and the rest must still go."""

        def freed() -> None:
            with self.active():
                free()

        _logged(freed)


def _logged(free: Callable[[], None]) -> None:
    try:
        free()
    except EngineError as error:
        log.debug("not freed: %s", error)


def installed() -> MemoryPackage | None:
    """The binding that `GpuMemory` would take, None where there is none."""
    for binding in MEMORY_PACKAGES:
        try:
            _import(binding)
        except ImportError:
            continue
        return binding
    return None


def _import(binding: MemoryPackage) -> Any:
    return importlib.import_module(_MODULES[binding])


def _open(binding: MemoryPackage | None) -> Driver:
    reasons = []
    for name in MEMORY_PACKAGES if binding is None else (binding,):
        try:
            module = _import(name)
        except ImportError as error:
            reasons.append(f"{name} cannot be imported ({error})")
            continue
        try:
            return _DRIVERS[name](module)
        except RuntimeError as error:  # cuda-python's, where the driver's library is missing
            raise EngineError(f"{name}: {' '.join(str(error).split())}") from None
    option = "" if binding is None else f"--device-memory {binding}: "
    raise EngineError(f"{option}{'; '.join(reasons)}; pip install 'vader-rt[tensorrt]'")


def _failure(what: str, words: str) -> EngineError:
    advice = ""
    if "memory" in words.lower():
        advice = "; close what else uses the GPU, or take another --engine"
    return EngineError(f"the GPU failed at {what}: {words}{advice}")


class _CudaPython:
    """`cuda.bindings.driver`: functions that return (error, values…)."""

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda
        self._ask("cuInit", 0)
        self._device = self._ask("cuDeviceGet", 0)
        self._context = self._ask("cuDevicePrimaryCtxRetain", self._device)

    def push(self) -> None:
        self._ask("cuCtxPushCurrent", self._context)

    def pop(self) -> None:
        self._ask("cuCtxPopCurrent")

    def release(self) -> None:
        self._ask("cuDevicePrimaryCtxRelease", self._device)

    def allocate(self, size: int) -> tuple[int, Callable[[], None]]:
        pointer = self._ask("cuMemAlloc", size)
        return int(pointer), lambda: self._ask("cuMemFree", pointer)

    def allocate_pinned(self, size: int) -> tuple[np.ndarray, Callable[[], None]]:
        address = self._ask("cuMemHostAlloc", size, 0)
        memory = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))
        return memory, lambda: self._ask("cuMemFreeHost", address)

    def create_stream(self) -> tuple[Any, int, Callable[[], None]]:
        stream = self._ask("cuStreamCreate", 0)
        return stream, int(stream), lambda: self._ask("cuStreamDestroy", stream)

    def upload(self, address: int, host: np.ndarray, stream: Any) -> None:
        self._ask("cuMemcpyHtoDAsync", address, host.ctypes.data, host.nbytes, stream)

    def download(self, host: np.ndarray, address: int, stream: Any) -> None:
        self._ask("cuMemcpyDtoHAsync", host.ctypes.data, address, host.nbytes, stream)

    def synchronize(self, stream: Any) -> None:
        self._ask("cuStreamSynchronize", stream)

    def _ask(self, function: str, *arguments: Any) -> Any:
        code, *values = getattr(self._cuda, function)(*arguments)
        if int(code):
            _, words = self._cuda.cuGetErrorString(code)
            text = words.decode() if words else "unknown error"
            raise _failure(f"{function} ({int(code)})", text)
        return values[0] if values else None


class _PyCuda:
    """`pycuda.driver`: objects that free what they hold, and exceptions."""

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda
        with self._words("init"):
            cuda.init()
            self._context = cuda.Device(0).retain_primary_context()

    def push(self) -> None:
        with self._words("Context.push"):
            self._context.push()

    def pop(self) -> None:
        with self._words("Context.pop"):
            self._cuda.Context.pop()

    def release(self) -> None:
        # pycuda's detach releases a primary context only where it is current, and leaves it so;
        # what would use this thread's context next would find one that is gone
        handle = self._context.handle
        self.push()
        try:
            with self._words("Context.detach"):
                self._context.detach()
        finally:
            _pop_if_current(handle)

    def allocate(self, size: int) -> tuple[int, Callable[[], None]]:
        with self._words("mem_alloc"):
            memory = self._cuda.mem_alloc(size)
        return int(memory), lambda: self._free("mem_alloc.free", memory.free)

    def allocate_pinned(self, size: int) -> tuple[np.ndarray, Callable[[], None]]:
        with self._words("pagelocked_empty"):
            memory = self._cuda.pagelocked_empty(size, np.uint8)
        return memory, lambda: self._free("pagelocked.free", memory.base.free)

    def create_stream(self) -> tuple[Any, int, Callable[[], None]]:
        with self._words("Stream"):
            held = [self._cuda.Stream()]
        return held[0], held[0].handle, lambda: self._free("Stream", held.clear)

    def upload(self, address: int, host: np.ndarray, stream: Any) -> None:
        with self._words("memcpy_htod_async"):
            self._cuda.memcpy_htod_async(address, host, stream)

    def download(self, host: np.ndarray, address: int, stream: Any) -> None:
        with self._words("memcpy_dtoh_async"):
            self._cuda.memcpy_dtoh_async(host, address, stream)

    def synchronize(self, stream: Any) -> None:
        with self._words("Stream.synchronize"):
            stream.synchronize()

    def _free(self, what: str, free: Callable[[], None]) -> None:
        with self._words(what):
            free()

    @contextmanager
    def _words(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._cuda.Error as error:
            raise _failure(what, " ".join(str(error).split())) from None


def _pop_if_current(context: int) -> None:
    driver, current = ctypes.CDLL(DRIVER), ctypes.c_void_p()
    driver.cuCtxGetCurrent(ctypes.byref(current))
    if current.value == context:
        driver.cuCtxPopCurrent_v2(ctypes.byref(current))


_MODULES: dict[MemoryPackage, str] = {
    "cuda-python": "cuda.bindings.driver",
    "pycuda": "pycuda.driver",
}
_DRIVERS: dict[MemoryPackage, Callable[[Any], Driver]] = {
    "cuda-python": _CudaPython,
    "pycuda": _PyCuda,
}
