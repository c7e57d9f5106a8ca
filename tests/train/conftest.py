"""Material for composing, made from the sample: nothing from outside is needed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from train.compose.camera import CallRecipe
from train.compose.material import PersonClip
from train.compose.sample_call import astronaut, draw_room, draw_virtual
from vader_rt.io.video import VideoWriter


@pytest.fixture(scope="session")
def person() -> PersonClip:
    return astronaut()


@pytest.fixture
def recipe(person: PersonClip) -> CallRecipe:
    """Small and without noise."""
    size_wh = (320, 180)
    return CallRecipe(person, draw_room(size_wh), draw_virtual(size_wh), noise=0.0)


@pytest.fixture(scope="session")
def material(person: PersonClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of material: one person, two rooms, one virtual image."""
    folder = tmp_path_factory.mktemp("material")
    for part in ("people", "rooms", "virtual"):
        (folder / part).mkdir()
    for kind, picture in (
        ("color", person.color[0]),
        ("alpha", cv2.cvtColor(person.alpha[0], cv2.COLOR_GRAY2BGR)),
    ):
        with VideoWriter(folder / "people" / f"an_astronaut_{kind}.mp4", size_wh=(512, 512)) as out:
            for shift in range(4):
                out.write(np.roll(picture, 3 * shift, axis=1))
    cv2.imwrite(str(folder / "rooms" / "study.png"), draw_room((640, 360)))
    cv2.imwrite(str(folder / "rooms" / "mirrored.png"), draw_room((640, 360))[:, ::-1])
    cv2.imwrite(str(folder / "virtual" / "waves.png"), draw_virtual((640, 360)))
    return folder


@pytest.fixture(scope="session")
def calls(material: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three composed calls of 10 frames: two in `train`, one in `validation`."""
    from train.compose.material import read_material
    from train.compose.random_call import Composer
    from train.compose.writer import write_call

    folder = tmp_path_factory.mktemp("calls")
    for index, part in enumerate(("train", "train", "validation")):
        name, recipe, client, crf = Composer(read_material(material)).draw(index)
        write_call(folder / part, name, recipe, client, frames=10, crf=crf, seed=index)
    return folder
