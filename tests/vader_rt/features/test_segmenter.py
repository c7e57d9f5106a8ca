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
