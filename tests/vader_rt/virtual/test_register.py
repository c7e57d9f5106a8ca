"""A picture brought to what a call shows: the steps together."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.conftest import SAMPLE
from vader_rt.io.images import read_image, shrunk
from vader_rt.virtual.placement import Placement, Shown
from vader_rt.virtual.register import registered

SIZE_WH = (320, 180)


@pytest.fixture(scope="module")
def room() -> np.ndarray:
    return shrunk(read_image(SAMPLE / "backgrounds" / "study.png"), (640, 360))


def corners(placement: Placement, image: np.ndarray) -> np.ndarray:
    """The first and the last corner of a picture in the call: (2, 2), in pixels."""
    return placement.shift + placement.scale * np.array([(0, 0), image.shape[1::-1]])


def test_place_tone_and_blur_are_found_together(room: np.ndarray) -> None:
    """Features alone leave half a pixel; ECC brings it below a tenth."""
    truth = Placement(np.full(2, 0.837), np.array([-31.3, -17.6]))
    picture = cv2.GaussianBlur(truth.rendered(room, SIZE_WH), (0, 0), 1.0)
    noise = np.random.default_rng(0).normal(0, 1, picture.shape)
    call = np.clip(picture * 0.9 + 8 + noise, 0, 255).astype(np.uint8)
    found = registered(room, Shown(call, np.ones(call.shape[:2], bool)))
    assert found is not None
    assert np.abs(corners(found.placement, room) - corners(truth, room)).max() < 0.1
    report = found.report()
    assert report["blur_sigma"] == 1.0
    assert report["gain"] == pytest.approx([0.9] * 3, abs=0.01)
    assert report["offset"] == pytest.approx([8] * 3, abs=1)
    assert np.abs(found.image.astype(int) - call).mean() < 1.5


def test_another_picture_has_no_place(room: np.ndarray) -> None:
    call = cv2.flip(shrunk(room, SIZE_WH), 0)
    assert registered(room, Shown(call, np.ones(call.shape[:2], bool))) is None
