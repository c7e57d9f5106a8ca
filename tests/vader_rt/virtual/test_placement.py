"""Where a picture lies in a call."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.conftest import SAMPLE
from vader_rt.io.images import read_image, shrunk
from vader_rt.virtual.placement import (
    Placement,
    Shown,
    placements_by_features,
    plain_placements,
    refined,
)

SIZE_WH = (320, 180)


@pytest.fixture(scope="module")
def room() -> np.ndarray:
    return shrunk(read_image(SAMPLE / "backgrounds" / "study.png"), (640, 360))


def placed(scale: float, x: float, y: float, mirrored: bool = False) -> Placement:
    return Placement(np.full(2, scale), np.array([x, y]), mirrored)


def seen(image: np.ndarray) -> Shown:
    return Shown(image, np.ones(image.shape[:2], bool))


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("image_wh", [(640, 360), (400, 400), (90, 200)])
def test_plain_placements_fill_the_call(image_wh: tuple[int, int], index: int) -> None:
    placement = plain_placements(image_wh, SIZE_WH)[index]
    assert placement.covered(image_wh, SIZE_WH).all()
    assert placement.mirrored == bool(index % 2)


def test_a_whole_shift_moves_whole_pixels(room: np.ndarray) -> None:
    moved = placed(1, -40, 7).rendered(room, SIZE_WH)
    assert (moved[7:] == room[: SIZE_WH[1] - 7, 40 : 40 + SIZE_WH[0]]).all()


def test_shrinking_is_that_of_clients(room: np.ndarray) -> None:
    by_area = cv2.resize(room, SIZE_WH, interpolation=cv2.INTER_AREA)
    assert (placed(0.5, 0, 0).rendered(room, SIZE_WH) == by_area).all()
    mirrored = placed(0.5, 0, 0, mirrored=True).rendered(room, SIZE_WH)
    assert (mirrored == by_area[:, ::-1]).all()


def test_what_is_covered() -> None:
    covered = placed(0.5, 10.4, -20).covered((400, 300), SIZE_WH)
    assert covered[:130, 11:210].all()
    assert covered.sum() == 130 * 199


@pytest.mark.parametrize(
    "truth",
    [placed(0.65, -40, -31), placed(0.5, 12, 9, mirrored=True), placed(1.2, -200.4, -90.7, True)],
)
def test_features_and_ecc_find_the_place(room: np.ndarray, truth: Placement) -> None:
    shown = seen(truth.rendered(room, SIZE_WH))
    shown.image[:20, :60] = 255  # a name tag
    # the window is nearly symmetrical, so its mirror image may be found too
    found = [p for p in placements_by_features(room, shown) if p.mirrored == truth.mirrored]
    # a name tag pulls a little
    assert np.abs(off(found[0], truth)).max() < 0.5
    assert np.abs(off(refined(found[0], room, shown), truth)).max() < 0.2


def test_ecc_goes_on_from_near_by(room: np.ndarray) -> None:
    truth, start = placed(0.6, -20, -15), placed(0.595, -18, -14)
    found = refined(start, room, seen(truth.rendered(room, SIZE_WH)))
    assert np.abs(off(found, truth)).max() < 0.2  # it was two


def test_where_nothing_is_sure_nothing_is_refined(room: np.ndarray) -> None:
    """As at the coarse size, of a call that shows next to nothing of its virtual background."""
    start = placed(0.5, 0, 0)
    nowhere = Shown(start.rendered(room, SIZE_WH), np.zeros(SIZE_WH[::-1], bool))
    assert refined(start, room, nowhere) is start


def test_a_turned_picture_is_not_placed(room: np.ndarray) -> None:
    turn = cv2.getRotationMatrix2D((160, 90), 10, 0.6)
    shown = seen(cv2.warpAffine(room, turn, SIZE_WH, borderMode=cv2.BORDER_REPLICATE))
    assert not [*placements_by_features(room, shown)]


def test_another_picture_is_not_placed(room: np.ndarray) -> None:
    shown = seen(shrunk(np.ascontiguousarray(room[::-1]), SIZE_WH))
    assert not [*placements_by_features(room, shown)]


def off(found: Placement, truth: Placement) -> np.ndarray:
    """By how many pixels of the call the corners of the picture are placed wrongly."""
    corners = np.array([[0, 0], [640, 360]])
    return (found.scale - truth.scale) * corners + found.shift - truth.shift
