"""Cuts."""

from __future__ import annotations

from functools import partial

import numpy as np

from vader_rt.virtual.shots import CutFinder


def sketch(level: int, share: float = 1.0) -> np.ndarray:
    plane = np.full((27, 48, 2), 100, np.uint8)
    plane[:, : round(48 * share)] = level
    return plane


def found(sketches: list[np.ndarray]) -> CutFinder:
    finder = CutFinder()
    for index, one in enumerate(sketches):
        finder.add(one, partial(np.full, (9, 16, 3), index, np.uint8))
    return finder


def test_a_single_frame_makes_two_cuts() -> None:
    plain, other = sketch(100), sketch(180)
    cuts = found([plain] * 3 + [other] + [plain] * 3).cuts()
    assert [cut.index for cut in cuts] == [3, 4]
    assert [[frame[0, 0, 0] for frame in cut.before] for cut in cuts] == [[2, 1], [3, 2]]
    assert [[frame[0, 0, 0] for frame in cut.after] for cut in cuts] == [[3, 4], [4, 5]]


def test_at_the_ends_there_are_fewer_frames_beside_a_cut() -> None:
    (cut,) = found([sketch(100), sketch(180)]).cuts()
    assert (len(cut.before), len(cut.after)) == (1, 1)


def test_small_changes_and_slow_ones_are_none() -> None:
    assert not found([sketch(100), sketch(180, 0.1)] * 5).cuts()
    assert not found([sketch(level) for level in range(100, 180, 5)]).cuts()


def test_a_change_of_detail_alone_is_one() -> None:
    """A blurred room has the brightness of the room."""
    blurred, sharp = sketch(100), sketch(100)
    sharp[..., 1] = 130
    assert [cut.index for cut in found([blurred, sharp, blurred]).cuts()] == [1, 2]


def test_of_too_many_the_largest_are_remembered() -> None:
    restless = [sketch(180, 0.2 * (i % 2)) for i in range(200)]
    finder = found([*restless, sketch(180), *restless])
    assert len(finder.cuts()) == 32
    assert {200, 201} <= {cut.index for cut in finder.cuts()}
    assert finder.frames == 401
