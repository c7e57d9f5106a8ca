"""Frames of several scenes tell of one room."""

from __future__ import annotations

import numpy as np
import pytest

from vader_rt.contract import SPANS, Contract
from vader_rt.features.planes import VirtualDetail
from vader_rt.room.accumulate import Recovery
from vader_rt.virtual.estimate import VirtualBackground
from vader_rt.virtual.scenes import Scene

SIZE_WH = (96, 64)
ROOM = np.full((64, 96, 3), (180, 140, 90), np.uint8)
MAIN = np.full_like(ROOM, 40)
CONTRACT = Contract("frame", ("frame",), SIZE_WH, ("matte", "leak"), matte_trust=1.0)


def blended(virtual: np.ndarray, matte: float) -> np.ndarray:
    return np.rint(virtual + matte * (ROOM.astype(float) - virtual)).astype(np.uint8)


def plane(value: float) -> np.ndarray:
    return np.full((64, 96), value, np.float32)


def scene_before(virtual: np.ndarray, *, given: bool = False) -> Scene:
    gray = np.zeros(virtual.shape[:2], np.uint8)
    background = VirtualBackground(virtual, gray, virtual, gray, gray)
    detail = VirtualDetail(virtual) if given else None
    return Scene(background, None, detail=detail)  # type: ignore[arg-type]  # no network here


def test_frames_of_all_scenes_vote_on_one_room() -> None:
    other = np.full_like(ROOM, (90, 220, 60))
    recovery = Recovery(MAIN, CONTRACT, frames=2 * SPANS)
    for index in range(2 * SPANS):
        virtual = (MAIN, other)[index % 2]
        matte = 0.5 + 0.04 * index
        scene = scene_before(virtual)
        share = recovery.add(blended(virtual, matte), plane(matte), plane(0.5), scene, virtual)
        assert share == 1.0
    found = recovery.result()
    assert found.voted.trust == 1.0
    # levels rounded twice, divided by 0.5
    assert np.abs(found.voted.room.astype(int) - ROOM).max() <= 4
    assert (found.samples.leak > 0).all()


@pytest.mark.parametrize("given", [False, True])
def test_only_a_given_image_corrects_a_wrong_matte(given: bool) -> None:
    virtual = np.random.default_rng(0).integers(0, 256, ROOM.shape, np.uint8)
    recovery = Recovery(virtual, CONTRACT, frames=1)
    scene = scene_before(virtual, given=given)
    recovery.add(blended(virtual, 0.4), plane(0.9), plane(0.5), scene, virtual)
    error = np.abs(recovery.result().estimate.matte - 0.4).mean()
    assert error == pytest.approx(0.5, abs=1e-3) if not given else error < 0.1
