"""Features on a GPU: OpenCV's CUDA sources computed on the CPU, in the engine's own memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

import tests.standins.cv2_cuda
import vader_rt
from tests.conftest import FakeDriver
from train.calls import Call
from vader_rt.engines.engine import IN_PLACE
from vader_rt.features import opencv_cuda
from vader_rt.features.extractor import CpuExtractor, extractor_for
from vader_rt.features.opencv_cuda import (
    ON_GPU,
    CudaExtractor,
    difference,
    hindrance,
)
from vader_rt.features.planes import InputPlanes, StaticPlanes
from vader_rt.io.images import shrunk
from vader_rt.io.video import open_video

WH = (160, 96)


@pytest.fixture
def opencv(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The stand-in of `cv2.cuda`."""
    fake = tests.standins.cv2_cuda
    monkeypatch.setattr(cv2, "cuda", fake)
    yield fake
    fake.broken.clear()
    fake.devices = 1


class Memory:
    """An engine's input in memory, as an engine shows it."""

    def __init__(self, planes: InputPlanes) -> None:
        self.input = np.full_like(planes.buffer, np.nan)
        self.planes_address = self.input.ctypes.data
        self.contract = SimpleNamespace(inputs=tuple(planes.slices))

    def run(self, planes: np.ndarray) -> np.ndarray:
        if planes is not IN_PLACE:
            self.input[:] = planes
        return self.input[0].copy()


def person() -> np.ndarray:
    """A person in the middle: what the frame shows there does not matter."""
    shape = np.outer(np.hanning(WH[1]), np.hanning(WH[0]))
    return np.rint(shape * 255).astype(np.uint8)


@pytest.fixture
def frames(frames: list[np.ndarray]) -> list[np.ndarray]:
    """Frames at the model's size."""
    return [shrunk(frame, WH) for frame in frames]


GROUPS = ("virtual", "edge", "person", "frame", "dog")


def planes(groups: tuple[str, ...] = GROUPS) -> InputPlanes:
    virtual = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    return InputPlanes(groups, WH, StaticPlanes(virtual=virtual))


def test_the_engines_input_is_that_of_the_cpu(
    opencv: ModuleType, frames: list[np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vader_rt")
    cpu, ours, engine = planes(), planes(), Memory(planes())
    made = extractor_for(engine)
    assert isinstance(made, CudaExtractor)
    for index, frame in enumerate(frames[:5]):
        tensor = made.extract(ours, frame, person)
        assert (tensor is IN_PLACE) == (index > 0)
        found, wanted = engine.run(tensor), cpu.fill(frame, person())[0]
        groups = {group: (found[where], wanted[where]) for group, where in cpu.slices.items()}
        assert (groups["virtual"][0] == groups["virtual"][1]).all()
        # one float32 multiplication by 1/255, and one with a sum
        np.testing.assert_allclose(*groups["person"], atol=1e-6)
        own = {group: groups[group] for group in ON_GPU}
        found_own, wanted_own = ({g: pair[i] for g, pair in own.items()} for i in (0, 1))
        assert difference(found_own, wanted_own) is None
    assert made.name == "opencv-cuda"
    assert [m.split(",")[0] for m in caplog.messages] == ["features on the GPU"]


def test_only_what_the_model_asks_for(opencv: ModuleType, frames: list[np.ndarray]) -> None:
    for groups in (("edge",), ("frame",), ("dog", "virtual")):
        ours, engine = planes(groups), Memory(planes(groups))
        made = extractor_for(engine)
        for _ in range(2):
            found = engine.run(made.extract(ours, frames[0], person))
        assert made.name == "opencv-cuda"
        # tolerances are tested above: here, that every plane is in its place
        assert np.abs(found - planes(groups).fill(frames[0])[0]).mean() < 0.02
    assert isinstance(extractor_for(Memory(planes(("virtual",)))), CpuExtractor)


@pytest.mark.parametrize("function", ["upload", "detect", "apply", "split"])
def test_a_failure_is_announced_and_the_cpu_goes_on(
    function: str,
    opencv: ModuleType,
    frames: list[np.ndarray],
    caplog: pytest.LogCaptureFixture,
) -> None:
    ours, engine = planes(), Memory(planes())
    for fails_at in (0, 2):
        made = CudaExtractor(engine.planes_address)
        for index, frame in enumerate(frames[:4]):
            if index == fails_at:
                opencv.broken.add(function)
            found = engine.run(made.extract(ours, frame, person))
        opencv.broken.clear()
        assert made.name == "cpu"
        assert (found == planes().fill(frames[3], person())[0]).all()
    assert len(caplog.messages) == 2
    assert "features on the CPU from here on: OpenCV's CUDA failed (" in caplog.messages[0]
    assert "\n" not in caplog.messages[0]


def test_an_opencv_that_lacks_a_name(
    opencv: ModuleType,
    frames: list[np.ndarray],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(opencv, "createGpuMatFromCudaMemory")
    ours, engine = planes(), Memory(planes())
    made = extractor_for(engine)
    assert (engine.run(made.extract(ours, frames[0], person)) == ours.buffer[0]).all()
    assert made.name == "cpu"
    assert "createGpuMatFromCudaMemory" in caplog.text


def test_a_segmenter_that_fails_is_not_opencvs_fault(
    opencv: ModuleType, frames: list[np.ndarray]
) -> None:
    ours, engine = planes(), Memory(planes())
    made = extractor_for(engine)
    made.extract(ours, frames[0], person)
    with pytest.raises(AttributeError, match="no mask"):
        made.extract(ours, frames[1], broken_segmenter)
    assert made.name == "opencv-cuda"


def broken_segmenter() -> np.ndarray:
    raise AttributeError("no mask")


@pytest.mark.parametrize(
    ("plane", "words"), [(5, "makes frame otherwise"), (3, "makes edge"), (8, "makes dog")]
)
def test_planes_beyond_the_tolerance_are_refused(
    plane: int,
    words: str,
    opencv: ModuleType,
    frames: list[np.ndarray],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if OpenCV wrote elsewhere: the engine's memory is not what it should be."""
    engine = Memory(planes())
    finish = opencv_cuda._GpuFeatures.finish

    def spoiled(self: object) -> None:
        finish(self)
        engine.input[0, plane] = 1 - engine.input[0, plane]

    monkeypatch.setattr(opencv_cuda._GpuFeatures, "finish", spoiled)
    ours, made = planes(), CudaExtractor(engine.planes_address)
    for frame in frames[:2]:
        found = engine.run(made.extract(ours, frame, person))
        assert (found == planes().fill(frame, person())[0]).all()
    assert made.name == "cpu"
    assert words in caplog.text


def test_nan_is_refused() -> None:
    wanted = {"frame": np.zeros((3, 4, 4)), "edge": np.zeros((1, 4, 4)), "dog": np.zeros((1, 4, 4))}
    for group in wanted:
        found = {g: v.copy() for g, v in wanted.items()}
        assert difference(found, wanted) is None
        found[group][:] = np.nan
        assert f"makes {group}" in str(difference(found, wanted))


def test_where_it_is_not_taken(
    opencv: ModuleType, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "vader_rt")
    engine = Memory(planes())
    elsewhere = SimpleNamespace(contract=engine.contract)
    assert isinstance(extractor_for(elsewhere), CpuExtractor)
    assert isinstance(extractor_for(engine, cpu=True), CpuExtractor)
    assert not caplog.messages
    opencv.devices = 0
    assert isinstance(extractor_for(engine), CpuExtractor)
    monkeypatch.setattr(cv2, "cuda", SimpleNamespace(getCudaEnabledDeviceCount=lambda: 1))
    assert "built without CUDA's image processing" in str(hindrance())
    assert isinstance(extractor_for(engine), CpuExtractor)
    assert all(m.startswith("features on the CPU: ") for m in caplog.messages)
    assert len(caplog.messages) == 2


def test_planes_of_the_call_may_change(opencv: ModuleType, frames: list[np.ndarray]) -> None:
    """Scenes take turns, and a looping video moves on: what lies there is never another's."""
    scenes = [planes(), planes()]
    scenes[1]._put("virtual", np.full((96, 160, 3), 77, np.uint8))
    engine = Memory(scenes[0])
    made = CudaExtractor(engine.planes_address)
    in_place = []
    for index, scene in enumerate([0, 0, 1, 1, 0, 0, 0, 0]):
        if index == 6:
            scenes[0]._put("virtual", np.full((96, 160, 3), 11, np.uint8))
        tensor = made.extract(scenes[scene], frames[index], person)
        in_place.append(tensor is IN_PLACE)
        found = engine.run(tensor)
        wanted = scenes[scene].fill(frames[index], person())[0]
        assert (found[:3] == wanted[:3]).all()
        # tolerances are tested above: here, that every plane is this frame's
        assert np.abs(found - wanted).mean() < 0.005
    assert in_place == [False, True, False, True, False, True, False, True]


def test_the_installed_opencv_is_asked_safely() -> None:
    """With PyPI's wheel, in which other questions end the process."""
    if hasattr(cv2.cuda, "createCannyEdgeDetector"):
        pytest.skip("this OpenCV has CUDA")
    assert "built without CUDA" in str(hindrance())


def test_a_call_on_a_gpu(
    trt: ModuleType,
    driver: FakeDriver,
    opencv: ModuleType,
    untrained: dict[str, Path],
    frames: list[np.ndarray],
) -> None:
    """The whole path: TensorRT's place taken, its input written by OpenCV's CUDA."""
    frames = frames[::3]
    results = {}
    for cpu_features in (True, False):
        before = driver.counts["to_device"]
        result = vader_rt.reconstruct(
            frames,
            engine="tensorrt",
            model=untrained["frame"],
            threads=1,
            restore=False,
            cpu_features=cpu_features,
        )
        results[result.report["features"]] = result
        # without: a copy for every frame, in both passes; with: one in the second pass
        saved = 0 if cpu_features else len(frames) - 1
        assert driver.counts["to_device"] - before == 2 + 2 * len(frames) - saved
    cpu, gpu = (results[name].background.astype(int) for name in ("cpu", "opencv-cuda"))
    assert np.abs(cpu - gpu).mean() < 2


@pytest.mark.slow
def test_the_score_does_not_move(trt: ModuleType, opencv: ModuleType, sample: Call) -> None:
    """The sample call with the shipped models: 0.3196 and 0.3193 when this was written."""
    frames = list(open_video(sample.video).frames())
    scores = []
    for cpu_features in (True, False):
        result = vader_rt.reconstruct(
            frames,
            engine="tensorrt",
            truth=sample.room,
            mask=sample.mask,
            cpu_features=cpu_features,
        )
        scores.append(result.scores.challenge)
    assert scores[0] == pytest.approx(scores[1], abs=2e-3)
    assert scores[0] != scores[1]
