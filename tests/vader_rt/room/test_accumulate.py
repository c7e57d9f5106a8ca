"""Frames of several scenes tell of one room."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vader_rt.room.made import blended, observed, plane
from vader_rt.contract import TIME_BINS, Contract
from vader_rt.features.detail import VirtualDetail
from vader_rt.room.accumulate import (
    CopyingAccumulator,
    VotingAccumulator,
    accumulator_for,
)
from vader_rt.room.observation import observe

SIZE_WH = (96, 64)
ROOM = np.full((64, 96, 3), (180, 140, 90), np.uint8)
MAIN = np.full_like(ROOM, 40)
CONTRACT = Contract("frame", ("frame",), SIZE_WH, ("matte", "leak"), matte_confidence=1.0)


def test_frames_of_all_scenes_vote_on_one_room() -> None:
    other = np.full_like(ROOM, (90, 220, 60))
    accumulator = VotingAccumulator(MAIN, CONTRACT)
    for index in range(2 * TIME_BINS):
        virtual, matte = (MAIN, other)[index % 2], 0.5 + 0.04 * index
        frame = blended(virtual, ROOM, matte)
        assert accumulator.add(observed(frame, matte, 0.5, virtual, index // 2)) == 1.0
    found = accumulator.recovered()
    assert found.voted.matte_confidence == 1.0
    # levels rounded twice, divided by 0.5
    assert np.abs(found.voted.room.astype(int) - ROOM).max() <= 4
    assert (found.samples.leak > 0).all()


@pytest.mark.parametrize("given", [False, True])
def test_only_a_given_image_corrects_a_wrong_matte(given: bool) -> None:
    virtual = np.random.default_rng(0).integers(0, 256, ROOM.shape, np.uint8)
    accumulator = VotingAccumulator(virtual, CONTRACT)
    frame, outputs = blended(virtual, ROOM, 0.4), [plane(m, ROOM.shape[:2]) for m in (0.9, 0.5)]
    detail = VirtualDetail(virtual) if given else None
    accumulator.add(observe(frame, frame, outputs, virtual, detail))
    error = np.abs(accumulator.recovered().strongest.matte - 0.4).mean()
    assert error == pytest.approx(0.5, abs=1 / 255) if not given else error < 0.1


def test_copying_takes_strictly_better_frames_only() -> None:
    accumulator = CopyingAccumulator(SIZE_WH)
    shares = []
    for value, similarity in zip((10, 20, 30), (0.5, 0.5, 0.7), strict=True):
        similar = plane(similarity, ROOM.shape[:2])
        similar[:, 48:] = 0.6
        shares.append(accumulator.add(observed(np.full_like(ROOM, value), similar, similar)))
    assert shares == [1.0, 0.0, 0.5]
    found = accumulator.recovered()
    assert (found.strongest.frame[:, :48] == 30).all()
    assert (found.strongest.frame[:, 48:] == 10).all()
    assert found.strongest.leak.max() == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("outputs", "kind"),
    [(("matte", "leak"), VotingAccumulator), (("similarity",), CopyingAccumulator)],
)
def test_the_models_outputs_decide(outputs: tuple[str, ...], kind: type) -> None:
    contract = Contract("frame", ("frame",), SIZE_WH, outputs)
    assert isinstance(accumulator_for(contract, MAIN), kind)
