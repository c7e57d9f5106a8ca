"""Clients: mask styles, smoothing over time, and segmenters that are not there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from train.compose.clients import Client, MaskStyle, load_segmenter
from train.compose.sample_call import astronaut
from vader_rt.errors import InputError
from vader_rt.features.segmenter import Segmenter


def nobody(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A frame without anybody, and the alpha of that."""
    return np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)


@pytest.mark.parametrize(
    ("style", "check"),
    [
        (MaskStyle(threshold=0.5, feather_px=3), lambda m: ((m > 0) & (m < 255)).mean() < 0.05),
        (MaskStyle(feather_px=61), lambda m: ((m > 0) & (m < 255)).mean() > 0.15),
        # the disc covers 0.246; 40 pixels are 0.0625 and 0.111 of its radius of 0.56 in x and y:
        # about 1.33 times the area, or 0.71
        (MaskStyle(grow_px=40), lambda m: 0.31 < (m > 127).mean() < 0.34),
        (MaskStyle(grow_px=-40), lambda m: 0.16 < (m > 127).mean() < 0.19),
        (MaskStyle(contrast=20), lambda m: ((m > 0) & (m < 255)).mean() < 0.06),
    ],
)
def test_mask_styles(style: MaskStyle, check: object) -> None:
    """A disc of a quarter of the picture with a soft edge, at 720 lines."""
    y, x = np.mgrid[-1:1:144j, -1:1:256j]
    soft = np.clip((0.56 - np.hypot(x, y)) * 8 + 0.5, 0, 1).astype(np.float32)
    mask = Client(lambda _: soft, style).mask(*nobody(720, 1280))
    assert mask.shape == (720, 1280)
    assert mask.dtype == np.uint8
    assert check(mask)


def test_smoothing_follows_with_delay() -> None:
    masks = iter([np.zeros((9, 16), np.float32), *[np.ones((9, 16), np.float32)] * 3])
    client = Client(lambda _: next(masks), MaskStyle(smoothing=0.5))
    levels = [client.mask(*nobody(90, 160)).mean() for _ in range(4)]
    assert levels == [0, 127, 191, 223]


@pytest.mark.parametrize("margin", [0, 5])
def test_a_clean_client_leaks_no_farther_than_its_margin(margin: int) -> None:
    """The segmenter takes everything for a person; the person is a square, soft at one side."""
    frame, alpha = nobody(720, 1280)
    alpha[200:400, 300:500] = 255
    alpha[200:400, 500:510] = 100
    client = Client(lambda _: np.ones((144, 256), np.float32), MaskStyle(margin_px=margin))
    mask = client.mask(frame, alpha)
    where = np.argwhere(mask > 0)
    assert where.min(axis=0).tolist() == [200 - margin, 300 - margin]
    assert where.max(axis=0).tolist() == [399 + margin, 509 + margin]
    assert mask[300, 400] == 255
    assert mask[300, 505 + margin] == 100


def test_mediapipe_reads_points_and_averages_nothing() -> None:
    """Of a frame of twice its input's size it sees every second pixel."""
    wanted = cv2.resize(astronaut().color[0], (256, 256), interpolation=cv2.INTER_AREA)
    frame = np.zeros((512, 512, 3), np.uint8)
    frame[::2, ::2] = wanted
    assert np.array_equal(load_segmenter("mp")(frame), Segmenter(threads=1)(wanted))


def test_segmenter_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unheard-of"):
        load_segmenter("unheard-of")
    with pytest.raises(InputError, match=r"segm_lite_v681\.tflite"):
        load_segmenter("meet-lite", tmp_path)
