"""Tiles, planes and the margins between them."""

from __future__ import annotations

import numpy as np
import pytest

from vader_rt.contract import RESTORE_GROUPS, Contract
from vader_rt.restore import restore, restore_planes
from vader_rt.unmix import Unmixer
from vader_rt.virtual import VirtualBackground

TILE_WH = (96, 80)


class LocalAverage:
    """An engine that answers with a 3×3 mean, so that a tile's edge shows if it is used."""

    name = "local-average"
    contract = Contract("restore", tuple(RESTORE_GROUPS), TILE_WH, ("room", "confidence"))

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        assert planes.shape == self.contract.input_shape
        padded = np.pad(planes[0], ((0, 0), (1, 1), (1, 1)))
        height, width = planes.shape[2:]
        shifted = [padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
        mean = np.mean(shifted, axis=0)
        return [mean[:3], mean[12]]


def random_planes(height: int, width: int) -> np.ndarray:
    count = sum(RESTORE_GROUPS.values())
    return np.random.default_rng(1).integers(0, 256, (height, width, count), np.uint8)


@pytest.mark.parametrize("size_hw", [(80, 96), (300, 410), (81, 97), (64, 64), (80, 500)])
def test_tiles_leave_no_seam(size_hw: tuple[int, int]) -> None:
    planes = random_planes(*size_hw)
    room, confidence = restore(planes, LocalAverage())
    assert room.shape == (*size_hw, 3)
    assert confidence.shape == size_hw
    inside = planes[..., 12].astype(np.float32) / 255
    expected = np.mean(
        [np.roll(inside, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)], axis=0
    )
    # one pixel at the picture's own border has no neighbours in either; sums in another order
    np.testing.assert_allclose(confidence[1:-1, 1:-1], expected[1:-1, 1:-1], atol=1e-5)


def test_colors_pass_in_their_order() -> None:
    planes = np.zeros((80, 96, sum(RESTORE_GROUPS.values())), np.uint8)
    planes[..., :3] = (10, 20, 30)  # RGB
    room, _ = restore(planes, LocalAverage())
    assert room[40, 40].tolist() == [30, 20, 10]  # BGR


def test_planes_hold_what_is_known() -> None:
    virtual = np.full((64, 64, 3), (40, 50, 60), np.uint8)
    unmixer = Unmixer(virtual, 6.0)
    leak = np.zeros((64, 64), np.float32)
    leak[:32] = 0.5
    frame = np.where(leak[..., None] > 0, np.uint8([90, 100, 110]), virtual)
    unmixer.add(frame, leak, leak)
    occupancy = np.full((64, 64), 7, np.uint8)
    background = VirtualBackground(virtual, leak == 0, occupancy, np.full_like(virtual, 128))
    planes = restore_planes(unmixer.estimate(), background)
    top, bottom = planes[10, 10], planes[50, 10]
    assert top[:3].tolist() == [160, 150, 140]  # V + (call − V) / 0.5, as RGB
    assert top[6:9].tolist() == [110, 100, 90]  # the copied colour
    assert top[12] == top[13] == round(0.5 * 255)
    assert bottom[:3].tolist() == bottom[3:6].tolist() == [60, 50, 40]
    assert bottom[12:16].tolist() == [0, 0, 0, 0]
    assert (planes[..., 16] == 7).all()
