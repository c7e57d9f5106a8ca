"""What tests share: the bundled sample call, short clips of it, and models."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import cv2
import lightning
import numpy as np
import pytest
import torch

from train.calls import Call, read_calls
from train.module import LeakModule, RestoreModule
from vader_rt.video import VideoWriter

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "tests" / "data" / "sample"
SMALL_WH = (320, 180)
LOOK = ["look", "look_leak", "look_matte", "look_residual"]
INPUTS = ["frame", "virtual", "trace", "occupancy", "edge", "dog", "person", *LOOK]


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

    frame, restore: seeded random weights; they see a leak of about one half everywhere.
    blind: a frame model that sees no leak anywhere. copies: a frame model as the seed's.
    """
    from export.to_onnx import to_onnx

    folder = tmp_path_factory.mktemp("untrained")
    torch.manual_seed(0)
    modules = {
        "frame": LeakModule("leaknet", INPUTS, (320, 192)),
        "restore": RestoreModule(size_wh=(320, 192)),
        "blind": LeakModule("leaknet", ["frame"], (320, 192)),
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
