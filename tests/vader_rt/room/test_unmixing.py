"""The mixing equation, backwards."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vader_rt.room.made import blended, plane
from vader_rt.room.unmixing import LEAST_LEAK, before_other, believed, unmixed

SHAPE = (48, 64)
VIRTUAL = np.full((*SHAPE, 3), (40, 60, 80), np.uint8)
ROOM = np.full((*SHAPE, 3), (200, 160, 120), np.uint8)


def test_unmixing_is_the_mixing_equation_backwards() -> None:
    frame, matte = blended(VIRTUAL, ROOM, 0.25), plane(0.25, SHAPE)
    assert np.abs(unmixed(frame, matte, VIRTUAL, 1.0) - ROOM).max() <= 2  # half a level / 0.25
    assert (unmixed(frame, matte, VIRTUAL, 0.0) == frame).all()


@pytest.mark.parametrize(
    ("matte", "confidence", "expected"),
    [(0.2, 1.0, 0.2), (0.2, 0.5, 0.6), (0.2, 0.0, 1.0), (0.0, 1.0, LEAST_LEAK)],
)
def test_a_matte_is_believed_in_part(matte: float, confidence: float, expected: float) -> None:
    assert believed(np.float32([matte]), confidence) == pytest.approx(expected)


def test_a_frame_before_another_virtual_background() -> None:
    other = np.full_like(VIRTUAL, (90, 220, 60))
    frame = blended(VIRTUAL, ROOM, 0.5)
    moved = before_other(frame, plane(0.5, SHAPE), VIRTUAL, other)
    # rounded twice
    assert np.abs(moved.astype(int) - blended(other, ROOM, 0.5)).max() <= 1
