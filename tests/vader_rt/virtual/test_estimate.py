"""The virtual background: estimated and continued."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.vader_rt.virtual.made import moving_person, picture
from vader_rt.virtual.estimate import estimate_virtual
from vader_rt.virtual.kept_frames import KeptFrames

NOBODY = np.zeros((96, 160), np.uint8)


def test_recovers_what_was_clear_at_times() -> None:
    virtual = picture()
    estimate = estimate_virtual(moving_person(virtual))
    assert estimate.clear.all()
    # the mean of 8 or more frames with noise of σ 2, rounded
    assert np.abs(estimate.image.astype(int) - virtual).max() <= 4
    assert estimate.occupancy[:25].max() < 30
    assert estimate.occupancy[60, 80] > 30


def test_continues_what_never_was() -> None:
    virtual = np.full((96, 160, 3), (90, 120, 60), np.uint8)
    estimate = estimate_virtual(moving_person(virtual, travel=0))
    hidden = ~estimate.clear
    assert hidden[35:, 22:48].all()
    assert estimate.clear[:28].all()
    # a flat picture is continued flat, but for the rounding of the inpainting
    assert np.abs(estimate.image[hidden].astype(int) - (90, 120, 60)).max() <= 6


def test_what_never_changes_is_the_picture_whatever_it_looks_like() -> None:
    """The segmenter takes a thing in the picture for a person; a real one stands beside it."""
    virtual = picture()
    virtual[40:80, 100:140] = (20, 30, 200)
    frames, masks, rng = [], [], np.random.default_rng(1)
    for _ in range(24):
        frame, mask = virtual.copy(), np.zeros((96, 160), np.uint8)
        mask[30:, 100:140] = mask[30:, 20:50] = 255
        frame[30:, 20:50] = rng.integers(100, 140, (66, 30, 1))
        frames.append(frame)
        masks.append(mask)
    estimate = estimate_virtual(KeptFrames(frames, masks, range(24)))
    assert (estimate.image[40:80, 102:138] == virtual[40:80, 102:138]).all()
    assert not estimate.clear[40:, 24:46].any()


def test_trace_points_to_the_room() -> None:
    virtual = np.full((96, 160, 3), 100, np.uint8)
    frames = [virtual.copy() for _ in range(12)]
    for frame in frames[::3]:
        frame[40:60, 40:60] = (100, 100, 180)
    estimate = estimate_virtual(KeptFrames(frames, [NOBODY] * 12, range(12)), virtual)
    assert estimate.trace[50, 50].tolist() == [128, 128, 168]
    assert estimate.trace[10, 10].tolist() == [128, 128, 128]
    assert estimate.occupancy[50, 50] == pytest.approx(255 / 3, abs=1)


def detailed() -> np.ndarray:
    image = picture(1)
    image[::4] = 255 - image[::4]
    return image


def test_kinds() -> None:
    assert estimate_virtual(moving_person(detailed())).kind == "still"
    gray = np.full((96, 160, 3), 90, np.uint8)
    assert estimate_virtual(moving_person(gray)).kind == "plain"
    moving = [np.roll(detailed(), 7 * i, axis=1) for i in range(24)]
    assert estimate_virtual(KeptFrames(moving, [NOBODY] * 24, range(24))).kind == "moving"


def tagged(image: np.ndarray) -> np.ndarray:
    """With a name on a dark field."""
    image = image.copy()
    image[2:10, 3:36] = 30
    image[4:8, 6:33:3] = 250
    return image


def barred(image: np.ndarray) -> np.ndarray:
    """Between black bars."""
    image = image.copy()
    image[:13] = image[-13:] = 5
    return image


@pytest.mark.parametrize("draw", [tagged, barred])
def test_overlays_and_bars_change_no_kind(draw: Callable[[np.ndarray], np.ndarray]) -> None:
    gray = np.full((96, 160, 3), 120, np.uint8)
    assert estimate_virtual(moving_person(draw(gray))).kind == "plain"
    assert estimate_virtual(moving_person(draw(detailed()))).kind == "still"


def test_a_black_picture_is_plain() -> None:
    assert estimate_virtual(moving_person(np.zeros((96, 160, 3), np.uint8))).kind == "plain"
