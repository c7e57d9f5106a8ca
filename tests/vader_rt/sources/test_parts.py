"""A recording in several files, and as pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from tests.vader_rt.sources.made import numbered, numbers, write_pictures, write_video
from vader_rt.io.video import open_video
from vader_rt.sources.parts import Parts
from vader_rt.sources.pictures import Pictures


def parts(*files: Path) -> Parts:
    return Parts.of([open_video(file) for file in files])


def test_times_go_on(tmp_path: Path) -> None:
    both = parts(write_video(tmp_path / "a.mp4", [0, 1, 2]), write_video(tmp_path / "b.mp4", [3]))
    assert numbers(both.views()) == [0, 1, 2, 3]
    assert both.times() == pytest.approx([0, 0.1, 0.2, 0.3], abs=1e-3)
    assert [both.time(index) for index in range(5)] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert both.seconds() == pytest.approx(0.4)
    assert (both.name, both.frame_hint) == ("a.mp4 + b.mp4", 4)


def test_the_first_one_says_the_size(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.mp4", [0])
    larger = write_video(tmp_path / "b.mp4", [1], (256, 192))
    other = write_video(tmp_path / "c.mp4", [2], (96, 128))
    both = parts(first, larger, other)
    assert [view.bgr().shape for view in both.views()] == [(96, 128, 3)] * 2
    assert both.notes() == ["b.mp4: 1 frame of 256×192 scaled to the first frame's size"]
    assert [sentence[:26] for sentence in both.losses()] == ["c.mp4: 1 frame of another "]


def test_the_digest_is_of_content_and_order(tmp_path: Path) -> None:
    a, b = (write_video(tmp_path / f"{n}.mp4", [n]) for n in (1, 2))
    assert parts(a, b).sha256() == parts(a, b).sha256()
    assert parts(a, b).sha256() != parts(b, a).sha256()
    assert [part.sha256() for part in parts(a, b).parts()] != [None, None]


def test_pictures_of_another_shape_are_left_out_and_told(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "frames", [1, 2, 3])
    cv2.imwrite(str(folder / "frame-2.png"), numbered(2, (96, 128)))
    pictures = Pictures.of(sorted(folder.iterdir()), 10**6)
    assert numbers(pictures.views()) == [1, 3]
    assert pictures.losses() == [
        "1 of the pictures are of another shape, left out: frame-2.png is the first"
    ]
    assert pictures.time(3) == pytest.approx(0.1)
