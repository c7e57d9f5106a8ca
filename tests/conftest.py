"""What tests share: the bundled sample call, short clips of it, and models."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from train.calls import Call, read_calls
from vader_rt.video import VideoWriter

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "tests" / "data" / "sample"
SMALL_WH = (320, 180)


@pytest.fixture(scope="session")
def sample() -> Call:
    """The bundled sample call."""
    return read_calls(SAMPLE)[0]


@pytest.fixture(scope="session")
def frames(sample: Call) -> list[np.ndarray]:
    """Every sixth frame of the sample, 20 in all, at 320×180."""
    from vader_rt.video import open_video

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
