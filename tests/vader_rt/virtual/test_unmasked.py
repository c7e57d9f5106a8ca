"""Frames that show the camera's picture, in the sample call."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import islice

import cv2
import numpy as np
import pytest

from tests.vader_rt.virtual.made import picture
from train.calls import Call
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.frames import ArrayFrame
from vader_rt.io.images import read_image, shrunk
from vader_rt.io.video import open_video
from vader_rt.score import TOLERANCE, ciede2000
from vader_rt.virtual.bare_room import bare_room
from vader_rt.virtual.kept_frames import KeptFrames, Spread
from vader_rt.virtual.shots import SKETCH_WH, CutFinder, look_size
from vader_rt.virtual.unmasked import Interval, Unmasked, find_unmasked

SIZE_WH = (640, 360)
COUNT = 90


class Recording:
    """The sample's frames, its truth, and what the client could have shown in their place."""

    def __init__(self, sample: Call) -> None:
        def read(path: object) -> list[np.ndarray]:
            frames = islice(open_video(str(path)).frames(), COUNT)
            return [shrunk(frame, SIZE_WH) for frame in frames]

        self.masked = read(sample.video)
        self.persons = [frame[..., :1] / np.float32(255) for frame in read(sample.truth("person"))]
        self.mattes = [frame[..., :1] / np.float32(255) for frame in read(sample.truth("matte"))]
        self.room = shrunk(sample.read_room(), SIZE_WH)
        self.virtual = shrunk(read_image(sample.virtual), SIZE_WH)

    def bare(self, index: int) -> np.ndarray:
        """The camera's picture, as far as it can be told: the caller before the room."""
        person = self.persons[index]
        mixed = person * self.masked[index] + (1 - person) * self.room
        return np.rint(mixed).astype(np.uint8)

    def before(self, index: int, image: np.ndarray) -> np.ndarray:
        """The same moment before another virtual background."""
        shift = (1 - self.mattes[index]) * (image.astype(np.float32) - self.virtual)
        return np.clip(np.rint(self.masked[index] + shift), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def recording(sample: Call) -> Recording:
    return Recording(sample)


def unmasked(frames: Iterable[np.ndarray], fps: float = 30) -> Unmasked:
    segmenter, finder = Segmenter(), CutFinder()
    spread = Spread[tuple[np.ndarray, np.ndarray]](24)
    for frame in frames:
        finder.add(ArrayFrame(frame).sketch(SKETCH_WH), partial(shrunk, frame, look_size(SIZE_WH)))
        spread.offer((frame, segmenter.mask(frame)))
    kept, mask = KeptFrames.of(spread), segmenter.mask
    return find_unmasked(finder.cuts(), finder.frames, kept, mask, lambda index: index / fps)


def test_a_call_that_is_always_masked_has_none(recording: Recording) -> None:
    assert unmasked(recording.masked) == Unmasked()


@pytest.mark.parametrize("spans", [[(40, 41)], [(0, 1)], [(89, 90)], [(20, 21), (60, 75)]])
def test_moments_are_found_to_the_frame(spans: list[tuple[int, int]], recording: Recording) -> None:
    frames = list(recording.masked)
    for index in (i for span in spans for i in range(*span)):
        frames[index] = recording.bare(index)
    found = unmasked(frames)
    assert found.shown == [Interval(*span) for span in spans]
    assert not found.suspected
    assert found.frames == {i for span in spans for i in range(*span)}


def test_another_virtual_background_is_not_sold_as_room(recording: Recording) -> None:
    """It lasts three seconds here, at ten frames a second."""
    image, frames = picture(3, SIZE_WH), list(recording.masked)
    frames[30:60] = [recording.before(index, image) for index in range(30, 60)]
    found = unmasked(frames, fps=10)
    assert not found.shown
    assert found.suspected == [Interval(30, 60)]
    assert found.is_suspected(30)
    assert not found.is_suspected(60)


def test_what_lasts_is_told_at_least(recording: Recording) -> None:
    frames = list(recording.masked)
    frames[30:60] = [recording.bare(index) for index in range(30, 60)]
    found = unmasked(frames, fps=10)
    assert [*found.shown, *found.suspected] == [Interval(30, 60)]


@pytest.mark.parametrize("shown", ["slide", "black", "darker"])
def test_what_does_not_show_the_caller_as_before_is_something_else(
    shown: str, recording: Recording
) -> None:
    frames = list(recording.masked)
    other = {"slide": picture(5, SIZE_WH), "black": frames[40] * 0, "darker": frames[40] // 3}
    frames[40] = other[shown]
    found = unmasked(frames)
    assert not found.shown
    assert not found.suspected


def test_the_room_is_what_is_neither_caller_nor_overlay(recording: Recording) -> None:
    frames = [recording.bare(index) for index in (40, 60, 80)]
    virtual = recording.virtual.copy()
    for image in (*frames, virtual):
        cv2.rectangle(image, (560, 300), (620, 340), (40, 200, 250), -1)
    room = bare_room(dict(enumerate(frames)), Segmenter().mask, virtual)
    sure = room.confidence >= 0.5
    assert sure.mean() > 0.4
    right = ciede2000(room.image, recording.room) < TOLERANCE
    assert right[sure].mean() > 0.97
    assert not sure[302:338, 562:618].any()
    persons = np.min([recording.persons[index] for index in (40, 60, 80)], axis=0)[..., 0]
    assert sure[persons > 0.5].mean() < 0.02
