"""Checkpoints in, self-describing models out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from export.to_onnx import TOLERANCE, to_onnx
from tests.conftest import INPUTS, NETWORK_WH, ROOT, assert_one_line, save_checkpoint
from train.checkpoint import load_checkpoint
from train.module import LeakModule, RestoreModule
from vader_rt.engines.load import load_engine
from vader_rt.io.files import file_sha256
from vader_rt.io.video import open_video

MODULES = {
    "leaknet": lambda: LeakModule("leaknet", INPUTS, NETWORK_WH),
    "unet": lambda: LeakModule("unet", ["frame", "edge", "dog"], (64, 48), loss="mse"),
    "convnet_simple": lambda: LeakModule("convnet_simple", ["frame", "mode"], (64, 48), loss="mse"),
    "restorenet": lambda: RestoreModule(size_wh=(96, 64)),
}


@pytest.fixture
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    module = MODULES[request.param]()
    path = tmp_path / f"{request.param}.ckpt"
    torch.save({"state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams)}, path)
    return path


@pytest.mark.parametrize("checkpoint", MODULES, indirect=True)
def test_export_agrees_with_torch(checkpoint: Path, tmp_path: Path) -> None:
    model = to_onnx(checkpoint, tmp_path / "out" / "model.onnx", training="none at all")
    engine = load_engine(model, "onnx-cpu")
    network, contract = load_checkpoint(checkpoint)
    assert engine.contract.inputs == contract.inputs
    assert engine.contract.training == "none at all"
    assert engine.contract.checkpoint_sha256 == file_sha256(checkpoint)
    planes = np.random.default_rng(5).random(contract.input_shape, np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(planes))[0].numpy()
    found = np.concatenate([np.atleast_3d(o.T).T for o in engine.run(planes)])
    assert np.abs(found - expected).max() < TOLERANCE
    assert [p.name for p in model.parent.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("checkpoint", ["leaknet"], indirect=True)
def test_export_is_checked_on_real_frames(checkpoint: Path, clip: Path, tmp_path: Path) -> None:
    assert to_onnx(checkpoint, tmp_path / "model.onnx", calls=[clip]).is_file()


def test_command_line(tmp_path: Path) -> None:
    """A checkpoint as Lightning writes it, through the real process; and one that is none."""
    checkpoint = save_checkpoint(MODULES["unet"](), tmp_path / "unet.ckpt")
    weights = ["--confidence", *"1234567", "--training", "nothing"]
    good, bad = (
        subprocess.run(
            [sys.executable, "-m", "export.to_onnx", *map(str, argv)],
            cwd=ROOT, capture_output=True, text=True,
        )
        for argv in ((checkpoint, *weights), (tmp_path / "missing.ckpt",))
    )  # fmt: skip
    assert good.returncode == 0, good.stderr
    assert good.stdout.strip() == str(tmp_path / "unet.onnx")
    contract = load_engine(tmp_path / "unet.onnx", "onnx-cpu").contract
    assert contract.confidence == (1, 2, 3, 4, 5, 6, 7)
    assert (contract.training, contract.inputs) == ("nothing", ("frame", "edge", "dog"))
    assert_one_line(bad, "export.to_onnx", 3)


@pytest.mark.shared
def test_the_seeds_checkpoint(shared: Path, seed_model: Path) -> None:
    from vader_rt.features.planes import InputPlanes

    call = next((shared / "calls" / "dev" / "videos").glob("1_i_moge-house_wave_mp.mp4"))
    engine = load_engine(seed_model, "onnx-cpu")
    frame = next(open_video(call).frames())
    planes = InputPlanes(engine.contract.inputs, engine.contract.size_wh).fill(frame)
    (similarity,) = engine.run(planes)
    expected = np.load(shared / "seed" / "similarity_frame0.npy").astype(np.float32)
    # the reference is stored in float16, near 0.25 exact to 1.2e-4
    assert np.abs(similarity - expected).max() < 5e-4


@pytest.mark.shared
@pytest.mark.slow
def test_the_seeds_algorithm(shared: Path, seed_model: Path) -> None:
    import vader_rt
    from vader_rt.io.images import read_image

    call = shared / "calls" / "dev" / "videos" / "1_i_moge-house_wave_mp.mp4"
    result = vader_rt.reconstruct(call, model=seed_model, engine="onnx-cpu")
    expected = read_image(shared / "seed" / "expected_1_i_moge-house_wave_mp.png")
    differing = (result.background != expected).any(axis=2).mean()
    assert differing < 1e-3  # ties of two similarities within rounding
