"""Reading what users have: odd, damaged and rotated videos, and frames in memory."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vader_rt.errors import InputError
from vader_rt.io.images import read_gray, read_image
from vader_rt.io.video import (
    MIN_SIDE,
    VideoWriter,
    open_source,
    open_video,
)

LOSSLESS = 0
CONVERTED = 1  # 8-bit YUV has fewer levels than RGB
COMPRESSED = 5  # mean levels; YUV in 8 bit and the codec's default rate move this picture by 3


def gradient(size_wh: tuple[int, int], shift: int = 0) -> np.ndarray:
    """A smooth picture, brighter to the right and to the bottom, moved by `shift` levels."""
    width, height = size_wh
    x = np.linspace(40, 160, width)[None, :] + np.linspace(0, 40, height)[:, None] + shift
    return np.repeat(x[..., None], 3, axis=2).astype(np.uint8)


def write(
    path: Path,
    frames: list[np.ndarray],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    container_format: str | None = None,
    pts: list[int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write BGR or BGRA frames with any codec and pixel format."""
    given = "bgra" if frames[0].shape[2] == 4 else "bgr24"
    with av.open(str(path), "w", format=container_format, options=options or {}) as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height = frames[0].shape[1::-1]
        stream.pix_fmt = pix_fmt
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format=given).reformat(format=pix_fmt)
            if pts is not None:
                frame.pts, frame.time_base = pts[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(path: Path) -> list[np.ndarray]:
    return list(open_video(path).frames())


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "size_wh", "tolerance"),
    [
        ("plain.mp4", "libx264", "yuv420p", (160, 96), COMPRESSED),
        ("odd.mkv", "ffv1", "yuv444p", (161, 97), CONVERTED),
        ("odd.mp4", "libx264", "yuv444p", (161, 97), COMPRESSED),
        ("ten_bit.mp4", "libx264", "yuv420p10le", (160, 96), COMPRESSED),
        ("gray.mkv", "ffv1", "gray", (160, 96), LOSSLESS),
        ("alpha.mkv", "ffv1", "bgra", (160, 96), LOSSLESS),
        ("webm.webm", "libvpx-vp9", "yuv420p", (160, 96), COMPRESSED),
    ],
)
def test_formats(
    tmp_path: Path,
    name: str,
    codec: str,
    pix_fmt: str,
    size_wh: tuple[int, int],
    tolerance: float,
) -> None:
    expected = [gradient(size_wh, shift) for shift in (0, 10, 20)]
    found = read(write(tmp_path / name, expected, codec=codec, pix_fmt=pix_fmt))
    assert len(found) == 3
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert a.dtype == np.uint8
        assert np.abs(a.astype(int) - b).mean() <= tolerance


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"), [("a.mkv", "ffv1", "bgra"), ("a.mov", "qtrle", "argb")]
)
def test_alpha_is_dropped(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    picture = gradient((160, 96))
    alpha = np.tile(np.arange(160, dtype=np.uint8), (96, 1))
    (found,) = read(
        write(tmp_path / name, [np.dstack([picture, alpha])], codec=codec, pix_fmt=pix_fmt)
    )
    assert (found == picture).all()


def test_frames_can_be_read_again(clip: Path) -> None:
    video = open_video(clip)
    assert all((a == b).all() for a, b in zip(video.frames(), video.frames(), strict=True))
    assert (video.size_wh, video.fps, video.frame_hint) == ((320, 180), 30, 20)


@pytest.mark.parametrize(("degrees", "turns"), [(90, 3), (180, 2), (270, 1)])
def test_rotation_is_applied(tmp_path: Path, degrees: int, turns: int) -> None:
    """Patches the display matrix of the track header: PyAV writes none."""
    path = write(tmp_path / "phone.mp4", [gradient((160, 96))])
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    for offset, value in ((0, cos), (4, sin), (12, -sin), (16, cos)):
        data[matrix + offset : matrix + offset + 4] = (value << 16).to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    (found,) = read(path)
    expected = np.rot90(gradient((160, 96)), turns)  # the matrix turns clockwise
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < COMPRESSED


def test_size_change_in_mid_stream(tmp_path: Path) -> None:
    parts = [
        write(tmp_path / f"{w}.h264", [gradient((w, w // 2))] * 3, container_format="h264")
        for w in (160, 256)
    ]
    joined = tmp_path / "joined.h264"
    joined.write_bytes(b"".join(p.read_bytes() for p in parts))
    found = read(joined)
    assert len(found) == 6
    assert {f.shape for f in found} == {(80, 160, 3)}


def test_variable_frame_rate_gives_every_frame_once(tmp_path: Path) -> None:
    path = write(
        tmp_path / "vfr.mkv",
        [gradient((160, 96), 8 * i) for i in range(5)],
        pts=[0, 33, 500, 533, 2000],
    )
    means = [f.mean() for f in read(path)]
    assert len(means) == 5
    assert np.diff(means).min() > 4  # each is 8 levels brighter than the one before, compressed


FRAGMENTED = {"movflags": "frag_every_frame+empty_moov"}


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "options"),
    [("cut.mkv", "ffv1", "bgr0", {}), ("cut.mp4", "libx264", "yuv444p", FRAGMENTED)],
)
def test_truncated_file_gives_what_is_there(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, options: dict[str, str]
) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (96, 160, 3), np.uint8) for _ in range(20)]
    path = write(tmp_path / name, noise, codec=codec, pix_fmt=pix_fmt, options=options)
    whole = read(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    found = read(path)
    assert 5 <= len(found) < len(whole) == 20
    for a, b in zip(found[:-1], whole, strict=False):  # the last one may be cut
        assert (a == b).all()


def audio_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 44100
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))


def headless(path: Path) -> None:
    write(path, [gradient((160, 96))] * 3)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov")])


BAD_VIDEOS = {
    "missing.mp4": (lambda path: None, "does not exist"),
    "folder.mp4": (Path.mkdir, "is a folder"),
    "empty.mp4": (Path.touch, "is empty"),
    "text.mp4": (lambda path: path.write_text("not a video " * 50), "cannot be opened"),
    "sound.mp4": (audio_only, "no video stream"),
    "headless.mp4": (headless, "cannot be opened"),
    "tiny.mp4": (lambda path: write(path, [gradient((48, 32))]), "too small"),
}


@pytest.mark.parametrize("name", BAD_VIDEOS)
def test_bad_videos(tmp_path: Path, name: str) -> None:
    make, words = BAD_VIDEOS[name]
    make(tmp_path / name)
    with pytest.raises(InputError, match=words) as caught:
        open_video(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_memory_and_one_way_sources_agree(frames: list[np.ndarray]) -> None:
    for source in (frames, np.stack(frames), (f for f in frames)):
        with open_source(source) as opened:
            for _ in range(2):
                found = list(opened.frames())
                assert len(found) == len(frames)
                assert all((a == b).all() for a, b in zip(found, frames, strict=True))
            assert opened.sha256() is None


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ([], "no frames"),
        (iter([]), "no frames"),
        ([np.zeros((96, 96, 3))], "uint8"),
        ([np.zeros((96, 96), np.uint8)], "BGR"),
        (["frame"], "BGR"),
        ([np.zeros((96, MIN_SIDE - 1, 3), np.uint8)], "too small"),
        ([np.zeros((96, 96, 4), np.uint8)], "BGR"),
        ([np.zeros((96, 96, 3), np.uint8), np.zeros((96, 96, 3), np.float32)], "uint8"),
        (iter([np.zeros((96, 96, 3), np.uint8), None]), "BGR"),
        (np.zeros((2, 96, 96), np.uint8), "BGR"),
        (np.zeros((2, 96, 96, 3), np.float32), "uint8"),
        (7, "path or frames"),
    ],
)
def test_bad_frames(source: object, words: str) -> None:
    with pytest.raises(InputError, match=words), open_source(source) as opened:
        list(opened.frames())


@pytest.mark.parametrize("one_way", [False, True])
def test_frames_of_another_size_are_fitted_to_the_first(one_way: bool) -> None:
    pictures = [gradient((160, 96)), gradient((320, 192)), gradient((96, 64))]
    with open_source(iter(pictures) if one_way else pictures) as opened:
        found = list(opened.frames())
    assert [f.shape for f in found] == [(96, 160, 3)] * 3
    # resampling a ramp of less than a level per pixel
    assert all(np.abs(f.astype(int) - pictures[0]).mean() < 1 for f in found)


def test_writer_lossless(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (97, 131, 3), np.uint8)
    with VideoWriter(tmp_path / "a.mkv", size_wh=(131, 97), lossless=True) as writer:
        writer.write(noise)
    (found,) = read(tmp_path / "a.mkv")
    assert np.abs(found.astype(int) - noise).max() == LOSSLESS


def test_images(tmp_path: Path) -> None:
    import cv2

    picture = gradient((100, 80))
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([picture, picture[..., :1]]))
    assert (read_image(tmp_path / "a.png") == picture).all()
    assert read_gray(tmp_path / "a.png").shape == (80, 100)
    (tmp_path / "b.png").write_text("no")
    (tmp_path / "c.png").touch()
    for name, words in (("b.png", "not an image"), ("c.png", "not an image"), ("d.png", "exist")):
        with pytest.raises(InputError, match=words):
            read_image(tmp_path / name)
