"""A recording as pictures: what of it is missing or damaged is told, and the rest is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.vader_rt.sources.made import numbers, write_pictures
from vader_rt.errors import InputError
from vader_rt.sources.grammar import open_source
from vader_rt.sources.pictures import missing
from vader_rt.sources.selection import Selection


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ([0, 1, 2, 5, 6, 7], "2 pictures are missing between 2.png and 5.png"),
        ([0, 1, 3, 4, 5], "1 picture is missing between 1.png and 3.png"),
        ([0, 1, 2, 5, 6, 7, 8, 10], "3 pictures are missing in 2 places, the first between 2.png"),
    ],
)
def test_a_hole_in_the_numbers_is_told(there: list[int], said: str, tmp_path: Path) -> None:
    with open_source(write_pictures(tmp_path / "frames", there, "{}.png")) as opened:
        assert numbers(opened.views()) == there
        (loss,) = opened.losses()
    assert loss.startswith(said)


def test_a_hole_after_what_is_taken_is_none_of_it(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "frames", [0, 1, 2, 3, 6, 7])
    with open_source(folder, selection=Selection(end=0.06)) as opened:
        assert numbers(opened.views()) == [0, 1]
        assert opened.losses() == []


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (["5.png", "10.png", "20.png", "25.png"], [1]),  # every fifth frame
        (["1.png", "2.png", "10.png"], []),  # of no rule
        (["1.png", "7.png", "9.png", "30.png"], []),
        (["a/8.png", "a/9.png", "b/12.png", "b/13.png"], []),
        (["3.png", "2.png", "1.png"], []),
        (["cam2-1.png", "cam2-2.png", "cam2-3.jpg", "cam2-5.png"], [1]),
        (["a.png", "b.png", "d.png"], []),
        (["1.png"], []),
    ],
)
def test_what_a_hole_is(names: Sequence[str], counts: list[int]) -> None:
    assert [count for *_, count in missing(list(map(Path, names)))] == counts


@pytest.mark.parametrize("first", [True, False], ids=["the first", "another"])
@pytest.mark.parametrize("content", [b"", b"\x89PNG no more", b"hello"])
def test_a_damaged_picture_is_left_out(first: bool, content: bytes, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "frames", range(5))
    damaged = "frame-0.png" if first else "frame-3.png"
    (folder / damaged).write_bytes(content)
    cv2.imwrite(str(folder / "frame-4.png"), np.zeros((96, 64, 3), np.uint8))
    with open_source(folder) as opened:
        left = [1, 2, 3] if first else [0, 1, 2]
        assert numbers(opened.views()) == numbers(opened.views()) == left
        losses, state = opened.losses(), opened.state()
    assert losses == [
        f"1 of the pictures cannot be decoded, left out: {damaged} is the first",
        "1 of the pictures are of another shape, left out: frame-4.png is the first",
    ]
    with open_source(folder) as again:
        assert state is not None
        again.restore(state)
        assert again.losses() == losses


def test_without_any_picture_it_is_refused(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "frames", [1, 2])
    listed = tmp_path / "list.txt"
    listed.write_text("frames/frame-1.png\nframes/frame-3.png\n")
    with pytest.raises(InputError, match=r"frame-3\.png: does not exist"), open_source(listed):
        pass
    for path in folder.iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"frame-1\.png: .*, nor is any"), open_source(folder):
        pass
