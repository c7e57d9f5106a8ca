"""The bundled sample is what `train.compose.sample_call` draws."""

from __future__ import annotations

import numpy as np
import pytest

from train.calls import Call
from train.compose.sample_call import draw_room, draw_virtual
from vader_rt.io.images import read_image


def test_the_bundled_pictures_are_drawn_here(sample: Call) -> None:
    # another OpenCV may round a blurred edge differently
    assert np.abs(sample.read_room().astype(int) - draw_room()).mean() < 0.1
    virtual = read_image(sample.virtual).astype(int)
    assert np.abs(virtual - draw_virtual()).max() <= 6  # stored as JPEG


@pytest.mark.parametrize("size_wh", [(320, 180), (640, 360), (1920, 1080)])
def test_pictures_are_drawn_at_any_size(size_wh: tuple[int, int]) -> None:
    for picture in (draw_room(size_wh), draw_virtual(size_wh)):
        assert picture.shape == (size_wh[1], size_wh[0], 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 20
