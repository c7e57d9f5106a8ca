"""Which frames go through the network."""

from __future__ import annotations

import numpy as np
import pytest

from vader_rt.io.frames import ArrayFrame
from vader_rt.pipeline.choose import (
    AUTO_FRAMES,
    MOST_AUTO_FRAMES,
    SHORT_CALL,
    THUMBNAIL_WH,
    AutoChooser,
    Candidate,
    FrameChooser,
    _farthest_first,
    auto_budget,
    spread_order,
)

SHAPE = THUMBNAIL_WH[::-1]
VIEW = ArrayFrame(np.zeros((64, 64, 3), np.uint8))


def still(level: int = 100) -> np.ndarray:
    return np.full(SHAPE, level, np.uint8)


def chosen(thumbnails: list[np.ndarray], budget: int) -> list[int]:
    chooser = FrameChooser(budget)
    for thumbnail in thumbnails:
        chooser.add(VIEW, thumbnail)
    return [candidate.index for candidate in chooser.chosen()]


@pytest.mark.parametrize("count", [1, 15, 16])
def test_of_a_short_call_all_frames_are_chosen(count: int) -> None:
    assert chosen([still()] * count, 16) == list(range(count))


@pytest.mark.parametrize("count", [17, 100, 1000])
def test_frames_that_are_alike_are_spread(count: int) -> None:
    indices = chosen([still()] * count, 16)
    assert len(indices) == 16
    gaps = np.diff([-1, *indices, count])
    assert gaps.max() <= 2 * count / 8


@pytest.mark.parametrize("odd", [0, 333, 999])
def test_one_frame_that_is_unlike_all_others_is_chosen(odd: int) -> None:
    thumbnails = [still(100 + index % 2) for index in range(1000)]
    thumbnails[odd] = still(180)
    assert odd in chosen(thumbnails, 16)


def test_every_kind_of_frame_is_chosen() -> None:
    """Many kinds, one of them rare; with noise, as compression makes it."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 256, (8, *SHAPE)).astype(np.uint8)
    of_frame = np.sort(rng.choice(8, 2000, p=[0.58, *[0.06] * 7]))
    thumbnails = [
        np.clip(kinds[kind] + rng.normal(0, 1, SHAPE), 0, 255).astype(np.uint8) for kind in of_frame
    ]
    assert {of_frame[index] for index in chosen(thumbnails, 24)} == set(range(8))


def test_the_budget_is_reached_and_never_passed() -> None:
    """At any length of a call in which both something happens and nothing does."""
    chooser = FrameChooser(16)
    for index in range(400):
        chooser.add(VIEW, still(min(index, 120)))
        assert len(chooser.chosen()) == min(index + 1, 16)


def test_frames_are_spread_over_a_call_in_whose_beginning_all_happens() -> None:
    """Many different frames in the first twentieth: several are chosen, but not they alone."""
    count, burst = 1000, 50
    indices = chosen([still(100 + 2 * max(burst - i, 0)) for i in range(count)], 16)
    assert sum(index < burst for index in indices) >= 4
    gaps = np.diff([burst, *(index for index in indices if index >= burst), count])
    assert gaps.max() <= count / 4


def test_memory_does_not_grow() -> None:
    rng = np.random.default_rng(1)
    chooser = FrameChooser(16)
    for _ in range(3000):
        chooser.add(VIEW, rng.integers(0, 256, SHAPE).astype(np.uint8))
        assert len(chooser._spread.kept) + len(chooser._different.candidates) <= 16 + 4
    assert len(chooser.chosen()) == 16


@pytest.mark.parametrize("held_bytes", [0, 10**9])
def test_candidates_are_held_where_there_is_room(held_bytes: int) -> None:
    chooser = FrameChooser(16, held_bytes)
    for _ in range(100):
        chooser.add(VIEW, still(100))
    candidates = chooser.chosen()
    assert {candidate.view is None for candidate in candidates} == {held_bytes == 0}
    indices = [candidate.index for candidate in candidates]
    spread = list(spread_order(indices))
    assert sorted(spread) == indices == sorted(indices)
    assert max(np.diff([-1, *sorted(spread[:8]), 100])) <= 2 * 100 / 8


def test_auto_takes_more_of_a_long_call_but_ever_less_of_it() -> None:
    assert auto_budget(1) == auto_budget(SHORT_CALL) == AUTO_FRAMES
    assert AUTO_FRAMES < auto_budget(2 * SHORT_CALL) < 2 * AUTO_FRAMES
    assert auto_budget(3 * 60 * 30) == auto_budget(10**6) == MOST_AUTO_FRAMES


@pytest.mark.parametrize("odd", [0, 333, 999])
def test_auto_misses_no_frame_that_is_unlike_all_others(odd: int) -> None:
    """Though fewer are chosen than are kept: the person leans about, and one frame is unmasked."""
    rng = np.random.default_rng(0)
    chooser = AutoChooser()
    for index in range(1000):
        thumbnail = still(180) if index == odd else still(100)
        thumbnail[:, 10:30] = rng.integers(80, 120, (27, 20))
        chooser.add(VIEW, thumbnail)
    assert odd in {candidate.index for candidate in chooser.chosen()}


@pytest.mark.parametrize("count", [50, SHORT_CALL, SHORT_CALL + 1, 4 * SHORT_CALL])
def test_auto_holds_only_what_a_short_call_needs(count: int) -> None:
    chooser = AutoChooser()
    for index in range(count):
        chooser.add(VIEW, still(min(index, 255)))
    found = chooser.chosen()
    assert len(found) == min(count, auto_budget(count))
    assert {c.view is None for c in found} == {count > SHORT_CALL}
    assert max(np.diff([-1, *(c.index for c in found), count])) <= count / 10


def test_of_those_that_differ_the_farthest_come_first() -> None:
    levels = [100, 101, 102, 180, 103, 140]
    candidates = [Candidate(i, None, still(v).astype(np.float32)) for i, v in enumerate(levels)]
    assert [c.index for c in _farthest_first(candidates, 3)] == [0, 3, 5]
    assert _farthest_first(candidates, 6) == candidates
