"""The samples of the grid are the very ones that vote, and their frames are the right ones."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vader_rt.contract import TIME_BINS, Contract
from vader_rt.origins.grid import OriginGrid, Origins, grid_size
from vader_rt.room.accumulate import Voted, VotingAccumulator, accumulator_for
from vader_rt.room.observation import Observation, observe
from vader_rt.room.time_bins import time_bin

SIZE_WH, SMALL_WH, FRAMES = (130, 70), (48, 32), 20
CONTRACT = Contract("frame", ("frame",), SMALL_WH, ("matte", "leak"), matte_confidence=0.6)
COPIES = Contract("frame", ("frame",), SMALL_WH, ("similarity",))
RNG = np.random.default_rng(0)
MAIN, OTHER = RNG.integers(0, 256, (2, *SIZE_WH[::-1], 3), np.uint8)
FRAME = RNG.integers(0, 256, (FRAMES, *SIZE_WH[::-1], 3), np.uint8)


def observation(index: int, outputs: int = 2) -> Observation:
    """A frame of noise before one of two virtual backgrounds, that leaks here and there."""
    small = cv2.resize(FRAME[index], SMALL_WH, interpolation=cv2.INTER_AREA)
    planes = np.random.default_rng(index).random((outputs, *SMALL_WH[::-1])).astype(np.float32)
    planes[-1][planes[-1] < 0.6] = 0
    behind = (MAIN, OTHER)[index % 2]
    bin_of = time_bin(index, FRAMES)
    return observe(FRAME[index], small, list(planes), behind, time_bin=bin_of)


@pytest.fixture(scope="module")
def both() -> tuple[VotingAccumulator, OriginGrid]:
    accumulator, grid = VotingAccumulator(MAIN, CONTRACT), OriginGrid(MAIN, CONTRACT)
    for index in range(FRAMES):
        accumulator.add(observation(index))
        grid.add(index, observation(index))
    return accumulator, grid


@pytest.fixture(scope="module")
def found(both: tuple[VotingAccumulator, OriginGrid]) -> tuple[Voted, Origins]:
    recovered = both[0].recovered()
    return recovered, both[1].origins(recovered.voted)


def test_samples_are_those_that_vote(
    both: tuple[VotingAccumulator, OriginGrid], found: tuple[Voted, Origins]
) -> None:
    _, origins = found
    where = origins.pixel[:, 1] * SIZE_WH[0] + origins.pixel[:, 0]
    voting = both[0]._strongest.samples.of(where)
    assert (origins.strength == voting["strength"]).all()
    assert (origins.matte == voting["matte"] / np.float32(255)).all()
    assert (origins.strength[-1] > 0).mean() > 0.3, "the eighth is there at many places"


def test_colours_are_those_of_the_frames_that_are_named(found: tuple[Voted, Origins]) -> None:
    _, origins = found
    k, n = np.nonzero(origins.strength)
    x, y = origins.pixel[n].T
    assert (origins.seen[k, n] == FRAME[origins.frame[k, n], y, x]).all()
    assert len(set(origins.frame[0].tolist())) > FRAMES / 2


def test_each_sample_unmixes_to_a_room_of_its_own(found: tuple[Voted, Origins]) -> None:
    """Before the background that its frame has: that is the same room."""
    voted, origins = found
    confidence = voted.voted.matte_confidence
    assert origins.matte_confidence == confidence
    virtual = np.where((origins.frame % 2)[..., None], origins.at(OTHER), origins.at(MAIN))
    matte = (1 - confidence * (1 - origins.matte))[..., None]
    room = np.clip(virtual + (origins.seen - virtual.astype(float)) / matte, 0, 255)
    main = (origins.strength > 0) & (origins.frame % 2 == 0)
    assert np.abs(room - origins.unmixed)[main].max() <= 0.51  # rounded


def test_bins_name_the_frames_that_restoration_sees(found: tuple[Voted, Origins]) -> None:
    recovered, origins = found
    small = origins.pixel * SMALL_WH // SIZE_WH
    seen = recovered.samples.leak[:, small[:, 1], small[:, 0]] > 0
    assert ((origins.bins >= 0) == seen).all()
    bins = np.array([time_bin(i, FRAMES) for i in range(FRAMES)])
    for number in range(TIME_BINS):
        frames = origins.bins[number][origins.bins[number] >= 0]
        assert (bins[frames] == number).all()


def test_of_a_model_that_copies_the_one_frame_is_known() -> None:
    accumulator, grid = accumulator_for(COPIES, MAIN), OriginGrid(MAIN, COPIES)
    for index in range(FRAMES):
        accumulator.add(observation(index, outputs=1))
        grid.add(index, observation(index, outputs=1))
    origins = grid.origins(None)
    assert origins.matte_confidence is None
    assert origins.strength.shape[0] == 1
    seen = origins.strength[0] > 0
    copied = origins.at(accumulator.recovered().strongest.frame)
    assert (origins.seen[0][seen] == copied[seen]).all()
    assert (origins.unmixed == origins.seen).all()


def test_what_unmasked_frames_show_is_marked(found: tuple[Voted, Origins]) -> None:
    shown = np.zeros(SIZE_WH[::-1], bool)
    shown[:, :65] = True
    origins = found[1].with_unmasked(shown, (3, 4))
    assert (origins.unmasked == (origins.pixel[:, 0] < 65)).all()
    assert origins.unmasked_frames == (3, 4)
    assert not replace(origins, unmasked_frames=()).unmasked_frames


def test_a_frame_that_does_not_leak_leaves_nothing() -> None:
    grid = OriginGrid(MAIN, CONTRACT)
    nothing = [np.ones(SMALL_WH[::-1], np.float32), np.zeros(SMALL_WH[::-1], np.float32)]
    grid.add(0, observe(FRAME[0], cv2.resize(FRAME[0], SMALL_WH), nothing, MAIN))
    origins = grid.origins(None)
    assert not origins.strength.any()
    assert (origins.bins == -1).all()


@pytest.mark.parametrize(
    ("size_wh", "expected"),
    [((1280, 720), (64, 36)), ((720, 1280), (36, 64)), ((64, 64), (64, 64)), ((4000, 64), (64, 1))],
)
def test_places_are_as_far_apart_in_both_directions(
    size_wh: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert grid_size(size_wh) == expected
