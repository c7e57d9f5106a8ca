"""Masks that are numbered pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vader_rt.errors import InputError
from vader_rt.selftest.masks import open_masks


def folder_of(tmp_path: Path, names: list[str]) -> Path:
    for index, name in enumerate(names):
        cv2.imwrite(str(tmp_path / name), np.full((4, 6), index, np.uint8))
    return tmp_path


def test_pictures_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    masks = open_masks(folder_of(tmp_path, ["mask10.png", "mask9.png", "mask11-a.png"]))
    assert [plane[0, 0] for plane in masks.planes()] == [1, 0, 2]


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        ([], "has no pictures"),
        (["a.png"], "its name has no number"),
        (["1.png", "3.png"], "has no mask of frame 2"),
        (["1.png", "01.png"], "one of two masks of frame 1"),
    ],
)
def test_what_is_wrong_is_said(names: list[str], wrong: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=wrong):
        open_masks(folder_of(tmp_path, names))


def test_one_that_is_missing_at_the_end_is_an_error(tmp_path: Path) -> None:
    masks = open_masks(folder_of(tmp_path, ["0.png"]))
    planes = masks.planes()
    masks.next_of(planes)
    with pytest.raises(InputError, match="fewer masks than the camera has frames"):
        masks.next_of(planes)
