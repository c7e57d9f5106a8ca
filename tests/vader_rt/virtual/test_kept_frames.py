"""Frames kept from a call."""

from __future__ import annotations

import numpy as np
import pytest

from vader_rt.virtual.kept_frames import KeptFrames, person_planes, temporal_mode


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100, 1001])
def test_sample_is_small_and_even(count: int) -> None:
    sample = KeptFrames(capacity=8)
    for i in range(count):
        if sample.wants_next():
            sample.add(np.full((2, 2, 3), i % 256, np.uint8), np.full((2, 2), i % 256, np.uint8))
        else:
            sample.skip()
    kept = [int(f[0, 0, 0]) for f in sample.frames]
    assert sample.frames_seen == count
    assert 1 <= len(kept) <= 8
    assert len(kept) >= min(count, 4)
    steps = np.diff(kept) % 256
    assert len(set(steps.tolist())) <= 1
    assert sample.masks((2, 2)).shape == (len(kept), 2, 2)


def test_large_frames_are_sampled_sparsely() -> None:
    assert KeptFrames.for_size((640, 360)).capacity == 48
    assert KeptFrames.for_size((3840, 2160)).capacity < 20


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
