"""Frames kept from a call."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vader_rt.virtual.made import moving_person, picture
from vader_rt.virtual.kept_frames import Spread, kept_capacity, person_planes, temporal_mode


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100, 1001])
def test_what_is_kept_is_small_and_even(count: int) -> None:
    kept = Spread[int](capacity=8)
    for i in range(count):
        kept.offer(i)
    assert kept.seen == count
    assert list(kept.kept) == list(kept.kept.values())
    assert len(kept.kept) == min(count, 8)
    gaps = np.diff([*kept.kept, count])
    assert gaps.max() <= max(2 * count / 8, 1)
    assert len(set(np.diff(list(kept.even)).tolist())) <= 1
    assert len(kept.even) >= min(count, 4)


def test_large_frames_are_kept_sparsely() -> None:
    assert kept_capacity((1280, 720)) == 48
    assert kept_capacity((3840, 2160)) == 12


def test_some_of_them() -> None:
    kept = moving_person(picture())
    some = kept.subset([2, 5])
    assert some.frames[1] is kept.frames[5]
    assert list(some.indices) == [2, 5]
    assert some.masks((80, 48)).shape == (2, 48, 80)


def test_person_planes_tell_where_the_person_is() -> None:
    masks = np.zeros((12, 4, 6), np.uint8)
    masks[:6, 0], masks[:9, 1], masks[:, 2] = 200, 200, np.arange(12)[:, None]
    mean, limit = person_planes(masks)
    assert mean[:, 0].tolist() == [100, 150, 6, 0]  # 5.5 rounds to even
    assert limit[:, 0].tolist() == [0, 200, 3, 0]  # the fourth smallest of twelve


def test_temporal_mode_against_counting() -> None:
    frames = list(np.random.default_rng(0).integers(0, 4, (9, 70, 30, 3), np.uint8))
    mode = temporal_mode(frames)
    counts = np.stack([(np.stack(frames) == v).sum(axis=0) for v in range(4)])
    assert (np.take_along_axis(counts, mode[None].astype(int), 0)[0] == counts.max(axis=0)).all()
