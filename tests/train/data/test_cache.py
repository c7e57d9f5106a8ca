"""What is computed of calls once, and kept."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from train.calls import Call, read_calls
from train.data.cache import look_planes, restore_arrays, small_call
from train.data.planes import FRAME_PLANES, ROOM_PLANES, STATIC_PLANES
from vader_rt.errors import InputError
from vader_rt.io.images import read_image
from vader_rt.virtual.given import cover

SIZE_WH = (160, 96)


@pytest.fixture
def call(calls: Path) -> Call:
    return read_calls(calls / "train")[0]


def test_small_calls_are_kept(call: Call) -> None:
    first = small_call(call, SIZE_WH)
    assert first.frames.shape == (10, 96, 160, FRAME_PLANES.count)
    assert first.static.shape == (96, 160, STATIC_PLANES.count)
    files = {p: p.stat().st_mtime_ns for p in (call.folder / ".cache").iterdir()}
    second = small_call(call, SIZE_WH)
    assert (second.frames == first.frames).all()
    assert {p: p.stat().st_mtime_ns for p in (call.folder / ".cache").iterdir()} == files


def test_what_an_older_version_kept_is_made_anew(call: Call) -> None:
    stem = small_call(call, SIZE_WH).stem
    path = stem.with_name(f"{stem.name}-planes.npy")
    np.save(path, np.load(path)[..., :13])
    assert small_call(call, SIZE_WH).static.shape == (96, 160, STATIC_PLANES.count)


def test_looks_are_kept(call: Call, tiny_models: dict[str, Path]) -> None:
    small = small_call(call, (96, 64))
    first = look_planes(small, tiny_models["frame"])
    assert first.shape == (64, 96, 6)
    (kept,) = small.stem.parent.glob(f"{small.stem.name}-look-*.npy")
    np.save(kept, first + 1)
    assert (look_planes(small, tiny_models["frame"]) == first + 1).all()
    kept.unlink()


def test_rooms_for_restoration(calls: Path, tiny_models: dict[str, Path]) -> None:
    (call,) = read_calls(calls / "validation")
    array = restore_arrays(call, (96, 64), tiny_models["frame"])
    assert array.shape == (64, 96, ROOM_PLANES.count)
    assert array.dtype == np.uint8
    room = cv2.resize(call.read_room(), (96, 64), interpolation=cv2.INTER_AREA)
    assert (ROOM_PLANES.get(array, "true_room") == room[..., ::-1]).all()
    leak = cv2.resize(call.read_mask(), (96, 64), interpolation=cv2.INTER_AREA)
    alike = np.corrcoef(ROOM_PLANES.get(array, "true_leak").ravel(), leak.ravel())[0, 1]
    assert alike > 0.85  # thresholded before or after it shrinks
    known = restore_arrays(call, (96, 64), tiny_models["frame"], given=True)
    image = cv2.resize(cover(read_image(call.virtual), (640, 360)), (96, 64))
    off = [np.abs(ROOM_PLANES.get(a, "virtual") - image[..., ::-1].astype(int)).mean()
           for a in (known, array)]  # fmt: skip
    assert off[0] < min(3, off[1])


def test_a_model_of_another_size_is_refused(call: Call, tiny_models: dict[str, Path]) -> None:
    model = tiny_models["frame"]
    with pytest.raises(InputError, match="works at 96×64, this training at 160×96"):
        restore_arrays(call, SIZE_WH, model)
    with pytest.raises(InputError, match=r"set data\.init_args\.size_wh"):
        look_planes(small_call(call, SIZE_WH), model)
