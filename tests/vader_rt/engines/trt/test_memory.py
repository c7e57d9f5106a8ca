"""Memory and copies through the bindings, over a stand-in of NVIDIA's driver."""

from __future__ import annotations

import sys
import threading
from types import ModuleType

import numpy as np
import pytest

from tests.conftest import FakeDriver
from vader_rt.engines.trt.memory import MEMORY_PACKAGES, Buffer, GpuMemory, MemoryPackage, installed
from vader_rt.errors import EngineError

NOTHING = dict.fromkeys(("contexts", "pushed", "buffers", "pinned", "streams"), 0)


@pytest.fixture(params=MEMORY_PACKAGES)
def binding(
    request: pytest.FixtureRequest, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> MemoryPackage:
    """cuda-python as it is; a stand-in of pycuda, which needs CUDA's toolkit to install."""
    if request.param == "cuda-python":
        pytest.importorskip("cuda.bindings.driver", reason="needs pip install cuda-python")
        return request.param
    import tests.standins.pycuda

    monkeypatch.setitem(sys.modules, "pycuda", ModuleType("pycuda"))
    monkeypatch.setitem(sys.modules, "pycuda.driver", tests.standins.pycuda)
    return request.param


def alive(driver: FakeDriver) -> dict[str, int]:
    return {name: driver.counts[name] for name in NOTHING}


def test_what_goes_up_comes_down(binding: MemoryPackage, driver: FakeDriver) -> None:
    sent = np.random.default_rng(0).random((2, 3, 4), np.float32)
    with GpuMemory(binding) as memory:
        buffer = memory.allocate((2, 3, 4))
        assert buffer.host.dtype == np.float32
        buffer.host[:] = sent
        with memory.active():
            memory.upload(buffer)
            memory.synchronize()
            buffer.host[:] = 0
            memory.download(buffer)
            assert not buffer.host.any()  # nothing is there before it is waited for
            memory.synchronize()
        assert (buffer.host == sent).all()
        assert alive(driver) == {
            "contexts": 1,
            "pushed": 0,
            "buffers": 1,
            "pinned": 1,
            "streams": 1,
        }
        assert (driver.counts["to_device"], driver.counts["to_host"]) == (1, 1)
    assert alive(driver) == NOTHING
    memory.close()
    assert alive(driver) == NOTHING


def test_it_is_usable_from_any_thread(binding: MemoryPackage, driver: FakeDriver) -> None:
    memory = GpuMemory(binding)
    buffers = [memory.allocate((8,), np.uint8)]

    def elsewhere() -> None:
        buffers.append(memory.allocate((4,)))
        upload(memory, buffers[0])
        memory.close()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert len(buffers) == 2
    assert alive(driver) == NOTHING


@pytest.mark.parametrize("function", ["cuInit", "cuDeviceGet", "cuDevicePrimaryCtxRetain"])
def test_a_gpu_that_does_not_start(
    binding: MemoryPackage, driver: FakeDriver, function: str
) -> None:
    driver.fail(function, 999)
    with pytest.raises(EngineError, match="a failure of the stand-in"):
        GpuMemory(binding)
    assert alive(driver) == NOTHING


def test_a_stream_that_is_not_made(binding: MemoryPackage, driver: FakeDriver) -> None:
    driver.fail("cuStreamCreate", 999)
    with pytest.raises(EngineError, match="Stream"):
        GpuMemory(binding)
    assert alive(driver) == NOTHING


@pytest.mark.parametrize("function", ["cuMemAlloc_v2", "cuMemHostAlloc"])
def test_out_of_memory(binding: MemoryPackage, driver: FakeDriver, function: str) -> None:
    memory = GpuMemory(binding)
    memory.allocate((4,))
    driver.fail(function, 2)
    with pytest.raises(EngineError, match=r"out of memory; close what else uses the GPU"):
        memory.allocate((4,))
    memory.close()
    assert alive(driver) == NOTHING


def test_what_was_started_is_waited_for(binding: MemoryPackage, driver: FakeDriver) -> None:
    with GpuMemory(binding) as memory, memory.active():
        memory.upload(memory.allocate((4,)))
    assert alive(driver) == NOTHING


def upload(memory: GpuMemory, buffer: Buffer) -> None:
    with memory.active():
        memory.upload(buffer)
        memory.synchronize()


@pytest.mark.parametrize("function", ["cuStreamSynchronize", "cuMemcpyHtoDAsync_v2"])
def test_failures_on_the_stream(binding: MemoryPackage, driver: FakeDriver, function: str) -> None:
    with GpuMemory(binding) as memory:
        buffer = memory.allocate((4,))
        driver.fail(function, 719)
        with pytest.raises(EngineError, match="unspecified launch failure"):
            upload(memory, buffer)
        upload(memory, buffer)
    assert alive(driver) == NOTHING


@pytest.mark.parametrize(
    ("function", "left"),
    [
        ("cuMemFree_v2", {"buffers": 1}),
        ("cuMemFreeHost", {"pinned": 1}),
        ("cuDevicePrimaryCtxRelease_v2", {"contexts": 1}),
    ],
)
def test_one_failure_to_free_does_not_keep_the_rest(
    binding: MemoryPackage, driver: FakeDriver, function: str, left: dict[str, int]
) -> None:
    memory = GpuMemory(binding)
    for _ in range(2):
        memory.allocate((4,))
    driver.fail(function, 719)
    memory.close()
    assert alive(driver) == {**NOTHING, **left}


def test_bindings_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cuda.bindings.driver", "pycuda.driver", "pycuda"):
        monkeypatch.setitem(sys.modules, name, None)
    assert installed() is None
    with pytest.raises(EngineError, match=r"pip install 'vader-rt\[tensorrt\]'") as caught:
        GpuMemory()
    assert "cuda-python cannot be imported" in str(caught.value)
    assert "pycuda cannot be imported" in str(caught.value)
    with pytest.raises(EngineError, match=r"^--device-memory pycuda: "):
        GpuMemory("pycuda")
