"""The re-run segmenter on a real picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from train.calls import Call
from vader_rt.errors import InputError
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.video import open_video
from vader_rt.models import DEFAULT_MODEL, PERSON_MODEL


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


def test_the_pose_landmarker_finds_the_caller_whatever_the_frames_shape(sample: Call) -> None:
    """Its mask moves with the frame's content, and ends where the frame ends."""
    frame = next(open_video(sample.video).frames())
    _, person = next(sample.truth_frames())
    segmenter = Segmenter(PERSON_MODEL, letterbox=True, threads=1)
    wide, square = frame[:, 280:], np.ascontiguousarray(frame[:, 280:1000])
    for part, left in ((wide, 280), (square, 280)):
        mask = segmenter(part)
        assert mask.shape == (round(256 * 720 / part.shape[1]), 256)
        truth = cv2.resize(person, (1280, 720))[:, left : left + part.shape[1]] > 127
        found = cv2.resize(mask, part.shape[1::-1]) > 0.5
        assert (truth & found)[:450].sum() / (truth | found)[:450].sum() > 0.8
    assert segmenter.mask(wide, (64, 48)).shape == (48, 64)
    assert segmenter(np.ascontiguousarray(frame[:, :90])).shape == (256, 32)


def test_what_is_no_segmenter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    for model, said in (
        (tmp_path / "none.onnx", "does not exist"),
        (tmp_path / "text.onnx", "is no ONNX model"),
        (DEFAULT_MODEL, "is no person segmenter"),
    ):
        with pytest.raises(InputError, match=said) as error:
            Segmenter(model)
        assert "\n" not in str(error.value)
