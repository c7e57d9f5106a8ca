"""The GPU as the NVIDIA driver describes it; asked without CUDA's toolkit or a Python package.

Run against a stand-in of the driver (`tests/standins/cuda.c`), not on a GPU yet.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from vader_rt.errors import EngineError

DRIVER = "libcuda.so.1"
_MAJOR, _MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""


@dataclass(frozen=True)
class Device:
    """A GPU. name: as the driver calls it; compute_capability: for example `sm_87`."""

    name: str
    compute_capability: str


def find_device() -> Device:
    """Return the first GPU that CUDA shows; `CUDA_VISIBLE_DEVICES` chooses among several.

    Raises:
        EngineError: there is no driver or no GPU, in the driver's words.
    """
    driver = _driver()
    _ask(driver, "cuInit", 0)
    ordinal, name = ctypes.c_int(), ctypes.create_string_buffer(256)
    _ask(driver, "cuDeviceGet", ctypes.byref(ordinal), 0)
    _ask(driver, "cuDeviceGetName", name, len(name), ordinal)
    major, minor = (_attribute(driver, number, ordinal) for number in (_MAJOR, _MINOR))
    return Device(name.value.decode(errors="replace"), f"sm_{major}{minor}")


def hindrance() -> str | None:
    """Why nothing can run on a GPU here, in the driver's words; None where there is one."""
    try:
        find_device()
    except EngineError as error:
        return str(error)
    return None


def driver_cuda_version() -> tuple[int, int]:
    """The newest CUDA that the driver knows, for example (12, 8).

    Raises:
        EngineError: there is no driver.
    """
    version = ctypes.c_int()
    _ask(_driver(), "cuDriverGetVersion", ctypes.byref(version))
    return version.value // 1000, version.value % 1000 // 10


def free_memory() -> tuple[int, int]:
    """Free and total memory of the first GPU, in bytes.

    Raises:
        EngineError: there is no driver or no GPU.
    """
    driver = _driver()
    _ask(driver, "cuInit", 0)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    context = ctypes.c_void_p()
    _ask(driver, "cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
    try:
        _ask(driver, "cuCtxPushCurrent_v2", context)
        try:
            _ask(driver, "cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        finally:
            _ask(driver, "cuCtxPopCurrent_v2", ctypes.byref(context))
    finally:
        _ask(driver, "cuDevicePrimaryCtxRelease_v2", 0)
    return free.value, total.value


def _driver() -> ctypes.CDLL:
    try:
        return ctypes.CDLL(DRIVER)
    except OSError as error:
        raise EngineError(f"no NVIDIA driver is installed ({error})") from None


def _attribute(driver: ctypes.CDLL, number: int, ordinal: ctypes.c_int) -> int:
    value = ctypes.c_int()
    _ask(driver, "cuDeviceGetAttribute", ctypes.byref(value), number, ordinal)
    return value.value


def _ask(driver: ctypes.CDLL, function: str, *arguments: object) -> None:
    code = getattr(driver, function)(*arguments)
    if code:
        text = ctypes.c_char_p()
        driver.cuGetErrorString(code, ctypes.byref(text))
        words = text.value.decode() if text.value else "unknown error"
        raise EngineError(f"the NVIDIA driver finds no usable GPU ({function}: {code}, {words})")
