"""A virtual image that the user has."""

from __future__ import annotations

import struct
import zlib
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


def huge_png(width: int, height: int) -> bytes:
    """A picture of a few bytes that says that it is large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


def test_library_pictures_that_cannot_be_read_are_told_of_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "0.png").write_text("broken")
    (tmp_path / "1.jpg").touch()
    (tmp_path / "2.png").write_bytes(huge_png(60_000, 60_000))
    (tmp_path / "3.png").mkdir()
    (tmp_path / "4.webp").symlink_to("nowhere")
    with pytest.raises(InputError, match="has no picture that can be read"):
        library_virtual(tmp_path, moving_person(picture()))
    caplog.clear()
    cv2.imwrite(str(tmp_path / "5.png"), picture(5, (400, 300)))
    shown = cover(picture(5, (400, 300)), SIZE_WH)
    assert library_virtual(tmp_path, moving_person(shown)) == tmp_path / "5.png"
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 5
    assert f"{tmp_path / '2.png'}: is damaged, or too large an image for OpenCV" in told[2]
    assert all("passed over" in line for line in told)


def test_library_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no pictures"):
        library_virtual(tmp_path, moving_person(picture()))
    with pytest.raises(InputError, match="cannot be read"):
        library_virtual(tmp_path / ("x" * 5000), moving_person(picture()))


@pytest.mark.parametrize("size_wh", [(100, 100), (320, 96), (20, 200)])
def test_cover_fills(size_wh: tuple[int, int]) -> None:
    fitted = cover(picture(0, (160, 96)), size_wh)
    assert fitted.shape == (size_wh[1], size_wh[0], 3)
