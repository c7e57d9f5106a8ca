"""As much of `pycuda.driver` as the runtime uses, over the stand-in of the driver.

pycuda installs only where CUDA's toolkit is. Names, arguments and results are those of pycuda
2026.1 (`src/wrapper/wrap_cudadrv.cpp`); what pycuda does beyond the driver's calls is not here.
"""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import numpy as np

_cuda = ctypes.CDLL("libcuda.so.1")


class Error(Exception):
    pass


class LogicError(Error):
    pass


def _ask(function: str, *arguments: object) -> None:
    code = getattr(_cuda, function)(*arguments)
    if code:
        text = ctypes.c_char_p()
        _cuda.cuGetErrorString(code, ctypes.byref(text))
        assert text.value is not None
        raise LogicError(f"{function} failed: {text.value.decode()}")


def init() -> None:
    _ask("cuInit", 0)


class Context:
    def __init__(self, handle: int) -> None:
        self.handle = handle

    def push(self) -> None:
        _ask("cuCtxPushCurrent_v2", ctypes.c_void_p(self.handle))

    @staticmethod
    def pop() -> None:
        _ask("cuCtxPopCurrent_v2", None)

    def detach(self) -> None:
        current = ctypes.c_void_p()
        _ask("cuCtxGetCurrent", ctypes.byref(current))
        if current.value == self.handle:  # else pycuda releases it in the thread that made it only
            _ask("cuDevicePrimaryCtxRelease_v2", 0)


class Device:
    def __init__(self, ordinal: int) -> None:
        _ask("cuDeviceGet", ctypes.byref(ctypes.c_int()), ordinal)

    def retain_primary_context(self) -> Context:
        context = ctypes.c_void_p()
        _ask("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
        assert context.value is not None
        return Context(context.value)


class DeviceAllocation:
    def __init__(self, size: int) -> None:
        self._address = ctypes.c_uint64()
        _ask("cuMemAlloc_v2", ctypes.byref(self._address), ctypes.c_size_t(size))

    def __int__(self) -> int:
        return self._address.value

    def free(self) -> None:
        _ask("cuMemFree_v2", self._address)


mem_alloc = DeviceAllocation


def pagelocked_empty(size: int, dtype: type) -> np.ndarray:
    address = ctypes.c_void_p()
    count = ctypes.c_size_t(size * np.dtype(dtype).itemsize)
    _ask("cuMemHostAlloc", ctypes.byref(address), count, 0)
    assert address.value is not None
    allocation = SimpleNamespace(
        free=lambda: _ask("cuMemFreeHost", address),
        __array_interface__={
            "shape": (size,),
            "typestr": np.dtype(dtype).str,
            "data": (address.value, False),
            "version": 3,
        },
    )
    return np.asarray(allocation)


class Stream:
    handle = 0

    def __init__(self) -> None:
        stream = ctypes.c_void_p()
        _ask("cuStreamCreate", ctypes.byref(stream), 0)
        assert stream.value is not None
        self.handle = stream.value

    def synchronize(self) -> None:
        _ask("cuStreamSynchronize", ctypes.c_void_p(self.handle))

    def __del__(self) -> None:
        if self.handle:
            _ask("cuStreamDestroy_v2", ctypes.c_void_p(self.handle))


def _copied(function: str, a: object, b: object, array: np.ndarray, stream: Stream) -> None:
    size, handle = ctypes.c_size_t(array.nbytes), ctypes.c_void_p(stream.handle)
    _ask(function, a, b, size, handle)


def memcpy_htod_async(dest: int, src: np.ndarray, stream: Stream) -> None:
    source = ctypes.c_void_p(src.ctypes.data)
    _copied("cuMemcpyHtoDAsync_v2", ctypes.c_uint64(dest), source, src, stream)


def memcpy_dtoh_async(dest: np.ndarray, src: int, stream: Stream) -> None:
    target = ctypes.c_void_p(dest.ctypes.data)
    _copied("cuMemcpyDtoHAsync_v2", target, ctypes.c_uint64(src), dest, stream)
