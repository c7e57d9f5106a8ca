"""The vote, on samples whose room is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vader_rt.room.made import blended, observed, plane
from vader_rt.room.time_bins import BinSamples
from vader_rt.room.top_samples import MOST_SAMPLES, TopSamples
from vader_rt.room.vote import VotedRoom, consistent_confidence, vote

SIZE_WH = (64, 48)
SHAPE = (48, 64)


def picture(*bgr: int) -> np.ndarray:
    return np.full((*SHAPE, 3), bgr, np.uint8)


VIRTUAL, ROOM, PERSON = picture(40, 60, 80), picture(200, 160, 120), picture(30, 30, 220)


def voted_on(samples: TopSamples, matte_confidence: float = 1.0) -> VotedRoom:
    return vote(samples, VIRTUAL, matte_confidence, 0.0)


def test_the_room_outvotes_a_stronger_sample_of_the_person() -> None:
    samples = TopSamples(SIZE_WH)
    samples.add(observed(PERSON, 1.0, 0.9))
    for _ in range(3):
        samples.add(observed(ROOM, 1.0, 0.7))
    voted = voted_on(samples)
    assert (voted.room == ROOM).all()
    assert voted.inlier_weight == pytest.approx(3 * 0.7, rel=1e-3)
    assert voted.strength == pytest.approx(3 * 0.7 + 0.9, rel=1e-3)


def test_samples_of_other_mattes_agree_once_they_are_unmixed() -> None:
    samples = TopSamples(SIZE_WH)
    for matte in (0.4, 0.6, 0.9):
        samples.add(observed(blended(VIRTUAL, ROOM, matte), matte, matte))
    # 8 bits of call and matte, magnified by 1 / 0.4
    assert np.abs(voted_on(samples).room.astype(int) - ROOM).max() <= 3
    copied = voted_on(samples, matte_confidence=0.0)
    assert np.abs(copied.room.astype(int) - blended(VIRTUAL, ROOM, 0.9)).max() < 20


def test_the_vote_begins_in_the_middle_of_those_that_agree() -> None:
    samples = TopSamples(SIZE_WH)
    for shift in (-8, 8, 0):
        samples.add(observed(ROOM + np.uint8([shift % 256, 0, 0]), 1.0, 0.5))
    voted = voted_on(samples)
    assert (voted.room == ROOM).all()
    # 8 levels are one σ of what counts as agreeing
    assert voted.inlier_weight == pytest.approx(0.5 * (1 + 2 * np.exp(-0.5)), rel=1e-3)


def test_what_unmixing_overshoots_ends_at_white() -> None:
    samples = TopSamples(SIZE_WH)
    samples.add(observed(ROOM, 0.3, 0.5))
    assert (voted_on(samples).room[..., 0] == 255).all()  # 40 + (200 − 40) / 0.3


def test_noise_is_averaged() -> None:
    rng = np.random.default_rng(0)
    samples = TopSamples(SIZE_WH)
    for _ in range(MOST_SAMPLES):
        noisy = np.clip(ROOM + rng.normal(0, 6, ROOM.shape), 0, 255)
        samples.add(observed(noisy.astype(np.uint8), 1.0, 0.5))
    assert np.abs(voted_on(samples).room.astype(float) - ROOM).mean() < 2


def test_the_strongest_are_kept_in_any_order() -> None:
    votes = []
    for order in (range(20), reversed(range(20))):
        samples = TopSamples(SIZE_WH)
        for index in order:
            weak = index < 20 - MOST_SAMPLES
            samples.add(observed(PERSON if weak else ROOM, 1.0, 0.1 + index / 25))
        votes.append(voted_on(samples))
    kept = sum(0.1 + index / 25 for index in range(20 - MOST_SAMPLES, 20))
    for voted in votes:
        assert (voted.room == ROOM).all()
        assert voted.strength == pytest.approx(kept, rel=1e-3)


def test_what_was_not_seen_is_the_virtual_background() -> None:
    samples = TopSamples(SIZE_WH)
    leak = plane(0.0, SHAPE)
    leak[:, :32] = 0.8
    samples.add(observed(ROOM, 1.0, leak))
    voted = voted_on(samples)
    assert (voted.room[:, :32] == ROOM[:, :32]).all()
    assert (voted.room[:, 32:] == VIRTUAL[:, 32:]).all()
    assert not voted.inlier_weight[:, 32:].any()


def noisy_edge(width: int, height: int) -> np.ndarray:
    """Dark, and from the middle on bright, with noise."""
    picture = np.full((height, width, 3), 60, np.int16)
    picture[:, width // 2 :] = 200
    noise = np.random.default_rng(0).normal(0, 3, picture.shape)
    return np.rint(picture + noise).astype(np.uint8)


def voted_alone(picture: np.ndarray) -> np.ndarray:
    """The room by one sample, which only the smoothing changes."""
    samples = TopSamples(picture.shape[1::-1])
    samples.add(observed(picture, 1.0, 1.0))
    return vote(samples, np.zeros_like(picture), 1.0, 0.0).room


@pytest.mark.parametrize("width", [640, 1280, 2560, 3840])
def test_noise_is_smoothed_away_and_edges_stay(width: int) -> None:
    room = voted_alone(noisy_edge(width, 48)).astype(float)
    edge = width // 2
    assert room[:, : edge - 4].std() < 1
    assert room[:, edge - 1].max() < 80
    assert room[:, edge].min() > 180


def test_large_pictures_are_smoothed_as_interleaved_small_ones() -> None:
    """Else the cost of a pixel would grow with the picture's area."""
    picture = noisy_edge(3840, 48)
    room = voted_alone(picture)
    for row, column in ((0, 0), (1, 2), (2, 2)):
        small = voted_alone(np.ascontiguousarray(picture[row::3, column::3]))
        assert (room[row::3, column::3] == small).all()


def test_small_planes_are_enlarged() -> None:
    samples = TopSamples(SIZE_WH)
    small = np.full((24, 32), 0.5, np.float32)
    samples.add(observed(ROOM, 2 * small, small))
    assert (voted_on(samples).room == ROOM).all()


def binned(mattes: list[float], guesses: list[float]) -> BinSamples:
    """Samples of a room that leaks with some mattes, which a network guesses to be others."""
    frame = np.stack([blended(VIRTUAL, ROOM, matte) for matte in mattes])
    matte = np.stack([np.rint(plane(guess, SHAPE) * 255).astype(np.uint8) for guess in guesses])
    return BinSamples(frame, matte, np.full_like(matte, 255), np.zeros_like(matte))


def test_right_mattes_are_believed() -> None:
    mattes = [0.4, 0.55, 0.7, 0.8, 0.9, 0.95]
    confidence, scatter = consistent_confidence(binned(mattes, mattes), VIRTUAL)
    assert confidence == 1.0
    assert scatter < np.log(0.05)


def test_guessed_mattes_of_a_client_that_cuts_hard_are_not() -> None:
    guesses = [0.4, 0.55, 0.7, 0.8, 0.9, 0.95]
    assert consistent_confidence(binned([1.0] * 6, guesses), VIRTUAL)[0] == 0.0


def test_timid_mattes_are_believed_in_part() -> None:
    mattes = np.array([0.4, 0.55, 0.7, 0.8, 0.9, 0.95])
    guesses = mattes**2.2  # fully believed, they overshoot
    assert consistent_confidence(binned(mattes.tolist(), guesses.tolist()), VIRTUAL)[0] == 0.7


def test_mattes_that_hardly_matter_are_hardly_believed() -> None:
    guesses = [0.4, 0.55, 0.7, 0.8, 0.9, 0.95]
    confidence, scatter = consistent_confidence(
        binned([0.75, 0.8, 0.9, 0.95, 0.95, 1.0], guesses), VIRTUAL
    )
    assert confidence == 0.15  # 0.5 makes the scatter least
    assert np.log(0.01) < scatter < 0


def test_without_samples_there_is_a_usual_confidence() -> None:
    nothing = binned([0.5] * 6, [0.5] * 6)
    nothing.leak[:] = 0
    assert consistent_confidence(nothing, VIRTUAL) == (0.15, 0.0)
