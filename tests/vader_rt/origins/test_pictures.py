"""Thumbnails of frames, in constant memory."""

from __future__ import annotations

import cv2
import numpy as np

from vader_rt.origins.pictures import FramePictures, jpeg


def decoded(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def shade(level: int, size_wh: tuple[int, int] = (480, 270)) -> np.ndarray:
    return np.full((*size_wh[::-1], 3), level, np.uint8)


def test_every_frame_of_a_short_call_has_one() -> None:
    pictures = FramePictures()
    for index in (40, 3, 7):
        pictures.add(index, shade(index), leak={40: 0.1, 3: 0.5, 7: 0.2}[index])
    assert set(pictures.thumbnails) == {40, 3, 7}
    assert decoded(pictures.thumbnails[40]).shape == (135, 240, 3)
    assert pictures.leakiest is not None
    assert pictures.leakiest[0] == 3
    assert decoded(pictures.leakiest[1]).shape == (270, 480, 3)
    assert pictures.unmasked is None


def test_of_a_long_call_some_do_and_unmasked_ones_always() -> None:
    pictures = FramePictures()
    for index in range(2000):
        pictures.add(index, shade(9, (64, 64)), leak=0.0)
    pictures.add_unmasked(777, shade(200))
    pictures.add_unmasked(779, shade(200))
    assert 200 <= len(pictures.thumbnails) <= 402
    assert abs(int(decoded(pictures.thumbnails[777]).mean()) - 200) < 3
    assert pictures.unmasked is not None
    assert pictures.unmasked[0] == 777


def test_a_picture_is_never_enlarged() -> None:
    assert decoded(jpeg(shade(1, (100, 50)))).shape == (50, 100, 3)
    assert decoded(jpeg(shade(1, (2000, 2)), 1280)).shape == (1, 1280, 3)
