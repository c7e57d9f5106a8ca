"""Whole calls for the restoration network: drawn and varied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from train.calls import read_calls
from train.data.cache import restore_arrays
from train.data.planes import ROOM_PLANES
from train.data.rooms import RoomDataset, _scaled_crop, _vary, is_given
from vader_rt.contract import RESTORE_GROUPS, plane_slices

INPUT_PLANES = sum(RESTORE_GROUPS.values())
SLICES = plane_slices(RESTORE_GROUPS)


def test_items(calls: Path, tiny_models: dict[str, Path]) -> None:
    (call,) = read_calls(calls / "validation")
    rooms = RoomDataset(
        [call], tiny_models["frame"], size_wh=(96, 64), crop_wh=(48, 32), crops_per_call=3
    )
    assert len(rooms) == 3
    for planes, truth in (rooms[i] for i in range(3)):
        assert planes.shape == (INPUT_PLANES, 32, 48)
        assert truth.shape == (5, 32, 48)
        assert truth[3].max() > 0  # it leaks in every crop that is drawn
        assert ((planes[SLICES["evidence"]] > 0) == (truth[4] > 0)).all()


def test_a_fifth_of_the_rooms_is_found_with_the_virtual_image_known(
    calls: Path, tiny_models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (call,) = read_calls(calls / "validation")
    renamed = [replace(call, name=replace(call.name, person=f"p{i}")) for i in range(500)]
    assert 0.15 < np.mean([is_given(each) for each in renamed]) < 0.25
    monkeypatch.setattr("train.data.rooms._vary", lambda arrays, _: arrays)
    for given in (True, False):
        monkeypatch.setattr("train.data.rooms.is_given", lambda _, given=given: given)
        planes, _ = RoomDataset([call], tiny_models["frame"], size_wh=(96, 64))[0]
        arrays = restore_arrays(call, (96, 64), tiny_models["frame"], given=given)
        expected = arrays[..., :INPUT_PLANES].transpose(2, 0, 1).astype(np.float32) / 255
        assert (planes.numpy() == expected).all()


def test_crops_of_rooms_hold_what_leaks() -> None:
    arrays = np.zeros((128, 192, ROOM_PLANES.count), np.uint8)
    ROOM_PLANES.get(arrays, "true_leak")[-24:, -24:] = 255
    shares = []
    for seed in range(20):
        crop = _scaled_crop(arrays, (96, 64), np.random.default_rng(seed))
        assert crop.shape == (64, 96, ROOM_PLANES.count)
        assert set(np.unique(crop)) <= {0, 255}
        assert crop[..., -1].any()
        shares.append((crop[..., -1] > 0).mean())
    assert max(shares) > 24 * 24 / (64 * 96)  # enlarged


def test_varied_rooms_still_mix() -> None:
    """sample = V + m (R − V) before and after, whatever happens to the colours."""
    rng = np.random.default_rng(0)
    arrays = rng.integers(40, 200, (8, 8, ROOM_PLANES.count), np.uint8)
    arrays[:] = arrays[:1, :1]
    sample, matte = (ROOM_PLANES.slice(name).start for name in ("samples", "sample_matte"))

    def mixed(a: np.ndarray) -> np.ndarray:
        virtual, room = (ROOM_PLANES.get(a[0, 0], n) * 1.0 for n in ("virtual", "true_room"))
        return virtual + a[0, 0, matte] / 255 * (room - virtual)

    arrays[..., sample : sample + 3] = np.rint(mixed(arrays))
    changed = 0
    for seed in range(20):
        varied = _vary(arrays, np.random.default_rng(seed))
        assert np.abs(varied[0, 0, sample : sample + 3] - mixed(varied)).max() <= 2  # rounding
        assert (varied[..., matte:-4] == arrays[..., matte:-4]).all()
        assert (varied[..., -1] == arrays[..., -1]).all()
        changed += bool((varied != arrays).any())
    assert changed > 8
