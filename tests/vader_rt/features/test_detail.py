"""The matte as the detail of a known virtual image tells it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.vader_rt.room.made import blended
from vader_rt.features.detail import VirtualDetail

SHAPE = (96, 160)


def smooth_noise(seed: int, width: int = 160) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (SHAPE[0], width, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1)


def told(virtual: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The matte by the detail alone, where there is much of it: a guess hardly counts."""
    guess = np.full(SHAPE, 0.5, np.float32)
    return VirtualDetail(virtual).corrected(guess, frame)


@pytest.mark.parametrize("matte", [0.0, 0.25, 0.6, 1.0])
def test_detail_tells_the_matte(matte: float) -> None:
    virtual = smooth_noise(2)
    found = told(virtual, blended(virtual, smooth_noise(3), matte))
    # the room's own detail is not quite uncorrelated with the other's in a small window, and the
    # guess has a seventh of the weight
    assert np.abs(found - matte).mean() < 0.15
    assert abs(found.mean() - matte) < 0.15


def test_it_follows_a_matte_that_changes_slowly() -> None:
    virtual, matte = smooth_noise(3), np.linspace(0, 1, 160)[None, :, None]
    found = told(virtual, blended(virtual, np.full_like(virtual, 90), matte))
    assert np.abs(found - matte[..., 0])[:, 8:-8].max() < 0.2


def test_a_guess_is_corrected_where_there_is_detail() -> None:
    virtual = np.full((*SHAPE, 3), 120, np.uint8)
    virtual[:, :80] = smooth_noise(4, 80)
    frame = blended(virtual, np.full_like(virtual, 90), 0.4)
    guess = np.full(SHAPE, 0.8, np.float32)
    corrected = VirtualDetail(virtual).corrected(guess, frame)
    assert np.abs(corrected[:, 8:72] - 0.4).max() < 0.15
    assert np.abs(corrected[:, 100:] - 0.8).max() < 0.01
