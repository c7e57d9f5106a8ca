"""One frame and what the network says of it."""

from __future__ import annotations

import numpy as np

from tests.vader_rt.room.made import blended, observed
from vader_rt.features.detail import VirtualDetail
from vader_rt.room.observation import observe

SHAPE = (48, 64)
RNG = np.random.default_rng(0)
VIRTUAL, ROOM = (RNG.integers(0, 256, (*SHAPE, 3), np.uint8) for _ in range(2))


def test_what_is_enlarged_is_enlarged_once() -> None:
    small = np.full((24, 32), 0.5, np.float32)
    observation = observed(ROOM, small, small / 2)
    assert observation.matte.shape == observation.leak.shape == SHAPE
    assert observation.matte is observation.matte
    assert (observation.leak == 0.25).all()
    assert observed(ROOM, np.ones(SHAPE, np.float32), 0.5).matte.shape == SHAPE


def test_a_similarity_stands_for_matte_and_leak() -> None:
    similarity = np.full(SHAPE, 0.3, np.float32)
    observation = observe(ROOM, ROOM, [similarity], VIRTUAL)
    assert observation.small_matte is observation.small_leak is similarity


def test_a_known_image_corrects_the_matte() -> None:
    frame = blended(VIRTUAL, ROOM // 4 + 60, 0.4)
    outputs = [np.full(SHAPE, 0.9, np.float32), np.full(SHAPE, 0.5, np.float32)]
    corrected = observe(frame, frame, outputs, VIRTUAL, VirtualDetail(VIRTUAL))
    assert np.abs(corrected.small_matte - 0.4).mean() < 0.1
    assert (corrected.small_leak == 0.5).all()


def test_before_another_virtual_background() -> None:
    other = np.roll(VIRTUAL, 7, axis=1)
    observation = observed(blended(VIRTUAL, ROOM, 0.7), 0.7, 0.5, VIRTUAL)
    assert observation.before(VIRTUAL, 1.0) is observation
    moved = observation.before(other, 1.0)
    # rounded twice
    assert np.abs(moved.frame.astype(int) - blended(other, ROOM, 0.7)).max() <= 1
    assert (moved.small == moved.frame).all()
    assert moved.behind is other
    # a matte that is not believed is 1: nothing of the virtual background is in the frame
    assert (observation.before(other, 0.0).frame == observation.frame).all()
