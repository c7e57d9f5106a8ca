"""The re-run segmenter on a real picture."""

from __future__ import annotations

import cv2
import numpy as np

from train.calls import Call
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.video import open_video


def test_it_finds_the_caller(sample: Call) -> None:
    frame = next(open_video(sample.video).frames())
    _, person = next(sample.truth_frames())
    mask = Segmenter(threads=1)(frame)
    assert mask.shape == (256, 256)
    assert mask.dtype == np.float32
    assert 0 <= mask.min() <= mask.max() <= 1
    # head and shoulders; below, the caller holds a helmet, which is no person to the segmenter
    truth = (cv2.resize(person, (256, 256)) > 127)[:160]
    found = (mask > 0.5)[:160]
    # 0.86 here: the halo that the generous client leaves is taken in
    assert (truth & found).sum() / (truth | found).sum() > 0.8


def test_levels_at_a_size(frames: list[np.ndarray]) -> None:
    segmenter = Segmenter(threads=1)
    mask = segmenter.mask(frames[0])
    assert (mask == np.rint(segmenter(frames[0]) * 255)).all()
    assert mask.dtype == np.uint8
    small = segmenter.mask(frames[0], (64, 48))
    assert (small == cv2.resize(mask, (64, 48), interpolation=cv2.INTER_AREA)).all()
