"""What tests share: the bundled sample call, short clips of it, and models."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType

import cv2
import lightning
import numpy as np
import pytest
import torch

from train.calls import Call, read_calls
from train.module import JudgeModule, LeakModule, RestoreModule
from vader_rt.io.video import VideoWriter

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "tests" / "data" / "sample"
SMALL_WH, TINY_WH = (320, 180), (160, 90)
NETWORK_WH = (160, 96)
LOOK = ["look", "look_leak", "look_matte", "look_residual"]
INPUTS = ["frame", "virtual", "trace", "occupancy", "edge", "dog", "person", *LOOK]

# where it is set, programs do not hold back what they print, and those of users do
os.environ.pop("PYTHONUNBUFFERED", None)


@pytest.fixture(scope="session")
def sample() -> Call:
    """The bundled sample call."""
    return read_calls(SAMPLE)[0]


@pytest.fixture(scope="session")
def frames(sample: Call) -> list[np.ndarray]:
    """Every sixth frame of the sample, 20 in all, at 320×180."""
    from vader_rt.io.video import open_video

    chosen = islice(open_video(sample.video).frames(), 0, None, 6)
    return [cv2.resize(f, SMALL_WH, interpolation=cv2.INTER_AREA) for f in chosen]


@pytest.fixture(scope="session")
def clip(frames: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frames of `frames` as a video."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, size_wh=SMALL_WH, crf=18) as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="session")
def small_virtual(sample: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The virtual image of `frames`."""
    path = tmp_path_factory.mktemp("virtual") / "waves.png"
    picture = cv2.imread(str(sample.virtual))
    cv2.imwrite(str(path), cv2.resize(picture, SMALL_WH, interpolation=cv2.INTER_AREA))
    return path


@pytest.fixture(scope="session")
def small_calls(clip: Path, sample: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip as a call in the VADER layout."""
    folder = tmp_path_factory.mktemp("small")
    for part, source in (("backgrounds", sample.room), ("masks", sample.mask)):
        (folder / part).mkdir()
        picture = cv2.imread(str(source), cv2.IMREAD_UNCHANGED)
        small = cv2.resize(picture, SMALL_WH, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / part / source.name), small)
    (folder / "videos").mkdir()
    shutil.copy(clip, folder / "videos" / sample.video.name)
    return folder


@pytest.fixture(scope="session")
def tiny_calls(sample: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every 15th frame of the sample at 160×90, 8 in all: a call in the VADER layout with truth."""
    folder = tmp_path_factory.mktemp("tiny")
    tiny = Call(folder, sample.name)
    pictures = [(sample.room, tiny.room), (sample.mask, tiny.mask), (sample.virtual, tiny.virtual)]
    for source, path in pictures:
        path.parent.mkdir()
        picture = cv2.imread(str(source), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), cv2.resize(picture, TINY_WH, interpolation=cv2.INTER_AREA))
    tiny.video.parent.mkdir()
    _write_tiny(sample.video, tiny.video, crf=18)
    for kind in ("matte", "person"):
        _write_tiny(sample.truth(kind), tiny.truth(kind), crf=12)
    return folder


def _write_tiny(video: Path, path: Path, crf: int) -> None:
    from vader_rt.io.video import open_video

    with VideoWriter(path, size_wh=TINY_WH, crf=crf) as writer:
        for frame in islice(open_video(video).frames(), 0, None, 15):
            writer.write(cv2.resize(frame, TINY_WH, interpolation=cv2.INTER_AREA))


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models as in `untrained`, at 96×64."""
    from export.to_onnx import to_onnx

    folder = tmp_path_factory.mktemp("tiny_models")
    torch.manual_seed(0)
    modules = {
        "frame": LeakModule("leaknet", INPUTS, (96, 64)),
        "restore": RestoreModule(size_wh=(96, 64)),
        "judge": JudgeModule(size_wh=(96, 64)),
        "copies": LeakModule("unet", ["frame", "edge", "dog"], (96, 64), loss="combined"),
    }
    return {
        name: to_onnx(save_checkpoint(module, folder / f"{name}.ckpt"), folder / f"{name}.onnx")
        for name, module in modules.items()
    }


def in_threads(work: Callable[[int], None], count: int = 3) -> None:
    """Run work(0), work(1), … at the same time, and wait for all."""
    threads = [threading.Thread(target=work, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def assert_one_line(process: subprocess.CompletedProcess[str], program: str, code: int) -> None:
    """A program ended with an exit code and one line that begins with its name."""
    assert process.returncode == code, process.stderr
    assert process.stderr.startswith(f"{program}: ")
    assert process.stderr.count("\n") == 1


def save_checkpoint(module: lightning.LightningModule, path: Path) -> Path:
    """Write a module as Lightning does."""
    trainer = lightning.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, barebones=False,
    )  # fmt: skip
    trainer.strategy.connect(module)
    trainer.save_checkpoint(path)
    return path


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models that learned nothing, for tests that do not depend on what is recovered.

    Their planes are a quarter of the shipped models', and so is the time that they take.
    frame, restore, judge: seeded random weights; they see a leak of about one half everywhere.
    blind: a frame model that sees no leak anywhere. copies: a frame model as the seed's.
    """
    from export.to_onnx import to_onnx

    folder = tmp_path_factory.mktemp("untrained")
    torch.manual_seed(0)
    modules = {
        "frame": LeakModule("leaknet", INPUTS, NETWORK_WH),
        "restore": RestoreModule(size_wh=NETWORK_WH),
        "judge": JudgeModule(size_wh=NETWORK_WH),
        "blind": LeakModule("leaknet", ["frame"], NETWORK_WH),
        "copies": LeakModule("unet", ["frame", "edge", "dog"], (64, 48), loss="combined"),
    }
    torch.nn.init.zeros_(modules["blind"].model.head.weight)
    torch.nn.init.constant_(modules["blind"].model.head.bias, -20)
    return {
        name: to_onnx(save_checkpoint(module, folder / f"{name}.ckpt"), folder / f"{name}.onnx")
        for name, module in modules.items()
    }


@pytest.fixture(scope="session")
def shared() -> Path:
    """The evaluation material beside the project; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("VADER_SHARED", ROOT.parent / "shared"))
    if not (folder / "calls").is_dir():
        pytest.skip("needs the evaluation material (VADER_SHARED), which is not here")
    return folder


@pytest.fixture(scope="session")
def seed_model(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seed's published checkpoint, exported."""
    from export.to_onnx import to_onnx

    (checkpoint,) = (shared / "seed").glob("*.ckpt")
    return to_onnx(checkpoint, tmp_path_factory.mktemp("seed") / "seed.onnx")


COUNTS = (
    "contexts", "pushed", "buffers", "pinned", "streams", "to_device", "to_host", "kernels",
)  # fmt: skip


class FakeDriver:
    """The stand-in of NVIDIA's driver, `standins/cuda.c`, loaded into this process."""

    def __init__(self, library: Path) -> None:
        # later loads of libcuda.so.1 find this one by its name
        self._library = ctypes.CDLL(str(library))
        self._library.fake_counts.restype = ctypes.POINTER(ctypes.c_long)

    def reset(self, devices: int = 1) -> None:
        self._library.fake_reset(devices)

    def fail(self, function: str, code: int, *, skip: int = 0) -> None:
        """Let the call of a function after `skip` others return an error."""
        self._library.fake_fail(function.encode(), code, skip)

    @property
    def counts(self) -> dict[str, int]:
        """What is alive, and how much was copied and launched."""
        return dict(zip(COUNTS, self._library.fake_counts()[: len(COUNTS)], strict=True))


@pytest.fixture(scope="session")
def _fake_driver(tmp_path_factory: pytest.TempPathFactory) -> FakeDriver:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (cc) for the stand-in of NVIDIA's driver")
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        library = tmp_path_factory.mktemp("driver") / "libcuda.so.1"
        options = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", str(library)]
        source = str(ROOT / "tests" / "standins" / "cuda.c")
        subprocess.run([compiler, *options, source, "-ldl"], check=True)
        return FakeDriver(library)
    pytest.skip("a real NVIDIA driver is here; its stand-in cannot be loaded beside it")


@pytest.fixture
def driver(_fake_driver: FakeDriver) -> Iterator[FakeDriver]:
    """The stand-in of NVIDIA's driver with one GPU; outside of the test it has none."""
    _fake_driver.reset()
    yield _fake_driver
    _fake_driver.reset(devices=0)


@pytest.fixture
def trt(driver: FakeDriver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The stand-in of TensorRT, with a cache of its own and cuda-python's real binding."""
    pytest.importorskip("cuda.bindings.driver", reason="needs pip install cuda-python")
    import tests.standins.tensorrt

    monkeypatch.setitem(sys.modules, "tensorrt", tests.standins.tensorrt)
    monkeypatch.setenv("VADER_RT_CACHE", str(tmp_path / "cache"))
    return tests.standins.tensorrt


@pytest.fixture(scope="session")
def rtx() -> ModuleType:
    """TensorRT-RTX, which builds without a GPU."""
    return pytest.importorskip("tensorrt_rtx", reason="needs pip install tensorrt-rtx-cu13")
