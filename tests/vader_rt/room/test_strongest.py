"""The strongest sample of every pixel, on frames whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vader_rt.room.made import blended, observed
from vader_rt.room.strongest import StrongestSample

SHAPE = (40, 60)


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    virtual, room = np.random.default_rng(0).integers(0, 256, (2, *SHAPE, 3), np.uint8)
    return virtual, room


@pytest.mark.parametrize("mattes", [[1.0], [0.2, 0.5, 0.9], [0.04]])
def test_leak_and_evidence_add_up(
    pictures: tuple[np.ndarray, np.ndarray], mattes: list[float]
) -> None:
    virtual, room = pictures
    strongest = StrongestSample(virtual)
    for m in mattes:
        assert strongest.add(observed(blended(virtual, room, m), m, m)) == 1.0
    found = strongest.result()
    assert found.leak == pytest.approx(max(mattes))
    assert found.evidence == pytest.approx(sum(m * m for m in mattes), rel=1e-5)


def test_it_is_the_same_part_by_part(
    pictures: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame's pixels are taken in some at a time, for the memory that they take meanwhile."""
    virtual, room = pictures
    leak = np.random.default_rng(2).random(SHAPE).astype(np.float32)
    found = []
    for part in (1 << 18, 7):
        monkeypatch.setattr("vader_rt.room.observation._PART", part)
        strongest = StrongestSample(virtual, kept=2)
        for matte in (0.4, 0.8):
            share = strongest.add(observed(blended(virtual, room, matte), matte, leak))
        planes = strongest.result()
        found.append([share, strongest.samples.strongest(), *vars(planes).values()])
    whole, parts = found
    assert all((np.asarray(a) == b).all() for a, b in zip(whole, parts, strict=True))


def test_samples_on_the_line_leave_no_residual() -> None:
    """The matte places a sample on the line, the leak only weighs it."""
    rng = np.random.default_rng(1)
    virtual = rng.integers(0, 8, (*SHAPE, 3)).astype(np.uint8) * 16
    room = virtual + rng.integers(0, 8, (*SHAPE, 3)).astype(np.uint8) * 16
    strongest = StrongestSample(virtual)
    for _ in range(8):
        matte = rng.integers(4, 17, SHAPE) / 16  # then the frame is a whole number of levels
        leak = rng.uniform(0.1, 1.0, SHAPE).astype(np.float32)
        frame = blended(virtual, room, matte[..., None])
        strongest.add(observed(frame, matte.astype(np.float32), leak))
    # float32 sums of squares of up to 112 levels cancel
    assert strongest.result().residual.max() < 0.5


def test_residual_is_the_distance_from_the_line() -> None:
    virtual = np.full((*SHAPE, 3), 100, np.uint8)
    red, blue = virtual.copy(), virtual.copy()
    red[..., 2], blue[..., 0] = 180, 180
    on_line, off_line = StrongestSample(virtual), StrongestSample(virtual)
    for strongest, second in ((on_line, red), (off_line, blue)):
        strongest.add(observed(red, 0.5, 0.5))
        strongest.add(observed(second, 0.5, 0.5))
    # float32 sums of squares of 80 cancel to about a hundredth of a level
    assert on_line.result().residual.max() < 0.5
    # the mean of two orthogonal offsets of 80 levels lies 80/√2 from each
    assert off_line.result().residual == pytest.approx(80 / np.sqrt(2), rel=1e-3)


def test_a_strong_leak_outweighs_many_weak_ones(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    virtual, room = pictures
    alone, among_weak = StrongestSample(virtual), StrongestSample(virtual)
    for _ in range(5):
        among_weak.add(observed(blended(virtual, 255 - room, 0.3), 0.3, 0.3))
    for strongest in (alone, among_weak):
        strongest.add(observed(blended(virtual, room, 0.9), 0.9, 0.9))
    # 5 · (0.3 / 0.9)^6 = 0.7 % of the weight lies off the strong one's line, by up to 0.3 · 442
    assert np.abs(among_weak.result().residual - alone.result().residual).max() < 12


def test_no_leak_no_evidence(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    virtual, room = pictures
    strongest = StrongestSample(virtual)
    zero = np.zeros((10, 15), np.float32)
    assert strongest.add(observed(room, zero + 1, zero)) == 0.0
    assert not strongest.result().evidence.any()


def test_small_planes_are_enlarged(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    virtual, room = pictures
    strongest = StrongestSample(virtual)
    left = np.zeros((20, 30), np.float32)
    left[:, :15] = 1.0
    assert 0.4 < strongest.add(observed(room, left, left)) < 0.6
    assert (strongest.result().frame[:, :25] == room[:, :25]).all()


def test_frame_and_matte_are_of_the_strongest_leak(
    pictures: tuple[np.ndarray, np.ndarray],
) -> None:
    virtual, room = pictures
    strongest = StrongestSample(virtual)
    for m in (0.3, 0.8, 0.5):
        strongest.add(observed(blended(virtual, room, m), m, m))
    assert (strongest.result().frame == blended(virtual, room, 0.8)).all()
    assert strongest.result().matte == pytest.approx(0.8)


def test_the_matte_is_kept_as_far_as_it_is_believed(
    pictures: tuple[np.ndarray, np.ndarray],
) -> None:
    strongest = StrongestSample(pictures[0], matte_confidence=0.5)
    strongest.add(observed(pictures[1], 0.6, 0.7))
    assert strongest.result().matte == pytest.approx(0.8)


def test_of_equal_leaks_the_clearer_sample_is_taken(
    pictures: tuple[np.ndarray, np.ndarray],
) -> None:
    virtual, room = pictures
    strongest = StrongestSample(virtual)
    weak, clear = (blended(virtual, room, m) for m in (0.3, 0.9))
    strongest.add(observed(weak, 0.3, 0.3))
    strongest.add(observed(clear, 0.9, 0.27))  # a little less likely room, but hardly mixed
    found = strongest.result()
    assert (found.frame == clear).all()
    assert found.leak == pytest.approx(0.3)


def test_planes_are_on_the_scale_that_networks_know(
    pictures: tuple[np.ndarray, np.ndarray],
) -> None:
    virtual, room = pictures
    strongest = StrongestSample(virtual)
    for _ in range(3):
        strongest.add(observed(room, 1.0, 1.0))
    planes = strongest.result().planes()
    assert {name: plane[0, 0] for name, plane in planes.items()} == {
        "leak": 255,
        "matte": 255,
        "evidence": round(np.log2(1 + 3) / 8 * 255),
        "residual": 0,
    }
