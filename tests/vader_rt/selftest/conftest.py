"""The sample as a maker of its client has it: the camera's recording, and the client's masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import SMALL_WH
from train.calls import Call, true_leak
from vader_rt.io.video import VideoWriter, open_video
from vader_rt.selftest.job import SelfTest, client_masks, pair


@dataclass(frozen=True)
class Maker:
    """camera, call, masks, persons: videos of the same frames. leak: their true leak, float32.

    room: (H, W, 3) uint8. virtual: its file.
    """

    camera: Path
    call: Path
    masks: Path
    persons: Path
    virtual: Path
    room: np.ndarray
    leak: np.ndarray


def every_fourth(path: Path) -> Iterator[np.ndarray]:
    for frame in islice(open_video(path).frames(), 0, None, 4):
        yield cv2.resize(frame, SMALL_WH, interpolation=cv2.INTER_AREA)


def write(path: Path, frames: list[np.ndarray]) -> Path:
    with VideoWriter(path, size_wh=frames[0].shape[1::-1], crf=12) as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="session")
def maker(sample: Call, small_virtual: Path, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """30 frames of the sample at 320×180, its person before its room, composed by its mattes."""
    folder = tmp_path_factory.mktemp("maker")
    size = {"dsize": SMALL_WH, "interpolation": cv2.INTER_AREA}
    room, virtual = (cv2.resize(cv2.imread(str(p)), **size) for p in (sample.room, small_virtual))
    shown, mattes, persons = (
        list(every_fourth(p)) for p in (sample.video, sample.truth("matte"), sample.truth("person"))
    )
    noise = np.random.default_rng(0)
    camera, call = [], []
    for frame, matte, person in zip(shown, mattes, persons, strict=True):
        a, m = person / 255, matte / 255
        grain = room + noise.normal(0, 2, room.shape)
        camera.append(np.clip(np.rint(a * frame + (1 - a) * grain), 0, 255).astype(np.uint8))
        call.append(np.rint(m * camera[-1] + (1 - m) * virtual).astype(np.uint8))
    gray = [[plane[..., 0] for plane in planes] for planes in (mattes, persons)]
    leak = np.stack([true_leak(*both) for both in zip(*gray, strict=True)]) / np.float32(255)
    return Maker(
        write(folder / "camera.mp4", camera),
        write(folder / "call.mp4", call),
        write(folder / "masks.mp4", mattes),
        write(folder / "persons.mp4", persons),
        small_virtual,
        room,
        leak,
    )


@pytest.fixture(scope="session")
def cheap(untrained: dict[str, Path]) -> dict[str, object]:
    """Options with which recovery is quick and tells nothing."""
    return {"model": untrained["frame"], "restore": False, "engine": "onnx-cpu", "frames": 8}


@pytest.fixture(scope="session")
def paired(maker: Maker, cheap: dict[str, object]) -> SelfTest:
    return pair(
        maker.camera,
        maker.call,
        virtual_background=maker.virtual,
        person_masks=maker.persons,
        **cheap,
    )


@pytest.fixture(scope="session")
def composed(
    maker: Maker, cheap: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> SelfTest:
    call = tmp_path_factory.mktemp("composed") / "call.mp4"
    return client_masks(maker.masks, maker.camera, call, person_masks=maker.persons, **cheap)
