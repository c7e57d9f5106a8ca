"""The strongest sample of every time bin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.vader_rt.room.made import observed, plane
from vader_rt.contract import TIME_BINS
from vader_rt.room.time_bins import TimeBinSampler, time_bin

SIZE_WH = (4, 2)


def frame(value: int) -> np.ndarray:
    return np.full((2, 4, 3), value, np.uint8)


def test_each_bin_keeps_its_strongest() -> None:
    sampler = TimeBinSampler(SIZE_WH)
    for index in range(3 * TIME_BINS):
        leak = (0.2, 0.8, 0.4)[index % 3]
        sampler.add(observed(frame(index), 0.5, leak, time_bin=index // 3))
    samples = sampler.samples()
    assert samples.frame[:, 0, 0, 0].tolist() == [3 * index + 1 for index in range(TIME_BINS)]
    assert (samples.leak == round(0.8 * 255)).all()
    assert (samples.matte == round(0.5 * 255)).all()


def test_strong_is_leak_times_matte() -> None:
    sampler = TimeBinSampler(SIZE_WH)
    sampler.add(observed(frame(1), 0.9, 0.6))
    sampler.add(observed(frame(2), 0.5, 0.8))
    assert (sampler.samples().frame[0] == 1).all()


def test_what_does_not_leak_leaves_no_sample() -> None:
    sampler = TimeBinSampler(SIZE_WH)
    leak = plane(0.01, (2, 4))
    leak[0, 0] = 0.5
    sampler.add(observed(frame(9), 1.0, leak))
    samples = sampler.samples()
    assert samples.leak[0].astype(bool).sum() == 1
    assert not samples.leak[1:].any()
    assert samples.matte[0, 0, 0] == 255


def test_a_sample_says_how_likely_it_is_the_caller() -> None:
    sampler = TimeBinSampler(SIZE_WH)
    for leak, person in ((0.4, 10), (0.8, 20), (0.6, 30)):
        observation = observed(frame(1), 1.0, leak)
        sampler.add(replace(observation, small_person=np.full((2, 4), person, np.uint8)))
    sampler.add(observed(frame(1), 1.0, 0.5, time_bin=1))  # nobody was looked for
    assert (sampler.samples().person[0] == 20).all()
    assert not sampler.samples().person[1:].any()


@pytest.mark.parametrize(
    ("index", "frames", "expected"),
    [(0, 12, 0), (1, 12, 0), (2, 12, 1), (11, 12, 5), (12, 12, 5), (0, 0, 0), (2, 3, 4)],
)
def test_bins_are_equal_parts(index: int, frames: int, expected: int) -> None:
    assert time_bin(index, frames) == expected
