"""Training frames: decoded once, drawn and varied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import LOOK
from train.calls import Call, read_calls
from train.data import FrameDataset, _vary, look_planes, small_call
from train.restore_data import CropDataset, restore_arrays

SIZE_WH = (160, 96)
INPUTS = ("frame", "virtual", "trace", "occupancy", "edge", "dog", "person", "mode")


@pytest.fixture(scope="module")
def call(calls: Path) -> Call:
    return read_calls(calls / "train")[0]


def test_small_calls_are_kept(call: Call) -> None:
    first = small_call(call, SIZE_WH)
    assert first.frames.shape == (10, 96, 160, 6)
    assert first.planes.shape == (96, 160, 13)
    files = {p: p.stat().st_mtime_ns for p in (call.folder / ".cache").iterdir()}
    second = small_call(call, SIZE_WH)
    assert (second.frames == first.frames).all()
    assert {p: p.stat().st_mtime_ns for p in (call.folder / ".cache").iterdir()} == files


def test_items(call: Call) -> None:
    data = FrameDataset([call], inputs=INPUTS, outputs=("matte", "leak"), size_wh=SIZE_WH)
    assert len(data) == 8
    planes, target = data[3]
    assert planes.shape == (16, 96, 160)
    assert target.shape == (2, 96, 160)
    assert planes.dtype == target.dtype == torch.float32
    for tensor in (planes, target):
        assert 0 <= tensor.min() <= tensor.max() <= 1
    assert (target[1] <= target[0]).all()


def test_crops_hold_a_leak(call: Call) -> None:
    options = {"inputs": INPUTS, "outputs": ("matte", "leak"), "size_wh": SIZE_WH}
    data = FrameDataset([call], **options, crop_wh=(64, 48))
    items = [data[i] for i in range(len(data))]
    assert {(tuple(p.shape), tuple(t.shape)) for p, t in items} == {((16, 48, 64), (2, 48, 64))}
    assert sum(float(t[1].max()) > 0 for _, t in items) >= 6  # of 8; a frame may leak nowhere
    whole, _ = FrameDataset([call], **options, crop_wh=(64, 48), varied=False)[0]
    assert whole.shape == (16, 96, 160)


def test_validation_does_not_vary(call: Call) -> None:
    data = FrameDataset(
        [call], inputs=INPUTS, outputs=("matte", "leak"), size_wh=SIZE_WH, varied=False
    )
    assert all(torch.equal(a, b) for a, b in zip(data[2], data[2], strict=True))


def test_similarity_target(call: Call) -> None:
    data = FrameDataset(
        [call], inputs=("frame",), outputs=("similarity",), size_wh=SIZE_WH, varied=False
    )
    _, target = data[0]
    assert target.shape == (1, 96, 160)
    assert 0 < target.min() < target.max() <= 1


@pytest.mark.parametrize("seed", range(4))
def test_variation_keeps_the_mixing_equation(seed: int) -> None:
    """call = V + m (R − V) holds for the varied frame too."""
    rng = np.random.default_rng(seed)
    virtual, room = rng.integers(20, 190, (2, 24, 32, 3))
    matte = rng.integers(0, 256, (24, 32))
    call = np.rint(virtual + matte[..., None] / 255 * (room - virtual))
    zeros = np.zeros((24, 32, 3))
    frame = np.dstack([call, matte, matte, zeros[..., 0]]).astype(np.uint8)
    planes = np.dstack([virtual, zeros, zeros, matte, room, room, matte]).astype(np.uint8)
    frame, planes = _vary(frame, planes, rng)
    v, r, m = planes[..., :3] * 1.0, planes[..., 10:13] * 1.0, frame[..., 4:5] / 255
    # both ends and the blend are truncated to 8 bit after the gain, at most 1.38
    assert np.abs(frame[..., :3] - (v + m * (r - v))).max() <= 2.5
    assert (frame[..., 3] == frame[..., 4]).all()
    assert (planes[..., 13:16] == planes[..., 10:13]).all()  # the look is recoloured as the room


def test_first_looks_are_given_in_most_items(call: Call, untrained: dict[str, Path]) -> None:
    options = {"inputs": (*INPUTS, *LOOK), "outputs": ("matte", "leak"), "size_wh": (320, 192)}
    model = untrained["frame"]
    looks = look_planes(call, (320, 192), model)
    planes, _ = FrameDataset([call], **options, look_model=model, varied=False)[0]
    np.testing.assert_allclose(planes[-6:-3], looks[..., 2::-1].transpose(2, 0, 1) / 255, atol=1e-6)
    np.testing.assert_allclose(planes[-3:], looks[..., 3:].transpose(2, 0, 1) / 255, atol=1e-6)
    data = FrameDataset([call], **options, look_model=model, frames_per_call=40)
    seen = [bool((data[i][0][-3] > 0).any()) for i in range(len(data))]
    assert 0 < seen.count(False) < 24  # 10 of 40 expected; more than 23 with chance 1e-5
    blank, _ = FrameDataset([call], **options)[0]
    assert not blank[-3:].any()


def test_crops_of_the_real_pipeline(call: Call, untrained: dict[str, Path]) -> None:
    arrays = restore_arrays(call, untrained["frame"])
    assert arrays.shape == (720, 1280, 21)
    assert (arrays[..., 17:20] == call.read_room()[..., ::-1]).all()
    assert (arrays[..., 20] == call.read_mask()).all()
    planes, truth = CropDataset([call], untrained["frame"], size=128)[0]
    assert planes.shape == (17, 128, 128)
    assert truth.shape == (5, 128, 128)
    assert truth[3].max() > 0  # it leaks in every crop that is drawn
    assert ((planes[14] > 0) == (truth[4] > 0)).all()
