"""The strongest sample of every span."""

from __future__ import annotations

import numpy as np

from vader_rt.contract import SPANS
from vader_rt.room.time_bins import SpanSampler

SIZE_WH = (4, 2)


def plane(value: float) -> np.ndarray:
    return np.full((2, 4), value, np.float32)


def frame(value: int) -> np.ndarray:
    return np.full((2, 4, 3), value, np.uint8)


def test_each_span_keeps_its_strongest() -> None:
    sampler = SpanSampler(SIZE_WH, frames=3 * SPANS)
    for index in range(3 * SPANS):
        leak = (0.2, 0.8, 0.4)[index % 3]
        sampler.add(frame(index), plane(0.5), plane(leak))
    samples = sampler.samples()
    assert samples.color[:, 0, 0, 0].tolist() == [3 * span + 1 for span in range(SPANS)]
    assert (samples.leak == round(0.8 * 255)).all()
    assert (samples.matte == round(0.5 * 255)).all()


def test_strong_is_leak_times_matte() -> None:
    sampler = SpanSampler(SIZE_WH, frames=2 * SPANS)
    sampler.add(frame(1), plane(0.9), plane(0.6))
    sampler.add(frame(2), plane(0.5), plane(0.8))
    assert (sampler.samples().color[0] == 1).all()


def test_what_does_not_leak_leaves_no_sample() -> None:
    sampler = SpanSampler(SIZE_WH, frames=SPANS)
    leak = plane(0.01)
    leak[0, 0] = 0.5
    sampler.add(frame(9), plane(1.0), leak)
    samples = sampler.samples()
    assert samples.leak[0].astype(bool).sum() == 1
    assert not samples.leak[1:].any()
    assert samples.matte[0, 0, 0] == 255


def test_more_frames_than_promised_are_taken() -> None:
    sampler = SpanSampler(SIZE_WH, frames=2)
    for index in range(9):
        sampler.add(frame(index), plane(1.0), plane((index + 1) / 10))
    assert (sampler.samples().color[-1] == 8).all()
