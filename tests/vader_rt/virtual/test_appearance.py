"""Tone and blur of a picture in a call."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.conftest import SAMPLE
from vader_rt.io.images import read_image, shrunk
from vader_rt.virtual.appearance import AS_IT_IS, Appearance, matched

SIZE_WH = (320, 180)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return shrunk(read_image(SAMPLE / "backgrounds" / "study.png"), SIZE_WH)


@pytest.mark.parametrize(
    "truth",
    [
        AS_IT_IS,
        Appearance(np.array([0.9, 0.95, 0.8]), np.array([8.0, 4.0, -3.0])),
        Appearance(np.ones(3), np.zeros(3), sigma=1.5),
        Appearance(np.ones(3), np.zeros(3), gamma=0.8),
        Appearance(np.full(3, 0.9), np.full(3, 8.0), gamma=1.25, sigma=2.0),
    ],
)
def test_it_is_found_despite_noise_and_overlays(picture: np.ndarray, truth: Appearance) -> None:
    noise = np.random.default_rng(0).normal(0, 1.5, picture.shape)
    shown = np.clip(np.rint(truth.of(picture) + noise), 0, 255).astype(np.uint8)
    shown[100:, 200:] = (20, 200, 240)  # a fifth of the picture
    found = matched(picture, shown, np.ones(picture.shape[:2], bool))
    assert found.sigma == truth.sigma
    assert found.gamma == truth.gamma
    # what the noise does to 10,000 samples
    assert np.abs(found.gain - truth.gain).max() < 0.01
    assert np.abs(found.offset - truth.offset).max() < 0.5


def test_only_what_is_sure_counts(picture: np.ndarray) -> None:
    sure = np.zeros(picture.shape[:2], bool)
    sure[:, :100] = True
    shown = np.where(sure[..., None], picture, 255 - picture)
    assert matched(picture, shown, sure) is AS_IT_IS


def test_levels_are_cut_off_at_black_and_white() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    shown = Appearance(np.full(3, 2.0), np.full(3, -60.0)).of(ramp)
    assert (shown[0, :30] == 0).all()
    assert (shown[0, 158:] == 255).all()
    assert (shown[0, 100] == 140).all()


def test_no_blur_is_none(picture: np.ndarray) -> None:
    assert (AS_IT_IS.of(picture) == picture).all()
    blurred = Appearance(np.ones(3), np.zeros(3), sigma=1.0).of(picture)
    assert (blurred == cv2.GaussianBlur(picture, (0, 0), 1.0)).all()
