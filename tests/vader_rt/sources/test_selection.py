"""A part of a recording."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tests.vader_rt.sources.made import SIZE_WH, numbers, write_video
from vader_rt.errors import InputError, UsageError
from vader_rt.io.video import open_video
from vader_rt.sources.grammar import open_source
from vader_rt.sources.rectangle import Rectangle
from vader_rt.sources.selection import Selected, Selection


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("selected") / "call.mp4", range(20))


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (0, math.inf, range(20)),
        (0.5, math.inf, range(5, 20)),
        (0, 0.3, range(3)),
        (0.45, 0.71, range(5, 8)),
    ],
)
def test_time(start: float, end: float, found: range, video: Path) -> None:
    part = Selected(open_video(video), Selection(start, end))
    for _ in range(2):
        assert numbers(part.views()) == list(found)
    assert part.times() == pytest.approx([n / 10 for n in found], abs=1e-3)
    assert part.time(1) == pytest.approx((found[0] + 1) / 10, abs=1e-3)
    assert part.seconds() == pytest.approx(len(found) / 10, abs=1e-2)


def test_a_time_in_which_nothing_is_shown(video: Path) -> None:
    part = Selected(open_video(video), Selection(start=5))
    with pytest.raises(InputError, match="holds no frame from --start to --end"):
        list(part.views())


def test_a_rectangle(video: Path) -> None:
    whole = open_video(video)
    part = Selected(whole, Selection(roi=Rectangle(20, 10, 100, 80)))
    assert part.size_wh == (100, 80)
    for view, frame in zip(part.views(), whole.frames(), strict=True):
        assert (view.bgr() == frame[10:90, 20:120]).all()


@pytest.mark.parametrize("roi", [(0, 0, 129, 96), (100, 0, 64, 64), (0, 0, 63, 96)])
def test_a_rectangle_that_is_not_inside_or_too_small(roi: tuple[int, ...], video: Path) -> None:
    with pytest.raises(UsageError, match=f"roi {','.join(map(str, roi))}: is "):
        Selected(open_video(video), Selection(roi=Rectangle(*roi)))


def test_frames_from_memory_have_the_usual_rate() -> None:
    frames = [np.full((SIZE_WH[1], SIZE_WH[0], 3), n, np.uint8) for n in range(60)]
    with open_source(frames, selection=Selection(start=1)) as part:
        assert [view.bgr()[0, 0, 0] for view in part.views()] == list(range(30, 60))
