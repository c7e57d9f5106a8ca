"""How late masks are, on those of the sample, delayed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vader_rt.selftest.conftest import Maker
from vader_rt.io.video import open_video
from vader_rt.selftest.lag import Lag
from vader_rt.selftest.leak import Told


@pytest.fixture(scope="module")
def planes(maker: Maker) -> list[tuple[Told, np.ndarray]]:
    """Mask and person of every frame."""
    videos = (open_video(path).frames() for path in (maker.masks, maker.persons))
    everywhere = np.ones(maker.room.shape[:2], bool)
    return [
        (Told(mask[..., 0] / np.float32(255), everywhere), person[..., 0] > 127)
        for mask, person in zip(*videos, strict=True)
    ]


@pytest.mark.parametrize("late", range(5))
def test_a_mask_that_is_late(late: int, planes: list[tuple[Told, np.ndarray]]) -> None:
    lag = Lag()
    for n, (_, person) in enumerate(planes):
        lag.add(planes[max(0, n - late)][0], person)
    assert lag.frames() == late


def test_where_it_cannot_be_told(planes: list[tuple[Told, np.ndarray]]) -> None:
    still, broken, late = Lag(), Lag(), Lag()
    for n, (mask, person) in enumerate(planes):
        still.add(*planes[0])
        broken.add(mask, person)
        if n % 6 == 5:  # never as many neighbours as it takes
            broken.skip()
        late.add(planes[max(0, n - 7)][0], person)
    assert [lag.frames() for lag in (Lag(), still, broken, late)] == [None] * 4
