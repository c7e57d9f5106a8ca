"""The one definition of the features, pinned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vader_rt.contract import INPUT_GROUPS, plane_count
from vader_rt.doctor.golden import DOG_LEVELS, EDGE_SHARE, read_golden
from vader_rt.errors import InputError
from vader_rt.features.planes import (
    InputPlanes,
    StaticPlanes,
    dog_plane,
    edge_plane,
    gray_plane,
)

ALL = tuple(INPUT_GROUPS)


def static_planes(size_wh: tuple[int, int]) -> StaticPlanes:
    width, height = size_wh
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 256, (3, height, width, 3), np.uint8)
    occupancy = rng.integers(0, 256, (height, width), np.uint8)
    look = rng.integers(0, 256, (height, width, 6), np.uint8)
    return StaticPlanes(
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
    assert (gray_plane(frames[5]) == gray).all()
    assert (edge_plane(gray) == cv2.Canny(cv2.GaussianBlur(gray, (5, 5), 0), 50, 150)).all()
    blurs = (cv2.GaussianBlur(gray, (size, size), sigma) for size, sigma in ((5, 1), (9, 2)))
    narrow, wide = (blur.astype(float) for blur in blurs)
    difference = narrow - wide
    stretched = (difference - difference.min()) / np.ptp(difference) * 255
    # float32 in the one, float64 in the other, truncated to 8 bit
    assert np.abs(dog_plane(gray).astype(int) - stretched.astype(np.uint8)).max() <= 1


def test_planes_have_the_order_of_the_groups(frames: list[np.ndarray]) -> None:
    static = static_planes((320, 180))
    person = np.arange(320, dtype=np.uint8)[None].repeat(180, axis=0)
    tensor = InputPlanes(ALL, (320, 180), static).fill(frames[0], person)
    assert tensor.shape == (1, plane_count(ALL), 180, 320)
    assert tensor.dtype == np.float32
    expected = [
        *frames[0].transpose(2, 0, 1)[::-1],
        *static.virtual.transpose(2, 0, 1)[::-1],
        *static.trace.transpose(2, 0, 1)[::-1],
        static.occupancy,
        edge_plane(gray_plane(frames[0])),
        dog_plane(gray_plane(frames[0])),
        person,
        *static.look[..., :3].transpose(2, 0, 1)[::-1],
        *static.look[..., 3:].transpose(2, 0, 1),
        static.presence,
        *static.mode.transpose(2, 0, 1)[::-1],
    ]
    # one float32 multiplication by 1/255
    np.testing.assert_allclose(tensor[0], np.stack(expected) / 255, atol=1e-6)


def test_any_order(frames: list[np.ndarray]) -> None:
    one = InputPlanes(("dog", "frame"), (320, 180)).fill(frames[0])
    other = InputPlanes(("frame", "dog"), (320, 180)).fill(frames[0])
    assert (one[0, [1, 2, 3, 0]] == other[0]).all()


def test_the_buffer_is_used_again(frames: list[np.ndarray]) -> None:
    planes = InputPlanes(("frame", "edge"), (320, 180))
    first = planes.fill(frames[0])
    kept = first.copy()
    assert planes.fill(frames[5]) is first is planes.buffer
    assert (planes.buffer != kept).any()


def test_another_virtual_background(frames: list[np.ndarray]) -> None:
    groups = ("virtual", "frame")
    planes = InputPlanes(groups, (320, 180), static_planes((320, 180)))
    before = planes.static_changes
    planes.put_virtual(frames[5])
    other = InputPlanes(groups, (320, 180), StaticPlanes(virtual=frames[5]))
    assert (planes.fill(frames[0]) == other.fill(frames[0])).all()
    assert planes.static_changes == before + 1


@pytest.mark.parametrize(
    ("groups", "words"), [(("frame", "depth"), "depth"), (("virtual",), "not computed")]
)
def test_refusals(groups: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        InputPlanes(groups, (32, 32))
