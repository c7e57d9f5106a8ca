"""Clients: mask styles, smoothing over time, and segmenters that are not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.compose.clients import Client, MaskStyle, load_segmenter
from vader_rt.errors import InputError


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
    mask = Client(lambda _: soft, style).mask(np.zeros((720, 1280, 3), np.uint8))
    assert mask.shape == (720, 1280)
    assert mask.dtype == np.uint8
    assert check(mask)


def test_smoothing_follows_with_delay() -> None:
    masks = iter([np.zeros((9, 16), np.float32), *[np.ones((9, 16), np.float32)] * 3])
    client = Client(lambda _: next(masks), MaskStyle(smoothing=0.5))
    levels = [client.mask(np.zeros((90, 160, 3), np.uint8)).mean() for _ in range(4)]
    assert levels == [0, 127, 191, 223]


def test_segmenter_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unheard-of"):
        load_segmenter("unheard-of")
    with pytest.raises(InputError, match=r"segm_lite_v681\.tflite"):
        load_segmenter("meet-lite", tmp_path)
