"""Training finds in a call what the runtime finds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from export.to_onnx import to_onnx
from tests.conftest import INPUTS, save_checkpoint
from train.calls import Call, read_calls
from train.data.second_pass import room_array
from train.module import LeakModule, RestoreModule
from vader_rt.contract import RESTORE_GROUPS
from vader_rt.engines.engine import Engine
from vader_rt.engines.load import load_engine
from vader_rt.io.video import VideoWriter, open_video
from vader_rt.pipeline.api import reconstruct
from vader_rt.virtual.given import cover

SIZE_WH = (256, 96)
"""As wide as the segmenter's masks: the runtime has two ways of bringing those to a smaller size."""


class Recorder:
    """A restoration model that keeps what it is given."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.contract, self.name = engine, engine.contract, engine.name
        self.planes: list[np.ndarray] = []

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        self.planes.append(planes.copy())
        return self._engine.run(planes)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models that learned nothing."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    modules = {
        "frame": LeakModule("leaknet", INPUTS, SIZE_WH),
        "restore": RestoreModule(size_wh=SIZE_WH),
    }
    return {
        name: to_onnx(save_checkpoint(module, folder / f"{name}.ckpt"), folder / f"{name}.onnx")
        for name, module in modules.items()
    }


@pytest.fixture
def call(tiny_calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The tiny call at the model's size, where training and runtime see the same frames."""
    (tiny,) = read_calls(tiny_calls)
    call = Call(tmp_path, tiny.name)
    for path in (call.video, call.room):
        path.parent.mkdir()
    with VideoWriter(call.video, size_wh=SIZE_WH, crf=18) as writer:
        for frame in open_video(tiny.video).frames():
            writer.write(cover(frame, SIZE_WH))
    cv2.imwrite(str(call.room), cover(tiny.read_room(), SIZE_WH))
    (tmp_path / "truth").symlink_to(tiny.virtual.parent)
    for module in ("decode", "second_pass"):
        monkeypatch.setattr(f"train.data.{module}.KEPT_WH", SIZE_WH)
    return call


@pytest.mark.parametrize("given", [False, True])
def test_it_is_the_runtimes_second_pass(call: Call, given: bool, models: dict[str, Path]) -> None:
    restoration = Recorder(load_engine(models["restore"]))
    image = call.virtual if given else None
    reconstruct(
        call.video,
        model=models["frame"],
        restoration=restoration,
        virtual_background=image,
    )
    (runtime,) = restoration.planes
    training = room_array(call, SIZE_WH, load_engine(models["frame"]), given=given)
    planes = training[..., : sum(RESTORE_GROUPS.values())].transpose(2, 0, 1)
    np.testing.assert_array_equal(planes, np.rint(runtime[0] * 255))
