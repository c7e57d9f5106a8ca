"""The one definition of the features, pinned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vader_rt.doctor.golden import DOG_LEVELS, EDGE_SHARE, read_golden
from vader_rt.errors import InputError
from vader_rt.features.planes import (
    INPUT_GROUPS,
    CallPlanes,
    InputPlanes,
    VirtualDetail,
    dog_plane,
    edge_plane,
    plane_count,
)

ALL = tuple(INPUT_GROUPS)


def call_planes(size_wh: tuple[int, int]) -> CallPlanes:
    width, height = size_wh
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 256, (3, height, width, 3), np.uint8)
    occupancy = rng.integers(0, 256, (height, width), np.uint8)
    look = rng.integers(0, 256, (height, width, 6), np.uint8)
    return CallPlanes(
        virtual=colors[0],
        trace=colors[1],
        mode=colors[2],
        occupancy=occupancy,
        look=look,
        presence=occupancy // 2,
        hidden=255 - occupancy,
    )


def test_golden_frame() -> None:
    """`edge` and `dog` of a stored frame; another OpenCV may round a grey level differently."""
    edge, dog = read_golden().features.difference()
    assert edge <= EDGE_SHARE
    assert dog <= DOG_LEVELS


def test_definitions(frames: list[np.ndarray]) -> None:
    """The seed's formulas, written out from its description."""
    rgb = frames[5][..., ::-1]
    gray = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)
    assert (edge_plane(frames[5]) == cv2.Canny(cv2.GaussianBlur(gray, (5, 5), 0), 50, 150)).all()
    blurs = (cv2.GaussianBlur(gray, (size, size), sigma) for size, sigma in ((5, 1), (9, 2)))
    narrow, wide = (blur.astype(float) for blur in blurs)
    difference = narrow - wide
    stretched = (difference - difference.min()) / np.ptp(difference) * 255
    # float32 in the one, float64 in the other, truncated to 8 bit
    assert np.abs(dog_plane(frames[5]).astype(int) - stretched.astype(np.uint8)).max() <= 1


def test_planes_have_the_order_of_the_groups(frames: list[np.ndarray]) -> None:
    call = call_planes((320, 180))
    person = np.arange(320, dtype=np.uint8)[None].repeat(180, axis=0)
    tensor = InputPlanes(ALL, (320, 180), call).fill_small(frames[0], person)
    assert tensor.shape == (1, plane_count(ALL), 180, 320)
    assert tensor.dtype == np.float32
    expected = [
        *frames[0].transpose(2, 0, 1)[::-1],
        *call.virtual.transpose(2, 0, 1)[::-1],
        *call.trace.transpose(2, 0, 1)[::-1],
        call.occupancy,
        edge_plane(frames[0]),
        dog_plane(frames[0]),
        person,
        *call.look[..., :3].transpose(2, 0, 1)[::-1],
        *call.look[..., 3:].transpose(2, 0, 1),
        call.hidden,
        VirtualDetail(call.virtual).plane,
        VirtualDetail(call.virtual).shown(frames[0]),
        call.presence,
        *call.mode.transpose(2, 0, 1)[::-1],
    ]
    # one float32 multiplication by 1/255
    np.testing.assert_allclose(tensor[0], np.stack(expected) / 255, atol=1e-6)


def blended(room: np.ndarray, virtual: np.ndarray, matte: float | np.ndarray) -> np.ndarray:
    """A call's frame; room and virtual: (H, W, 3) uint8."""
    return np.rint(virtual + matte * (room.astype(float) - virtual)).astype(np.uint8)


@pytest.mark.parametrize("matte", [0.0, 0.25, 0.6, 1.0])
def test_shown_detail_tells_the_matte(matte: float) -> None:
    rng = np.random.default_rng(2)
    virtual, room = (
        cv2.GaussianBlur(i, (0, 0), 1) for i in rng.integers(0, 256, (2, 96, 160, 3), np.uint8)
    )
    shown = VirtualDetail(virtual).shown(blended(room, virtual, matte)) / 255
    # the room's own detail is not quite uncorrelated with the other's in a small window
    assert np.abs(shown - (1 - matte)).mean() < 0.06
    assert abs(shown.mean() - (1 - matte)) < 0.05


def test_shown_detail_follows_a_matte_that_changes_slowly() -> None:
    rng = np.random.default_rng(3)
    virtual = cv2.GaussianBlur(rng.integers(0, 256, (96, 160, 3), np.uint8), (0, 0), 1)
    matte = np.linspace(0, 1, 160)[None, :, None]
    shown = VirtualDetail(virtual).shown(blended(np.full_like(virtual, 90), virtual, matte)) / 255
    assert np.abs(shown - (1 - matte[..., 0]))[:, 8:-8].max() < 0.15


def test_where_there_is_no_detail_none_is_shown() -> None:
    plain = np.full((64, 96, 3), (10, 120, 200), np.uint8)
    detail = VirtualDetail(plain)
    assert not detail.plane.any()
    assert not detail.shown(plain).any()


def test_a_guessed_matte_is_corrected_where_there_is_detail() -> None:
    rng = np.random.default_rng(4)
    virtual = np.full((96, 160, 3), 120, np.uint8)
    virtual[:, :80] = cv2.GaussianBlur(rng.integers(0, 256, (96, 80, 3), np.uint8), (0, 0), 1)
    frame = blended(np.full_like(virtual, 90), virtual, 0.4)
    guess = np.full((96, 160), 0.8, np.float32)
    corrected = VirtualDetail(virtual).corrected(guess, frame)
    assert np.abs(corrected[:, 8:72] - 0.4).max() < 0.15
    assert np.abs(corrected[:, 100:] - 0.8).max() < 0.01


def test_another_virtual_background_has_other_detail(frames: list[np.ndarray]) -> None:
    call = call_planes((320, 180))
    filler = InputPlanes(("virtual", "detail", "shown"), (320, 180), call)
    before = filler.fill_small(frames[0]).copy()
    filler.put_virtual(frames[5])
    after = InputPlanes(filler.slices, (320, 180), CallPlanes(virtual=frames[5]))
    assert (filler.fill_small(frames[0]) == after.fill_small(frames[0])).all()
    assert (filler.tensor[0, 3:] != before[0, 3:]).any(axis=(1, 2)).all()


def test_any_order(frames: list[np.ndarray]) -> None:
    one = InputPlanes(("dog", "frame"), (320, 180)).fill_small(frames[0])
    other = InputPlanes(("frame", "dog"), (320, 180)).fill_small(frames[0])
    assert (one[0, [1, 2, 3, 0]] == other[0]).all()


def test_frames_are_shrunk_before_edges(frames: list[np.ndarray]) -> None:
    large = cv2.resize(frames[0], (640, 360))
    small = cv2.resize(large, (160, 96), interpolation=cv2.INTER_AREA)
    filled = InputPlanes(("frame", "edge"), (160, 96)).fill(large)
    assert (filled[0, 3] == edge_plane(small) / np.float32(255)).all()


def test_segmenter_is_asked_once_per_frame(frames: list[np.ndarray]) -> None:
    seen = []

    def segment(frame: np.ndarray) -> np.ndarray:
        seen.append(frame)
        return np.full((16, 16), 0.5, np.float32)

    filler = InputPlanes(("person",), (32, 32))
    assert filler.fill(frames[0], segment)[0, 0, 5, 5] == pytest.approx(0.5, abs=1 / 255)
    assert len(seen) == 1
    assert seen[0] is frames[0]


@pytest.mark.parametrize(
    ("groups", "words"), [(("frame", "depth"), "depth"), (("virtual",), "not computed")]
)
def test_refusals(groups: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        InputPlanes(groups, (32, 32))
