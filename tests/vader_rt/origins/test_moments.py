"""The moments that leak most."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from vader_rt.origins.moments import worst_moments


@pytest.mark.parametrize(
    ("leaks", "times", "expected"),
    [
        ([], [], []),
        ([0.0, 0.0], [0.0, 2.0], []),
        ([0.1, 0.3, 0.2], [0.0, 2.0, 4.0], [1, 2, 0]),
        ([0.1, 0.3, 0.2], [0.0, 0.5, 1.5], [1, 2]),  # the first is of the same moment
        ([0.3, 0.3], [0.0, 2.0], [0, 1]),  # of equals the earlier one
        ([0.1, 0.3], [None, None], [1]),  # 30 frames are a moment where no time is known
        ([0.3] + 29 * [0.1] + [0.2], [], [0, 30]),
    ],
)
def test_moments_are_apart(
    leaks: Sequence[float], times: Sequence[float | None], expected: list[int]
) -> None:
    assert worst_moments(leaks, times) == expected


def test_there_are_ten_of_them() -> None:
    leaks = [i / 100 for i in range(100)]
    assert worst_moments(leaks, [float(i) for i in range(100)]) == list(range(99, 89, -1))
