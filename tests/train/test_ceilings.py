"""What the true masks give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.calls import Call, read_calls
from train.ceilings import LeastSquaresRoom, ceilings
from vader_rt.io.images import read_image
from vader_rt.room.observation import observe


@pytest.fixture
def tiny(tiny_calls: Path) -> Call:
    return read_calls(tiny_calls)[0]


def test_least_squares_solve_the_mixing_equation() -> None:
    """Samples of one room before one virtual background, through mattes that differ."""
    rng = np.random.default_rng(0)
    virtual, room = rng.integers(0, 256, (2, 12, 16, 3)).astype(np.uint8)
    found = LeastSquaresRoom(virtual)
    for matte in (0.4, 0.7, 0.9):
        m = np.full((12, 16), matte, np.float32)
        frame = np.rint(virtual + matte * (room.astype(float) - virtual)).astype(np.uint8)
        found.add(observe(frame, frame, [m, m], virtual))
    assert np.abs(found.room().astype(int) - room).max() <= 1  # of rounded frames


def test_least_squares_weigh_by_leak_and_matte() -> None:
    """By hand: a strong sample of 200 and a weak one of 100, before black."""
    found = LeastSquaresRoom(np.zeros((1, 2, 3), np.uint8))
    for level, matte, leak in ((200, 0.9, 0.9), (100, 0.6, 0.8)):
        frame = np.full((1, 2, 3), level, np.uint8)
        planes = [np.float32([[value, 0]]) for value in (matte, leak)]
        found.add(observe(frame, frame, planes, np.zeros_like(frame)))
    weights = 0.9**8, 0.8**8
    expected = (weights[0] * 0.9 * 200 + weights[1] * 0.6 * 100) / (
        weights[0] * 0.9**2 + weights[1] * 0.6**2
    )
    assert found.room()[0, 0].tolist() == [round(expected)] * 3
    assert found.room()[0, 1].tolist() == [0, 0, 0]  # where nothing leaks, the virtual background


def test_the_true_virtual_background_helps(tiny: Call) -> None:
    truth, mask = tiny.read_room().astype(int), tiny.read_mask()

    true_virtual = read_image(tiny.virtual)
    rooms = ceilings(tiny, np.clip(true_virtual.astype(int) + 20, 0, 255).astype(np.uint8))
    assert list(rooms) == ["copy", "unmix", "unmix_v"]
    leaked = rooms["copy"].any(axis=2)  # in these frames; the mask is of more

    def error(room: np.ndarray) -> float:
        return float(np.average(np.abs(room - truth).mean(axis=2), weights=mask * leaked))

    errors = {name: error(room) for name, room in rooms.items()}
    assert errors["unmix_v"] < min(errors["unmix"], errors["copy"])
    assert errors["copy"] < error(true_virtual)
    again = ceilings(tiny, true_virtual)
    assert (again["unmix"] == rooms["unmix_v"]).all()


def test_what_no_truth_is_there_for_is_left_out(tiny: Call, tmp_path: Path) -> None:
    for kind in ("matte", "person"):
        link = Call(tmp_path, tiny.name).truth(kind)
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(tiny.truth(kind))
    (tmp_path / "videos").symlink_to(tiny.video.parent)
    rooms = ceilings(Call(tmp_path, tiny.name), read_image(tiny.virtual))
    assert list(rooms) == ["copy", "unmix"]
