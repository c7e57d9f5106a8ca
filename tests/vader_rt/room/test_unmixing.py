"""Least squares and copying, on frames whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from vader_rt.room.unmixing import Copier, Unmixer

SHAPE = (40, 60)


def leaking_frames(
    virtual: np.ndarray, room: np.ndarray, mattes: list[float]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames call = V + m (R − V), rounded to 8 bit, with a matte of one value each."""
    frames = []
    for m in mattes:
        matte = np.full(SHAPE, m, np.float32)
        call = np.rint(virtual + m * (room.astype(float) - virtual)).astype(np.uint8)
        frames.append((call, matte))
    return frames


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    virtual, room = np.random.default_rng(0).integers(0, 256, (2, *SHAPE, 3), np.uint8)
    return virtual, room


@pytest.mark.parametrize(
    ("mattes", "tolerance"),
    [
        ([1.0], 0),
        ([0.2, 0.5, 0.9], 1),  # rounding to 8 bit, divided by 0.9
        ([0.25], 2),  # half a level divided by 0.25
        ([0.04], 13),  # half a level divided by 0.04: weak, but neither lost nor infinite
    ],
)
@pytest.mark.parametrize("power", [1.0, 8.0])
def test_unmixing_finds_the_room(
    pictures: tuple[np.ndarray, np.ndarray], mattes: list[float], tolerance: int, power: float
) -> None:
    virtual, room = pictures
    unmixer = Unmixer(virtual, power)
    for call, matte in leaking_frames(virtual, room, mattes):
        assert unmixer.add(call, matte, matte) == 1.0
    estimate = unmixer.estimate()
    assert np.abs(estimate.room.astype(int) - room).max() <= tolerance
    assert estimate.leak == pytest.approx(max(mattes))
    assert estimate.evidence == pytest.approx(sum(m * m for m in mattes), rel=1e-5)
    assert (estimate.evidence > 0).all()


def test_mattes_and_leaks_that_differ_from_pixel_to_pixel() -> None:
    """The matte places a sample on the line, the leak only weighs it: the room comes out exact."""
    rng = np.random.default_rng(1)
    virtual = rng.integers(0, 8, (*SHAPE, 3)).astype(np.uint8) * 16
    room = virtual + rng.integers(0, 8, (*SHAPE, 3)).astype(np.uint8) * 16
    unmixer = Unmixer(virtual, 6.0)
    for _ in range(8):
        matte = rng.integers(4, 17, SHAPE) / 16  # then call is a whole number of levels
        call = virtual + matte[..., None] * (room.astype(float) - virtual)
        leak = rng.uniform(0.1, 1.0, SHAPE).astype(np.float32)
        unmixer.add(call.astype(np.uint8), matte.astype(np.float32), leak)
    estimate = unmixer.estimate()
    assert (estimate.room == room).all()
    # nothing is off the line; float32 sums of squares of up to 112 levels cancel
    assert estimate.residual.max() < 0.5


def test_a_strong_leak_outweighs_many_weak_ones(
    pictures: tuple[np.ndarray, np.ndarray],
) -> None:
    virtual, room = pictures
    unmixer = Unmixer(virtual, 6.0)
    strong, weak = (np.full(SHAPE, m, np.float32) for m in (0.9, 0.3))
    wrong = leaking_frames(virtual, 255 - room, [0.3])[0][0]
    for _ in range(20):
        unmixer.add(wrong, weak, weak)
    unmixer.add(leaking_frames(virtual, room, [0.9])[0][0], strong, strong)
    # the weak samples weigh 20 · (0.3 / 0.9)^8 = 0.3 % of the strong one: 0.8 of 255 levels
    assert np.abs(unmixer.estimate().room.astype(int) - room).max() <= 2


def test_residual_is_the_distance_from_the_line() -> None:
    virtual = np.full((*SHAPE, 3), 100, np.uint8)
    red, blue = virtual.copy(), virtual.copy()
    red[..., 2], blue[..., 0] = 180, 180
    half = np.full(SHAPE, 0.5, np.float32)
    on_line, off_line = Unmixer(virtual, 2.0), Unmixer(virtual, 2.0)
    for second in ((on_line, red), (off_line, blue)):
        second[0].add(red, half, half)
        second[0].add(second[1], half, half)
    # float32 sums of squares of 80 cancel to about a hundredth of a level
    assert on_line.estimate().residual.max() < 0.5
    # the mean of two orthogonal offsets of 80 levels lies 80/√2 from each
    assert off_line.estimate().residual == pytest.approx(80 / np.sqrt(2), rel=1e-3)


def test_no_leak_no_evidence(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    virtual, room = pictures
    unmixer = Unmixer(virtual, 6.0)
    zero = np.zeros((10, 15), np.float32)
    assert unmixer.add(room, zero + 1, zero) == 0.0
    estimate = unmixer.estimate()
    assert not estimate.evidence.any()


def test_small_planes_are_enlarged(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    virtual, room = pictures
    unmixer = Unmixer(virtual, 6.0)
    left = np.zeros((20, 30), np.float32)
    left[:, :15] = 1.0
    assert 0.4 < unmixer.add(room, left, left) < 0.6
    assert (unmixer.estimate().room[:, :25] == room[:, :25]).all()


def test_copy_and_matte_are_of_the_strongest_leak(
    pictures: tuple[np.ndarray, np.ndarray],
) -> None:
    virtual, room = pictures
    unmixer = Unmixer(virtual, 6.0)
    frames = leaking_frames(virtual, room, [0.3, 0.8, 0.5])
    for call, matte in frames:
        unmixer.add(call, matte, matte)
    estimate = unmixer.estimate()
    assert (estimate.copy == frames[1][0]).all()
    assert estimate.matte == pytest.approx(0.8)


def test_of_equal_leaks_the_clearer_sample_is_taken(
    pictures: tuple[np.ndarray, np.ndarray],
) -> None:
    virtual, room = pictures
    unmixer = Unmixer(virtual, None)
    leak = np.full(SHAPE, 0.3, np.float32)
    (weak, _), (clear, _) = leaking_frames(virtual, room, [0.3, 0.9])
    unmixer.add(weak, leak, leak)
    unmixer.add(clear, 3 * leak, 0.9 * leak)  # a little less likely room, but hardly mixed
    estimate = unmixer.estimate()
    assert (estimate.copy == clear).all()
    assert estimate.leak == pytest.approx(0.3)


def test_copier_takes_strictly_better_frames_only() -> None:
    copier = Copier((60, 40))
    pictures = [np.full((*SHAPE, 3), value, np.uint8) for value in (10, 20, 30)]
    shares = []
    for picture, score in zip(pictures, (0.5, 0.5, 0.7), strict=True):
        plane = np.full(SHAPE, score, np.float32)
        plane[:, 30:] = 0.6
        shares.append(copier.add(picture, plane))
    assert shares == [1.0, 0.0, 0.5]
    room = copier.estimate().room
    assert (room[:, :30] == 30).all()
    assert (room[:, 30:] == 10).all()
