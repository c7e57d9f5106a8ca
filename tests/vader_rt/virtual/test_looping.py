"""Virtual backgrounds that are loopings."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import vader_rt
from train.calls import Call
from vader_rt.io.frames import ArrayFrame
from vader_rt.io.images import enlarged, read_image
from vader_rt.io.video import open_video
from vader_rt.pipeline.choose import THUMBNAIL_WH
from vader_rt.room.unmixing import before_other
from vader_rt.score import score
from vader_rt.virtual.looping import LoopFinder, LoopingVideo

PERIOD = 20


def picture_at(image: np.ndarray, index: int) -> np.ndarray:
    """An image that swings to and fro, `PERIOD` frames long."""
    shift = round(image.shape[1] / 6 * np.sin(2 * np.pi * index / PERIOD))
    lift = round(image.shape[0] / 9 * np.cos(2 * np.pi * index / PERIOD))
    return np.roll(image, (lift, shift), axis=(0, 1))


def large(matte: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """A matte of the truth at a frame's size, (H, W) float32 in [0, 1]."""
    return enlarged(matte / np.float32(255), frame.shape[1::-1])


@pytest.fixture(scope="module")
def looped(sample: Call) -> list[np.ndarray]:
    """The sample at half its size, before its virtual image that swings: 120 frames, six rounds."""
    still = read_image(sample.virtual)
    size_wh = (still.shape[1] // 2, still.shape[0] // 2)
    frames = zip(open_video(sample.video).frames(), sample.truth_frames(), strict=True)
    return [
        cv2.resize(
            before_other(frame, large(matte, frame), still, picture_at(still, index)),
            size_wh,
            interpolation=cv2.INTER_AREA,
        )
        for index, (frame, (matte, _)) in enumerate(frames)
    ]


def period_of(frames: list[np.ndarray]) -> int | None:
    finder = LoopFinder()
    for frame in frames:
        finder.add(ArrayFrame(frame).luma(THUMBNAIL_WH))
    return finder.period()


def test_the_loop_is_found(looped: list[np.ndarray]) -> None:
    assert period_of(looped) == PERIOD
    assert period_of(looped[: 2 * PERIOD]) == PERIOD


def test_there_is_none_without_two_rounds(looped: list[np.ndarray]) -> None:
    assert period_of(looped[: 2 * PERIOD - 3]) is None


def test_there_is_none_in_a_still_picture(frames: list[np.ndarray]) -> None:
    assert period_of(frames * 4) is None


def test_there_is_none_in_a_looping_video_that_does_not_repeat(looped: list[np.ndarray]) -> None:
    size_wh = looped[0].shape[1::-1]
    noise = np.random.default_rng(0).integers(0, 256, (9, 60, 3), np.uint8)
    band = cv2.resize(noise, (4 * size_wh[0], size_wh[1]), interpolation=cv2.INTER_CUBIC)
    panned = [band[:, 8 * i : 8 * i + size_wh[0]] for i in range(100)]
    assert period_of(panned) is None


def test_each_picture_is_what_was_clear_of_the_person_in_a_round() -> None:
    looping = LoopingVideo((32, 16), 2)

    def person(frame: np.ndarray) -> np.ndarray:
        return np.uint8(255) * (frame[..., 0] == 255)

    rounds = [np.full((16, 32, 3), value, np.uint8) for value in (10, 20, 10, 20)]
    rounds[0][:, :16] = 255
    rounds[2][:, 16:] = 255
    rounds[1][4:8, 4:8] = rounds[3][4:8, 4:8] = 255
    looping.learn(rounds, SimpleNamespace(mask=person))  # type: ignore[arg-type]
    assert (looping.at(0) == 10).all()
    assert looping.at(4).tobytes() == looping.at(0).tobytes()
    # never clear there: continued from around, but for the rounding of the inpainting
    assert np.abs(looping.at(1).astype(int) - 20).max() <= 2


def test_long_looping_videos_are_kept_smaller() -> None:
    short, long = LoopingVideo((320, 192), 10), LoopingVideo((1280, 720), 600)
    assert short._pictures.shape == (10, 192, 320, 3)
    assert long._pictures.nbytes < 250_000_000
    assert long.at(0).shape == (720, 1280, 3)


def test_the_room_is_recovered_before_a_looping_video(
    looped: list[np.ndarray], sample: Call
) -> None:
    result = vader_rt.reconstruct(looped[:60])
    assert result.report["virtual_background"]["kind"] == "loop"
    size_wh = looped[0].shape[1::-1]
    room, mask = (
        cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
        for image in (sample.read_room(), sample.read_mask())
    )
    assert score(result.background, room, mask).challenge > 0.21  # 0.218
    first = picture_at(read_image(sample.virtual), 0)
    off = cv2.absdiff(result.virtual, cv2.resize(first, size_wh, interpolation=cv2.INTER_AREA))
    assert np.median(off) <= 3
