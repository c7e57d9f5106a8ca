"""The driver is asked, through its stand-in."""

from __future__ import annotations

import pytest

from tests.conftest import FakeDriver
from vader_rt.engines.trt.driver import Device, driver_cuda_version, find_device, free_memory
from vader_rt.errors import EngineError


def test_the_gpu_is_named(driver: FakeDriver) -> None:
    assert find_device() == Device("Fake GPU", "sm_87")
    assert driver_cuda_version() == (13, 0)


def test_memory_is_asked_and_nothing_is_left(driver: FakeDriver) -> None:
    free, total = free_memory()
    assert 0 < free <= total == 1 << 30
    driver.fail("cuMemGetInfo_v2", 2)
    with pytest.raises(EngineError, match="cuMemGetInfo_v2: 2, out of memory"):
        free_memory()
    assert (driver.counts["contexts"], driver.counts["pushed"]) == (0, 0)


@pytest.mark.parametrize("function", ["cuInit", "cuDeviceGet"])
def test_the_drivers_words_are_kept(driver: FakeDriver, function: str) -> None:
    driver.fail(function, 999)
    with pytest.raises(EngineError, match=rf"{function}: 999, a failure of the stand-in"):
        find_device()


def test_a_driver_without_a_gpu(driver: FakeDriver) -> None:
    driver.reset(devices=0)
    with pytest.raises(EngineError, match="no CUDA-capable device is detected"):
        find_device()


def test_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vader_rt.engines.trt.driver.DRIVER", "libcuda-that-is-nowhere.so.1")
    with pytest.raises(EngineError, match=r"no NVIDIA driver is installed \(libcuda-that"):
        find_device()
