"""The tutorial's pictures: what is right and wrong in them, and how much they weigh."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import vader_rt
from tests.conftest import ROOT
from tools.docs.pictures import RIGHT_BGR, WRONG_BGR, checked, pictures
from train.calls import read_calls

MOST_BYTES = 600_000
"""A clone is not to become large by its documentation."""


def test_right_and_wrong_are_told_where_something_is_shown() -> None:
    room = np.full((2, 2, 3), 100, np.uint8)
    found = room.copy()
    found[:, 1] = (0, 0, 255)
    shown = np.array([[True, True], [False, False]])
    picture = checked(found, room, shown)
    assert picture[0].tolist() == [list(RIGHT_BGR), list(WRONG_BGR)]
    assert (picture[1] == 100 // 2 + 96).all()


def test_the_committed_ones_are_those_that_are_made(tiny_calls: Path) -> None:
    (call,) = read_calls(tiny_calls)
    result = vader_rt.reconstruct(call.video, frames=8, restore=False)
    made = {f"{name}.jpg" for name in pictures(call, result)}
    committed = {path.name for path in (ROOT / "docs" / "figures").glob("*.jpg")}
    assert made == committed


def test_all_pictures_together_are_small() -> None:
    kinds = (path for kind in ("jpg", "png") for path in (ROOT / "docs").rglob(f"*.{kind}"))
    assert sum(path.stat().st_size for path in kinds) < MOST_BYTES
