"""Pictures: what is too large is refused before it is decoded."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import in_threads
from tests.vader_rt.io.made import gradient, png_of, write
from vader_rt.errors import InputError
from vader_rt.io import images
from vader_rt.io.images import MAX_PICTURE_PIXELS, read_image
from vader_rt.io.video import open_video
from vader_rt.sources.grammar import open_source

FORMATS: dict[str, list[int]] = {
    "a.png": [],
    "a.bmp": [],
    "a.jpg": [],
    "progressive.jpg": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    "lossy.webp": [cv2.IMWRITE_WEBP_QUALITY, 80],
    "lossless.webp": [cv2.IMWRITE_WEBP_QUALITY, 101],
    "alpha.webp": [cv2.IMWRITE_WEBP_QUALITY, 80],
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_of_too_many_pixels_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = gradient((123, 77))
    if name.startswith("alpha"):
        picture = np.dstack([picture, picture[..., 0]])
    cv2.imwrite(str(tmp_path / name), picture, FORMATS[name])
    monkeypatch.setattr(images, "MAX_PICTURE_PIXELS", 123 * 77)
    assert read_image(tmp_path / name).shape == (77, 123, 3)
    monkeypatch.setattr(images, "MAX_PICTURE_PIXELS", 123 * 77 - 1)
    with pytest.raises(InputError, match="123×77 are more than 9,470 pixels; make it smaller"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("size_wh", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (10_001, 10_000)])
def test_a_picture_that_would_fill_the_memory(size_wh: tuple[int, int], tmp_path: Path) -> None:
    assert size_wh[0] * size_wh[1] > MAX_PICTURE_PIXELS
    (tmp_path / "a.png").write_bytes(png_of(size_wh))
    with pytest.raises(InputError, match="more than 100,000,000 pixels"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("count", [1, 2, 8, 12, 20, 24, 26, 29, 40])
@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.jpg", "lossy.webp", "lossless.webp"])
def test_a_header_that_is_cut(name: str, count: int, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / name), gradient((123, 77)), FORMATS[name])
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[:count])
    with pytest.raises(InputError, match="is not an image"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.h264", "a.gif"])
def test_a_video_of_too_many_pixels_is_refused(name: str, tmp_path: Path) -> None:
    codec, pix_fmt = ("gif", "rgb8") if name == "a.gif" else ("libx264", "yuv420p")
    pictures = [gradient((160, 96))] * 3
    path = write(tmp_path / name, pictures, codec=codec, pix_fmt=pix_fmt)
    assert len(list(open_video(path, max_pixels=160 * 96).frames())) == 3
    with pytest.raises(InputError, match="160×96 are more than 15,359 pixels"):
        open_video(path, max_pixels=160 * 96 - 1)


def test_frames_from_memory_have_the_same_limit() -> None:
    with (
        pytest.raises(InputError, match="more than 15,359 pixels"),
        open_source([gradient((160, 96))], max_pixels=160 * 96 - 1),
    ):
        pass


def test_a_frame_that_grows_beyond_the_limit_is_not_decoded(tmp_path: Path) -> None:
    parts = [
        write(tmp_path / f"{w}.h264", [gradient((w, w // 2))] * 3, container_format="h264")
        for w in (160, 320)
    ]
    (tmp_path / "joined.h264").write_bytes(b"".join(part.read_bytes() for part in parts))
    video = open_video(tmp_path / "joined.h264", max_pixels=160 * 80)
    assert len(list(video.frames())) == 3
    assert "could not be decoded" in video.losses()[0]


def test_image_libraries_say_nothing_by_themselves(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "damaged.png"
    cv2.imwrite(str(path), gradient((64, 48)))
    whole = path.read_bytes()
    for place in (len(whole) // 2, 20):
        path.write_bytes(whole[:place])
        with pytest.raises(InputError, match="is not an image"):
            read_image(path)
    os.write(2, b"heard again")
    assert capfd.readouterr().err == "heard again"


def test_threads_that_read_pictures_leave_stderr_as_it_was(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), gradient((640, 480)))

    def read(_: int) -> None:
        for _ in range(30):
            read_image(tmp_path / "a.png")

    in_threads(read)
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
