"""The moments of a call that leak most."""

from __future__ import annotations

from collections.abc import Sequence

MOST_MOMENTS = 10
_APART_SECONDS, _APART_FRAMES = 1.0, 30
"""Frames that are nearer to each other are of one moment."""


def worst_moments(
    leaks: Sequence[float], times: Sequence[float | None], most: int = MOST_MOMENTS
) -> list[int]:
    """The frames that leak most, worst first, of each moment one.

    leaks: of every frame. times: when each is shown, in seconds; None, or fewer, where nobody
    knows.
    """
    worst: list[int] = []
    for index in sorted(range(len(leaks)), key=lambda i: (-leaks[i], i)):
        if len(worst) == most or leaks[index] <= 0:
            break
        if all(_are_apart(index, other, times) for other in worst):
            worst.append(index)
    return worst


def _are_apart(index: int, other: int, times: Sequence[float | None]) -> bool:
    if max(index, other) < len(times):
        one, two = times[index], times[other]
        if one is not None and two is not None:
            return abs(one - two) >= _APART_SECONDS
    return abs(index - other) >= _APART_FRAMES
