"""A virtual image that the user has."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from tests.vader_rt.virtual.made import SIZE_WH, moving_person, picture
from vader_rt.errors import InputError
from vader_rt.virtual.given import cover, given_virtual, library_virtual


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("stretched", [False, True])
def test_given_image_is_fitted(tmp_path: Path, mirrored: bool, stretched: bool) -> None:
    original = picture(3, (400, 300))
    fitted = cv2.resize(original, SIZE_WH, interpolation=cv2.INTER_AREA)
    shown = fitted if stretched else cover(original, SIZE_WH)
    shown = cv2.flip(shown, 1) if mirrored else shown
    path = tmp_path / "virtual.png"
    cv2.imwrite(str(path), original)
    assert (given_virtual(path, moving_person(shown)) == shown).all()


def test_foreign_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.png"
    cv2.imwrite(str(path), 255 - picture())
    with pytest.raises(InputError, match="not the virtual background"):
        given_virtual(path, moving_person(picture()))


def test_library_knows_the_picture(tmp_path: Path) -> None:
    for seed in range(4):
        cv2.imwrite(str(tmp_path / f"{seed}.png"), picture(seed, (400, 300)))
    (tmp_path / "notes.txt").write_text("not a picture")
    shown = cover(picture(2, (400, 300)), SIZE_WH)
    assert library_virtual(tmp_path, moving_person(shown)) == tmp_path / "2.png"
    assert library_virtual(tmp_path, moving_person(picture(9))) is None


def test_library_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no pictures"):
        library_virtual(tmp_path, moving_person(picture()))


@pytest.mark.parametrize("size_wh", [(100, 100), (320, 96), (20, 200)])
def test_cover_fills(size_wh: tuple[int, int]) -> None:
    fitted = cover(picture(0, (160, 96)), size_wh)
    assert fitted.shape == (size_wh[1], size_wh[0], 3)
