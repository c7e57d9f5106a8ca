"""The first look: what a few frames tell the network about all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import INPUTS, NETWORK_WH
from vader_rt.engines.engine import Engine
from vader_rt.engines.load import load_engine
from vader_rt.features.planes import InputPlanes, StaticPlanes
from vader_rt.room.first_look import LOOK_FRAMES, first_look

SHAPE = NETWORK_WH[::-1]


class Looked(list):
    """Frames that note which of them were asked for."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.indices: list[int] = []

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        self.indices.append(int(index))
        return super().__getitem__(index)


def look(engine: Engine, frames: list[np.ndarray], virtual: np.ndarray) -> np.ndarray:
    gray = np.full(virtual.shape[:2], 128, np.uint8)
    static = StaticPlanes(virtual=virtual, trace=virtual, occupancy=gray)
    return first_look(engine, static, frames, [gray] * len(frames))


def random_frames(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (count, *SHAPE, 3), np.uint8))


def test_what_leaks_nowhere_shows_the_virtual_background(untrained: dict[str, Path]) -> None:
    virtual, *frames = random_frames(4)
    planes = look(load_engine(untrained["blind"]), frames, virtual)
    assert (planes[..., :3] == virtual).all()
    assert not planes[..., 3:].any()


def test_colors_are_those_of_the_call(untrained: dict[str, Path]) -> None:
    virtual, *frames = random_frames(4)
    planes = look(load_engine(untrained["frame"]), frames, virtual)
    assert planes.shape == (*SHAPE, 6)
    assert planes.dtype == np.uint8
    assert (planes[..., 3] > 0).all()  # untrained, it sees a leak everywhere
    from_a_frame = [(planes[..., :3] == frame).all(axis=2) for frame in frames]
    assert np.any(from_a_frame, axis=0).all()


@pytest.mark.parametrize(("count", "expected"), [(5, 5), (40, LOOK_FRAMES)])
def test_frames_are_spread(untrained: dict[str, Path], count: int, expected: int) -> None:
    frames = Looked(random_frames(count))
    look(load_engine(untrained["blind"]), frames, frames[0])
    asked = sorted(set(frames.indices))
    assert len(asked) == expected
    assert (asked[0], asked[-1]) == (0, count - 1)
    assert np.diff(asked).max() <= -(-count // expected)


def test_before_the_look_the_planes_are_blank() -> None:
    virtual = random_frames(1)[0]
    groups = [group for group in INPUTS if group.startswith("look")]
    blank = InputPlanes(groups, NETWORK_WH, StaticPlanes(virtual=virtual)).buffer[0]
    np.testing.assert_allclose(blank[:3] * 255, virtual.transpose(2, 0, 1)[::-1], atol=1e-4)
    assert not blank[3:].any()
