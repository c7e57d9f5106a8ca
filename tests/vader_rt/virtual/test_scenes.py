"""Virtual backgrounds that change during the call."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import vader_rt
from train.calls import Call
from vader_rt.features.planes import StaticPlanes
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.images import enlarged, read_image
from vader_rt.io.video import open_video
from vader_rt.room.unmixing import before_other
from vader_rt.score import score
from vader_rt.virtual.estimate import VirtualBackground, estimate_virtual
from vader_rt.virtual.kept_frames import KeptFrames
from vader_rt.virtual.scenes import Scene, find_scene, split_scenes

HALF_WH = (640, 360)


def half(image: np.ndarray) -> np.ndarray:
    """An image of the sample, or of its frames, at half its size."""
    return cv2.resize(image, HALF_WH, interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def first(sample: Call) -> np.ndarray:
    """The sample's virtual image."""
    return half(read_image(sample.virtual))


@pytest.fixture(scope="module")
def other(first: np.ndarray) -> np.ndarray:
    """Another virtual image: the sample's, upside down and in other colours."""
    return np.ascontiguousarray(255 - first[::-1, :, ::-1])


@pytest.fixture(scope="module")
def changed(sample: Call, first: np.ndarray, other: np.ndarray) -> list[np.ndarray]:
    """Every third frame of the sample; after 24 of the 40 another virtual background is there."""
    frames = []
    truth = sample.truth_frames()
    for index, (frame, (matte, _)) in enumerate(
        zip(open_video(sample.video).frames(), truth, strict=True)
    ):
        if index % 3 == 0:
            small = half(frame)
            share = enlarged(matte / np.float32(255), small.shape[1::-1])
            mixed = before_other(small, share, first, other)
            frames.append(mixed if index >= 72 else small)
    return frames


def sampled(frames: list[np.ndarray]) -> KeptFrames:
    segmenter = Segmenter(threads=1)
    return KeptFrames(frames, [segmenter.mask(frame) for frame in frames], range(len(frames)))


def test_a_change_makes_two_scenes(changed: list[np.ndarray]) -> None:
    first, second = split_scenes(sampled(changed))
    assert [len(first.frames), len(second.frames)] == [24, 16]
    assert all(a is b for a, b in zip(first.frames, changed[:24], strict=True))
    assert all(a is b for a, b in zip(second.frames, changed[24:], strict=True))


def test_without_a_change_there_is_one(changed: list[np.ndarray]) -> None:
    sample = sampled(changed[:24])
    assert split_scenes(sample) == [sample]


def test_a_video_is_one_scene(changed: list[np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    size_wh = changed[0].shape[1::-1]
    pictures = [cv2.resize(i, size_wh) for i in rng.integers(0, 256, (24, 4, 6, 3), np.uint8)]
    kept = KeptFrames(pictures, [np.zeros((16, 16), np.uint8)] * 24, range(24))
    assert split_scenes(kept)[0] is kept


def scene(image: np.ndarray) -> Scene:
    gray = np.zeros(image.shape[:2], np.uint8)
    return Scene(VirtualBackground(image, gray, image, gray, gray), StaticPlanes())


def test_frames_find_their_scene(
    changed: list[np.ndarray], first: np.ndarray, other: np.ndarray
) -> None:
    scenes = [scene(first), scene(other)]
    assert find_scene(scenes, changed[0]) == 0
    assert find_scene(scenes, changed[-1]) == 1
    assert find_scene(scenes, cv2.addWeighted(changed[0], 0.5, changed[-1], 0.5, 0)) is None
    assert find_scene(scenes[:1], changed[-1]) == 0


def test_before_another_virtual_background_the_mixing_equation_holds() -> None:
    virtual, other, room = (np.full((8, 8, 3), v, np.uint8) for v in (40, 200, 120))
    matte = np.full((8, 8), 0.25, np.float32)
    frame = np.full((8, 8, 3), 40 + 0.25 * (120 - 40), np.uint8)
    assert (before_other(frame, matte, virtual, other) == 200 + 0.25 * (120 - 200)).all()
    assert (before_other(room, matte + 0.75, virtual, other) == room).all()


def test_the_room_is_recovered_from_both(changed: list[np.ndarray], sample: Call) -> None:
    """What leaks after the change counts; taken as one scene, both would be lost."""
    result = vader_rt.reconstruct(changed)
    assert result.report["virtual_background"]["kind"] == "changing"
    assert result.report["virtual_background"]["scenes"] == 2
    assert min(result.timeline) > 0
    room, mask = half(sample.read_room()), half(sample.read_mask())
    assert score(result.background, room, mask).challenge > 0.22  # 0.228
    as_one = estimate_virtual(sampled(changed))
    unchanged = estimate_virtual(sampled(changed[:24]))
    assert np.abs(result.virtual.astype(int) - unchanged.image).mean() < 1
    assert np.abs(as_one.image.astype(int) - unchanged.image).mean() > 10


def test_a_given_image_may_be_that_of_one_scene(
    changed: list[np.ndarray], other: np.ndarray, untrained: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "other.png"
    path.write_bytes(cv2.imencode(".png", other)[1].tobytes())
    options = {"model": untrained["frame"], "virtual_background": path}
    result = vader_rt.reconstruct(changed[::2], **options)
    assert result.report["virtual_background"]["given"] == "other.png"
    with pytest.raises(vader_rt.InputError, match=r"other\.png: is not the virtual background"):
        vader_rt.reconstruct(changed[:24:3], **options)
