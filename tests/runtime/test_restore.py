"""Planes, and the correction that is enlarged to the call's size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vader_rt.contract import RESTORE_GROUPS, Contract
from vader_rt.features import CallPlanes
from vader_rt.restore import restore, restore_planes, restore_slice
from vader_rt.unmix import Unmixer

SIZE_WH = (96, 64)
COUNT = sum(RESTORE_GROUPS.values())


class Shifted:
    """An engine that adds to the un-mixed room, and is as sure as the leak is large."""

    name = "shifted"

    def __init__(self, shift: float, inputs: tuple[str, ...] = tuple(RESTORE_GROUPS)) -> None:
        outputs = ("room", "confidence")
        self.contract = Contract("restore", inputs, SIZE_WH, outputs, confidence=(0.0, 1.0))
        self._shift = shift

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        assert planes.shape == self.contract.input_shape
        assert 0 <= planes.min() <= planes.max() <= 1
        return [planes[0, :3] + self._shift, planes[0, -1]]


def random_planes(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, COUNT), np.uint8)


@pytest.mark.parametrize("size_wh", [SIZE_WH, (192, 128), (131, 77), (64, 64)])
def test_no_correction_leaves_every_detail(size_wh: tuple[int, int]) -> None:
    planes = random_planes(*size_wh[::-1])
    room, confidence = restore(planes, Shifted(0.0))
    assert confidence.shape == size_wh[::-1]
    # 8-bit levels divided and multiplied by 255, resized alike
    assert np.abs(room[..., ::-1].astype(int) - planes[..., :3]).max() <= 1


def test_correction_is_enlarged() -> None:
    planes = np.full((128, 192, COUNT), 100, np.uint8)
    planes[::2, :, :3] = 140
    room, _ = restore(planes, Shifted(20 / 255))
    assert (room[::2] == 160).all()
    assert (room[1::2] == 120).all()
    assert (restore(planes, Shifted(1.0))[0] == 255).all()


def test_a_model_gets_the_planes_that_it_wants() -> None:
    planes = random_planes(64, 96)
    _, confidence = restore(planes, Shifted(0.0, ("room", "leak")))
    leak = planes[..., restore_slice("leak")][..., 0] / 255
    np.testing.assert_allclose(confidence, leak, atol=2e-4)  # certainty ends at 1e-4


def test_planes_hold_what_is_known() -> None:
    virtual = np.full((64, 64, 3), (40, 50, 60), np.uint8)
    unmixer = Unmixer(virtual, 6.0)
    leak = np.zeros((64, 64), np.float32)
    leak[:32] = 0.5
    frame = np.where(leak[..., None] > 0, np.uint8([90, 100, 110]), virtual)
    unmixer.add(frame, leak, leak)
    occupancy = np.full((64, 64), 7, np.uint8)
    call = CallPlanes(virtual=virtual, trace=np.full_like(virtual, 128), occupancy=occupancy)
    planes = restore_planes(unmixer.estimate(), call)
    top, bottom = planes[10, 10], planes[50, 10]

    def values(pixel: np.ndarray, group: str) -> list[int]:
        return pixel[restore_slice(group)].tolist()

    assert values(top, "room") == [160, 150, 140]  # V + (call − V) / 0.5, as RGB
    assert values(top, "mean") == [160, 150, 140]  # one sample is its own mean
    assert values(top, "copy") == [110, 100, 90]
    assert values(top, "leak") == values(top, "matte") == [round(0.5 * 255)]
    assert values(bottom, "room") == values(bottom, "virtual") == [60, 50, 40]
    assert not any(bottom[restore_slice("leak").start : restore_slice("occupancy").start])
    assert values(bottom, "occupancy") == [7]
    assert planes.shape == (64, 64, COUNT)


def test_planes_of_the_small_call_are_those_of_the_large(frames: list[np.ndarray]) -> None:
    """Training un-mixes at the model's size, the runtime at the call's: nearly the same planes."""
    virtual = cv2.GaussianBlur(frames[0], (0, 0), 5)
    leak = np.full(virtual.shape[:2], 0.5, np.float32)
    gray = np.full(virtual.shape[:2], 128, np.uint8)
    planes = []
    for size_wh in ((320, 180), (160, 90)):
        resized = [cv2.resize(i, size_wh, interpolation=cv2.INTER_AREA) for i in frames]
        small = cv2.resize(virtual, size_wh, interpolation=cv2.INTER_AREA)
        unmixer = Unmixer(small, None, 0.5)
        for index, frame in enumerate(resized):
            unmixer.add(frame, leak, leak * (1 - index / 40))
        call = CallPlanes(
            virtual=small,
            trace=np.dstack([cv2.resize(gray, size_wh)] * 3),
            occupancy=cv2.resize(gray, size_wh),
        )
        planes.append(restore_planes(unmixer.estimate(), call))
    shrunk = cv2.resize(planes[0][..., :3], (160, 90), interpolation=cv2.INTER_AREA)
    # clipping at 0 and 255 comes before the mean in one, after it in the other
    assert np.abs(shrunk.astype(int) - planes[1][..., :3]).mean() < 2
