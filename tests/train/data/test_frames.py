"""Frames for the frame networks: drawn and varied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import LOOK
from train.calls import Call, read_calls
from train.data.cache import look_planes, small_call
from train.data.frames import FrameDataset, _vary
from train.data.planes import FRAME_PLANES, LOOK_PLANES, STATIC_PLANES

SIZE_WH = (160, 96)
INPUTS = ("frame", "virtual", "trace", "occupancy", "edge", "dog", "person", "mode")


@pytest.fixture(scope="module")
def call(calls: Path) -> Call:
    return read_calls(calls / "train")[0]


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


@pytest.mark.parametrize("varied", [False, True])
def test_frames_of_one_call_together(call: Call, varied: bool) -> None:
    options = {"inputs": INPUTS, "outputs": ("matte", "leak"), "size_wh": SIZE_WH}
    data = FrameDataset([call], **options, together=4, frames_per_call=2, varied=varied)
    assert len(data) == 2
    (planes, target), (others, _) = data[0], data[1]
    assert planes.shape == (4, 16, 96, 160)
    assert target.shape == (4, 11, 96, 160)
    assert len({float(frame[:3].sum()) for frame in [*planes, *others]}) > 4
    room, frame, virtual = target[:, 2:].split(3, dim=1)
    torch.testing.assert_close(frame, planes[:, :3])
    torch.testing.assert_close(virtual, planes[:, 3:6])
    assert torch.equal(room, room[:1].expand_as(room))
    if not varied:
        small = small_call(call, SIZE_WH)
        real = STATIC_PLANES.get(small.static, "room")[..., ::-1].transpose(2, 0, 1)
        np.testing.assert_allclose(room[0] * 255, real)
        matte = FRAME_PLANES.get(small.frames[[0, 2, 5, 7]], "matte")
        np.testing.assert_allclose(target[:, 0] * 255, matte)


def test_fewer_frames_than_wanted_together(call: Call) -> None:
    options = {"inputs": INPUTS, "outputs": ("matte", "leak"), "size_wh": SIZE_WH}
    for varied in (False, True):
        planes, _ = FrameDataset([call], **options, together=12, varied=varied)[7]
        assert len(planes) == 12


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
    """frame = V + m (R − V) holds for the varied frame too."""
    rng = np.random.default_rng(seed)
    virtual, room = rng.integers(20, 190, (2, 24, 32, 3))
    matte, zeros = rng.integers(0, 256, (24, 32)), np.zeros((24, 32))
    mixed = np.rint(virtual + matte[..., None] / 255 * (room - virtual))
    frame = FRAME_PLANES.stack(frame=mixed, mask=matte, matte=matte, person=zeros)
    static = STATIC_PLANES.stack(
        virtual=virtual,
        trace=np.dstack([zeros] * 3),
        mode=np.dstack([zeros] * 3),
        occupancy=matte,
        room=room,
        presence=matte,
        hidden=matte,
    )
    arrays = [array.astype(np.uint8) for array in (np.stack([frame] * 2), static)]
    look = LOOK_PLANES.stack(look=room, look_leak=matte, look_matte=matte, look_residual=matte)
    (frame, other), static, look = _vary(*arrays, look.astype(np.uint8), rng)
    assert (frame == other).all()
    v, r = (STATIC_PLANES.get(static, name).astype(float) for name in ("virtual", "room"))
    m = FRAME_PLANES.get(frame, "matte")[..., None] / 255
    # both ends and the blend are truncated to 8 bit after the gain, at most 1.38
    assert np.abs(FRAME_PLANES.get(frame, "frame") - (v + m * (r - v))).max() <= 2.5
    assert (FRAME_PLANES.get(frame, "mask") == FRAME_PLANES.get(frame, "matte")).all()
    assert (LOOK_PLANES.get(look, "look") == r).all()  # recoloured as the room
    assert (LOOK_PLANES.get(look, "look_leak") == FRAME_PLANES.get(frame, "matte")).all()


def test_first_looks_are_given_in_most_items(call: Call, tiny_models: dict[str, Path]) -> None:
    options = {"inputs": (*INPUTS, *LOOK), "outputs": ("matte", "leak"), "size_wh": (96, 64)}
    model = tiny_models["frame"]
    looks = look_planes(small_call(call, (96, 64)), model)
    planes, _ = FrameDataset([call], **options, look_model=model, varied=False)[0]
    np.testing.assert_allclose(planes[-6:-3], looks[..., 2::-1].transpose(2, 0, 1) / 255, atol=1e-6)
    np.testing.assert_allclose(planes[-3:], looks[..., 3:].transpose(2, 0, 1) / 255, atol=1e-6)
    data = FrameDataset([call], **options, look_model=model, frames_per_call=40)
    seen = [bool((data[i][0][-3] > 0).any()) for i in range(len(data))]
    assert 0 < seen.count(False) < 24  # 10 of 40 expected; more than 23 with chance 1e-5
    blank, _ = FrameDataset([call], **options)[0]
    assert not blank[-3:].any()


def test_of_augmented_and_other_calls_only_the_augmented_are_looked_at(
    calls: Path, tiny_models: dict[str, Path]
) -> None:
    found = read_calls(calls / "train")
    options = {"inputs": (*INPUTS, *LOOK), "outputs": ("matte", "leak"), "size_wh": (96, 64)}
    options |= {"augment": True, "look_model": tiny_models["frame"]}
    data = FrameDataset(found, **options)
    assert len(data) == 2 * 2 * 8
    looks = [bool((data[i][0][-3] > 0).any()) for i in range(len(data))]
    assert not any(looks[:16])
    assert any(looks[16:])
    data = FrameDataset(found, **options, look_at_all=True)
    assert any(bool((data[i][0][-3] > 0).any()) for i in range(16))
