"""The chart of the leak."""

from __future__ import annotations

import pytest

from vader_rt.report.timeline import HEIGHT, MOST_POINTS, Timeline
from vader_rt.report.view import clock, time_of


def test_a_short_call_has_a_point_for_each_frame() -> None:
    chart = Timeline.of([0.0, 0.1, 0.05])
    assert (chart.per_point, chart.frames, chart.top) == (1, [0, 1, 2], 0.1)
    assert chart.path == f"M0 {HEIGHT}v0h1v-1000h1v500h1V{HEIGHT}z"


def test_the_worst_frame_of_a_long_call_stays_exact() -> None:
    leaks = [0.01] * 100_000
    leaks[76_543] = 0.4321
    chart = Timeline.of(leaks)
    assert len(chart.frames) <= MOST_POINTS
    point = chart.leaks.index(0.4321)
    assert chart.frames[point] == 76_543
    assert chart.x(76_543) == pytest.approx(point, abs=1)


def test_nothing_to_show() -> None:
    assert Timeline.of([]).path == f"M0 {HEIGHT}V{HEIGHT}z"
    assert Timeline.of([0.0]).top == 0.01


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00.00"), (59.999, "1:00.00"), (3723.4, "1:02:03.40")]
)
def test_times_are_read_like_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
    assert time_of(0, [seconds]) == text
    assert time_of(0, [None]) == time_of(7, [seconds]) == "–"
