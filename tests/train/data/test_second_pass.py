"""Training finds in a call what the runtime finds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import NETWORK_WH
from train.calls import Call, read_calls
from train.data.second_pass import room_array
from vader_rt.contract import RESTORE_GROUPS
from vader_rt.engines.engine import Engine
from vader_rt.engines.load import load_engine
from vader_rt.io.video import VideoWriter, open_video
from vader_rt.pipeline.api import reconstruct
from vader_rt.virtual.given import cover


class Recorder:
    """A restoration model that keeps what it is given."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.contract, self.name = engine, engine.contract, engine.name
        self.planes: list[np.ndarray] = []

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        self.planes.append(planes.copy())
        return self._engine.run(planes)


@pytest.fixture
def call(tiny_calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The tiny call at the model's size, where training and runtime see the same frames."""
    (tiny,) = read_calls(tiny_calls)
    call = Call(tmp_path, tiny.name)
    for path in (call.video, call.room):
        path.parent.mkdir()
    with VideoWriter(call.video, size_wh=NETWORK_WH, crf=18) as writer:
        for frame in open_video(tiny.video).frames():
            writer.write(cover(frame, NETWORK_WH))
    cv2.imwrite(str(call.room), cover(tiny.read_room(), NETWORK_WH))
    (tmp_path / "truth").symlink_to(tiny.virtual.parent)
    for module in ("decode", "second_pass"):
        monkeypatch.setattr(f"train.data.{module}.KEPT_WH", NETWORK_WH)
    return call


@pytest.mark.parametrize("given", [False, True])
def test_it_is_the_runtimes_second_pass(
    call: Call, given: bool, untrained: dict[str, Path]
) -> None:
    restoration = Recorder(load_engine(untrained["restore"]))
    image = call.virtual if given else None
    reconstruct(
        call.video,
        model=untrained["frame"],
        restoration=restoration,
        virtual_background=image,
        frames="all",  # in their order, in which sums of float32 come out the same
    )
    (runtime,) = restoration.planes
    training = room_array(call, NETWORK_WH, load_engine(untrained["frame"]), given=given)
    planes = training[..., : sum(RESTORE_GROUPS.values())].transpose(2, 0, 1)
    np.testing.assert_array_equal(planes, np.rint(runtime[0] * 255))
