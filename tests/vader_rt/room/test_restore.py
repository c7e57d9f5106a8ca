"""Planes, and the correction that is enlarged to the call's size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.vader_rt.room.made import observed
from vader_rt.contract import JUDGE_GROUPS, RESTORE_GROUPS, TIME_BINS, Contract, plane_slices
from vader_rt.features.planes import StaticPlanes
from vader_rt.io.images import shrunk
from vader_rt.room.observation import observe
from vader_rt.room.person import PersonPrior
from vader_rt.room.restore import CallPlanes, call_planes, judge, restore, stacked
from vader_rt.room.strongest import StrongestSample
from vader_rt.room.time_bins import TimeBinSampler, time_bin
from vader_rt.room.top_samples import TopSamples
from vader_rt.room.vote import vote

SIZE_WH = (96, 64)
COUNT = sum(RESTORE_GROUPS.values())
SLICES = plane_slices(JUDGE_GROUPS)


class Shifted:
    """An engine that adds to the un-mixed room, and is as sure as the leak is large."""

    name = "shifted"

    def __init__(self, shift: float | np.ndarray) -> None:
        outputs = ("room", "confidence")
        self.contract = Contract("restore", tuple(RESTORE_GROUPS), SIZE_WH, outputs)
        self._shift = shift

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        assert planes.shape == self.contract.input_shape
        assert 0 <= planes.min() <= planes.max() <= 1
        return [planes[0, :3] + self._shift, planes[0, -1]]


def random_room(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def planes_of(room_bgr: np.ndarray) -> CallPlanes:
    """Planes of which only the room is something."""
    colors = {"room", "virtual", "trace", "samples"}
    nothing = {
        group: [np.zeros((8, 8, 3) if group in colors else (8, 8), np.uint8)]
        * (count // 3 if group in colors else count)
        for group, count in RESTORE_GROUPS.items()
    }
    return {**nothing, "room": [room_bgr]}


@pytest.mark.parametrize("size_wh", [SIZE_WH, (192, 128), (131, 77), (64, 64)])
def test_no_correction_leaves_every_detail(size_wh: tuple[int, int]) -> None:
    given = random_room(*size_wh[::-1])
    room, sure = restore(given, planes_of(given), Shifted(0.0))
    assert sure.shape == size_wh[::-1]
    # 8-bit levels divided and multiplied by 255, resized alike
    assert np.abs(room.astype(int) - given).max() <= 1


def test_correction_is_enlarged() -> None:
    given = np.full((128, 192, 3), 100, np.uint8)
    given[::2] = 140
    room, _ = restore(given, planes_of(given), Shifted(20 / 255))
    assert (room[::2] == 160).all()
    assert (room[1::2] == 120).all()
    assert (restore(given, planes_of(given), Shifted(1.0))[0] == 255).all()


def test_red_stays_red() -> None:
    given = np.full((64, 96, 3), (10, 20, 30), np.uint8)
    engine = Shifted(np.reshape([30, 0, 0], (3, 1, 1)) / 255)
    room, _ = restore(given, planes_of(given), engine)
    assert room[0, 0].tolist() == [10, 20, 60]


def values(pixel: np.ndarray, group: str) -> list[int]:
    return pixel[SLICES[group]].tolist()


def test_planes_hold_what_is_known() -> None:
    virtual = np.full((64, 64, 3), (40, 50, 60), np.uint8)
    strongest, bins = StrongestSample(virtual), TimeBinSampler((64, 64))
    top = TopSamples((64, 64))
    leak = np.zeros((64, 64), np.float32)
    leak[:32] = 0.5
    frame = np.where(leak[..., None] > 0, np.uint8([90, 100, 110]), virtual)
    for taker in (strongest, bins, top):
        taker.add(observed(frame, leak, leak))
    person = PersonPrior(mean=np.full((64, 64), 3, np.uint8), seen=np.full((64, 64), 4, np.uint8))
    known = strongest.result(), vote(top, virtual, 1.0, 0.0), bins.samples(), person
    gray = np.full((64, 64), 7, np.uint8)
    trace = np.full_like(virtual, 128)
    static = StaticPlanes(
        virtual=virtual, trace=trace, occupancy=gray, presence=gray + 1, hidden=gray + 2
    )
    planes = stacked(call_planes(*known, static), (64, 64))
    top, bottom = planes[10, 10], planes[50, 10]
    assert values(top, "room") == [160, 150, 140]  # V + (frame − V) / 0.5, as RGB
    assert values(top, "samples") == [110, 100, 90] + [60, 50, 40] * (TIME_BINS - 1)
    half = round(0.5 * 255)
    assert values(top, "leak") == [half]
    assert (
        values(top, "sample_leak") == values(top, "sample_matte") == [half] + [0] * (TIME_BINS - 1)
    )
    assert values(bottom, "room") == values(bottom, "virtual") == [60, 50, 40]
    assert not any(bottom[SLICES["leak"].start : SLICES["occupancy"].start])
    assert [values(bottom, g) for g in ("occupancy", "presence", "hidden")] == [[7], [8], [9]]
    assert values(top, "strength") == [round(np.log2(1 + 0.25) * 255 / 4)]  # leak · matte
    assert values(top, "agreement") == [255]
    assert values(bottom, "strength") == values(bottom, "agreement") == [0]
    assert planes.shape == (64, 64, COUNT)
    some = stacked(call_planes(*known, static), (32, 32), ["hidden", "virtual"])
    assert some.shape == (32, 32, 4)
    assert some[5, 5].tolist() == [9, 60, 50, 40]
    of_person = stacked(call_planes(*known, static), (64, 64), ["person_seen", "person"])
    assert of_person[0, 0].tolist() == [4, 3]


def test_planes_of_the_small_call_are_those_of_the_large(frames: list[np.ndarray]) -> None:
    """Training un-mixes at the model's size, the runtime at the call's: nearly the same planes."""
    virtual = cv2.GaussianBlur(frames[0], (0, 0), 5)
    leak = np.full((90, 160), 0.5, np.float32)
    gray = np.full(virtual.shape[:2], 128, np.uint8)
    planes = []
    for size_wh in ((320, 180), (160, 90)):
        resized = [cv2.resize(i, size_wh, interpolation=cv2.INTER_AREA) for i in frames]
        known = cv2.resize(virtual, size_wh, interpolation=cv2.INTER_AREA)
        strongest, bins = StrongestSample(known, 0.5), TimeBinSampler((160, 90))
        top = TopSamples(size_wh)
        for index, frame in enumerate(resized):
            outputs = [leak, leak * (1 - index / 40)]
            part = time_bin(index, len(frames))
            small = shrunk(frame, (160, 90))
            observation = observe(frame, small, outputs, known, time_bin=part)
            for taker in (strongest, top, bins):
                taker.add(observation)
        grays = [cv2.resize(gray, size_wh)] * 3
        static = StaticPlanes(
            virtual=known,
            trace=np.dstack(grays),
            occupancy=grays[0],
            presence=grays[1],
            hidden=grays[2],
        )
        person = PersonPrior(*[np.zeros((90, 160), np.uint8)] * 2)
        found = strongest.result(), vote(top, known, 0.5, 0.0), bins.samples(), person
        planes.append(stacked(call_planes(*found, static), (160, 90)))
    difference = np.abs(planes[0].astype(int) - planes[1])
    # where samples disagree, a little decides which of them has the majority
    assert np.median(difference[..., SLICES["room"]]) <= 2
    assert difference[..., SLICES["agreement"]].mean() < 3
    difference[..., SLICES["agreement"]] = 0
    assert difference[..., 3:].mean(axis=(0, 1)).max() < 2


class Listening:
    """A judge that says a half, and keeps what it is told."""

    name = "listening"

    def __init__(self) -> None:
        self.contract = Contract("judge", tuple(JUDGE_GROUPS), SIZE_WH, ("confidence",))

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        assert planes.shape == self.contract.input_shape
        self.planes = planes[0]
        return [np.full(SIZE_WH[::-1], 0.5, np.float32)]


def test_a_judge_is_told_what_was_restored_and_how_sure_that_is() -> None:
    room, engine = np.full((128, 192, 3), (10, 20, 30), np.uint8), Listening()
    sure = np.full((128, 192), 0.2, np.float32)
    person = {
        name: [np.full((8, 8), 9, np.uint8)] * JUDGE_GROUPS[name]
        for name in ("person", "person_seen", "sample_person")
    }
    confidence = judge(room, sure, {**planes_of(room), **person}, engine)
    assert confidence.shape == (128, 192)
    assert (confidence == 0.5).all()
    told = np.rint(engine.planes[:, 5, 7] * 255)
    assert told[SLICES["restored"]].tolist() == [30, 20, 10]
    assert told[SLICES["sure"]] == 51
    assert set(told[SLICES["sample_person"]]) == {9}
