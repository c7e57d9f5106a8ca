"""Training frames: decoded once, drawn and varied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.conftest import LOOK
from train.calls import Call, read_calls
from train.data.cache import (
    PLANES,
    SmallCall,
    call_planes,
    look_planes,
    remixed_call,
    restore_arrays,
    small_call,
)
from train.data.frames import FrameDataset, _vary
from train.data.rooms import RoomDataset, _scaled_crop, is_given
from train.data.rooms import _vary as _vary_rooms
from vader_rt.contract import RESTORE_GROUPS
from vader_rt.features.planes import shrunk
from vader_rt.io.video import read_image
from vader_rt.room.restore import restore_slice
from vader_rt.virtual.estimate import cover

ROOM_PLANES = sum(RESTORE_GROUPS.values())
SIZE_WH = (160, 96)
INPUTS = ("frame", "virtual", "trace", "occupancy", "edge", "dog", "person", "mode")


@pytest.fixture(scope="module")
def call(calls: Path) -> Call:
    return read_calls(calls / "train")[0]


def test_small_calls_are_kept(call: Call) -> None:
    first = small_call(call, SIZE_WH)
    assert first.frames.shape == (10, 96, 160, 6)
    assert first.planes.shape == (96, 160, PLANES)
    files = {p: p.stat().st_mtime_ns for p in (call.folder / ".cache").iterdir()}
    second = small_call(call, SIZE_WH)
    assert (second.frames == first.frames).all()
    assert {p: p.stat().st_mtime_ns for p in (call.folder / ".cache").iterdir()} == files


def test_what_an_older_version_kept_is_made_anew(call: Call) -> None:
    stem = small_call(call, SIZE_WH).stem
    path = stem.with_name(f"{stem.name}-planes.npy")
    np.save(path, np.load(path)[..., :13])
    assert small_call(call, SIZE_WH).planes.shape == (96, 160, PLANES)


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
        np.testing.assert_allclose(room[0] * 255, small.planes[..., 12:9:-1].transpose(2, 0, 1))
        np.testing.assert_allclose(target[:, 0] * 255, small.frames[[0, 2, 5, 7], ..., 4])


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
    """call = V + m (R − V) holds for the varied frame too."""
    rng = np.random.default_rng(seed)
    virtual, room = rng.integers(20, 190, (2, 24, 32, 3))
    matte = rng.integers(0, 256, (24, 32))
    call = np.rint(virtual + matte[..., None] / 255 * (room - virtual))
    zeros = np.zeros((24, 32, 3))
    frame = np.dstack([call, matte, matte, zeros[..., 0]]).astype(np.uint8)
    known = np.dstack([virtual, zeros, zeros, matte, room, matte, matte])
    planes = np.dstack([known, room, matte]).astype(np.uint8)
    (frame, other), planes = _vary(np.stack([frame, frame]), planes, rng)
    assert (frame == other).all()
    v, r, m = planes[..., :3] * 1.0, planes[..., 10:13] * 1.0, frame[..., 4:5] / 255
    # both ends and the blend are truncated to 8 bit after the gain, at most 1.38
    assert np.abs(frame[..., :3] - (v + m * (r - v))).max() <= 2.5
    assert (frame[..., 3] == frame[..., 4]).all()
    look = planes[..., PLANES : PLANES + 3]
    assert (look == planes[..., 10:13]).all()  # the look is recoloured as the room


def test_first_looks_are_given_in_most_items(call: Call, untrained: dict[str, Path]) -> None:
    options = {"inputs": (*INPUTS, *LOOK), "outputs": ("matte", "leak"), "size_wh": (320, 192)}
    model = untrained["frame"]
    looks = look_planes(small_call(call, (320, 192)), model)
    planes, _ = FrameDataset([call], **options, look_model=model, varied=False)[0]
    np.testing.assert_allclose(planes[-6:-3], looks[..., 2::-1].transpose(2, 0, 1) / 255, atol=1e-6)
    np.testing.assert_allclose(planes[-3:], looks[..., 3:].transpose(2, 0, 1) / 255, atol=1e-6)
    data = FrameDataset([call], **options, look_model=model, frames_per_call=40)
    seen = [bool((data[i][0][-3] > 0).any()) for i in range(len(data))]
    assert 0 < seen.count(False) < 24  # 10 of 40 expected; more than 23 with chance 1e-5
    blank, _ = FrameDataset([call], **options)[0]
    assert not blank[-3:].any()


def test_remixed_calls_obey_the_mixing_equation(calls: Path) -> None:
    first, second = read_calls(calls / "train")
    small = small_call(first, SIZE_WH)
    virtuals = [shrunk(read_image(c.virtual), SIZE_WH).astype(float) for c in (first, second)]
    given, rooms, kept = 0, set(), 0
    for turn in range(1, 13):
        mixed = remixed_call(first, SIZE_WH, [second], turn)
        assert (mixed.frames[..., 4:] == small.frames[..., 4:]).all()
        room, new_room = (x.planes[..., 10:13].astype(float) for x in (small, mixed))
        rooms.add(new_room.tobytes())
        off = [_mixing_error(small, mixed, new_room - room, v - virtuals[0]) for v in virtuals]
        assert min(off) <= 1  # rounding
        kept += off[0] <= 1
        known = bool(np.abs(mixed.planes[..., :3] - virtuals[int(np.argmin(off))]).max() <= 1)
        planes = call_planes(mixed.planes)
        assert planes.hidden is not None
        assert planes.presence is not None
        assert planes.hidden.any() != known  # a known image was nowhere hidden
        assert planes.presence.any()
        given += known
    assert len(rooms) == 2  # its own in half of the turns, else the other's
    assert 0 < kept < 12  # 3.6 expected
    assert 0 < given < 12


def _mixing_error(
    small: SmallCall, mixed: SmallCall, room_shift: np.ndarray, virtual_shift: np.ndarray
) -> float:
    """The largest difference from call + (1 − m) ΔV + m (1 − a) ΔR."""
    worst = 0.0
    for old, new in zip(small.frames, mixed.frames, strict=True):
        matte, person = (old[..., i, None] / 255 for i in (4, 5))
        expected = old[..., :3] + (1 - matte) * virtual_shift + matte * (1 - person) * room_shift
        worst = max(worst, float(np.abs(new[..., :3] - np.clip(expected, 0, 255)).max()))
    return worst


def test_with_remixes_only_they_are_looked_at(calls: Path, untrained: dict[str, Path]) -> None:
    found = read_calls(calls / "train")
    options = {"inputs": (*INPUTS, *LOOK), "outputs": ("matte", "leak"), "size_wh": (320, 192)}
    data = FrameDataset(found, **options, remix=True, look_model=untrained["frame"])
    assert len(data) == 2 * 2 * 8
    looks = [bool((data[i][0][-3] > 0).any()) for i in range(len(data))]
    assert not any(looks[:16])
    assert any(looks[16:])
    data = FrameDataset(
        found, **options, remix=True, look_model=untrained["frame"], look_at_all=True
    )
    assert any(bool((data[i][0][-3] > 0).any()) for i in range(16))


def test_rooms_for_restoration(calls: Path, untrained: dict[str, Path]) -> None:
    (call,) = read_calls(calls / "validation")
    arrays = restore_arrays(call, (320, 192), untrained["frame"])
    assert arrays.shape == (192, 320, ROOM_PLANES + 4)
    assert arrays.dtype == np.uint8
    room = cv2.resize(call.read_room(), (320, 192), interpolation=cv2.INTER_AREA)
    assert (arrays[..., -4:-1] == room[..., ::-1]).all()
    leak = cv2.resize(call.read_mask(), (320, 192), interpolation=cv2.INTER_AREA)
    assert (
        np.corrcoef(arrays[..., -1].ravel(), leak.ravel())[0, 1] > 0.9
    )  # thresholded before or after it shrinks
    rooms = RoomDataset([call], untrained["frame"], size_wh=(320, 192), crop_wh=(96, 64))
    planes, truth = rooms[0]
    assert planes.shape == (ROOM_PLANES, 64, 96)
    assert truth.shape == (5, 64, 96)
    assert truth[3].max() > 0  # it leaks in every crop that is drawn
    assert ((planes[restore_slice("evidence")] > 0) == (truth[4] > 0)).all()
    known = restore_arrays(call, (320, 192), untrained["frame"], given=True)
    image = cv2.resize(cover(read_image(call.virtual), (640, 360)), (320, 192))
    off = [np.abs(a[..., restore_slice("virtual")] - image[..., ::-1].astype(int)).mean()
           for a in (known, arrays)]  # fmt: skip
    assert off[0] < min(3, off[1])


def test_a_fifth_of_the_rooms_is_found_with_the_virtual_image_known(
    calls: Path, untrained: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (call,) = read_calls(calls / "validation")
    renamed = [replace(call, name=replace(call.name, person=f"p{i}")) for i in range(500)]
    assert 0.15 < np.mean([is_given(each) for each in renamed]) < 0.25
    monkeypatch.setattr("train.data.rooms._vary", lambda arrays, _: arrays)
    for given in (True, False):
        monkeypatch.setattr("train.data.rooms.is_given", lambda _, given=given: given)
        planes, _ = RoomDataset([call], untrained["frame"], size_wh=(320, 192))[0]
        arrays = restore_arrays(call, (320, 192), untrained["frame"], given=given)
        expected = arrays[..., :ROOM_PLANES].transpose(2, 0, 1).astype(np.float32) / 255
        assert (planes.numpy() == expected).all()


def test_crops_of_rooms_hold_what_leaks() -> None:
    arrays = np.zeros((128, 192, 5), np.uint8)
    arrays[-24:, -24:, -1] = 255
    shares = []
    for seed in range(20):
        crop = _scaled_crop(arrays, (96, 64), np.random.default_rng(seed))
        assert crop.shape == (64, 96, 5)
        assert set(np.unique(crop)) <= {0, 255}
        assert crop[..., -1].any()
        shares.append((crop[..., -1] > 0).mean())
    assert max(shares) > 24 * 24 / (64 * 96)  # enlarged


def test_varied_rooms_still_mix() -> None:
    """sample = V + m (R − V) before and after, whatever happens to the colours."""
    rng = np.random.default_rng(0)
    arrays = rng.integers(40, 200, (8, 8, ROOM_PLANES + 4), np.uint8)
    arrays[:] = arrays[:1, :1]
    sample, matte = restore_slice("samples").start, restore_slice("sample_matte").start

    def mixed(a: np.ndarray) -> np.ndarray:
        virtual, room = a[0, 0, restore_slice("virtual")], a[0, 0, -4:-1].astype(float)
        return virtual + a[0, 0, matte] / 255 * (room - virtual)

    arrays[..., sample : sample + 3] = np.rint(mixed(arrays))
    changed = 0
    for seed in range(20):
        varied = _vary_rooms(arrays, np.random.default_rng(seed))
        assert np.abs(varied[0, 0, sample : sample + 3] - mixed(varied)).max() <= 2  # rounding
        assert (varied[..., matte:-4] == arrays[..., matte:-4]).all()
        assert (varied[..., -1] == arrays[..., -1]).all()
        changed += bool((varied != arrays).any())
    assert changed > 8
