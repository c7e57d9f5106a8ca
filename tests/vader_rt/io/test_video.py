"""Reading what users have: odd, damaged and rotated videos, and frames in memory."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from tests.vader_rt.io.made import gradient, write
from vader_rt.errors import InputError
from vader_rt.io.images import read_gray, read_image
from vader_rt.io.video import (
    MIN_SIDE,
    VideoWriter,
    open_video,
)
from vader_rt.sources.grammar import open_source

LOSSLESS = 0
CONVERTED = 1  # 8-bit YUV has fewer levels than RGB
COMPRESSED = 5  # mean levels; YUV in 8 bit and the codec's default rate move this picture by 3


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


def joined(path: Path, *sizes_wh: tuple[int, int]) -> Path:
    """Three frames of each size, one after the other."""
    parts = [
        write(path.with_name(f"{i}.h264"), [gradient(size)] * 3, container_format="h264")
        for i, size in enumerate(sizes_wh)
    ]
    path.write_bytes(b"".join(p.read_bytes() for p in parts))
    return path


def test_frames_of_another_size_are_scaled_and_said(tmp_path: Path) -> None:
    video = open_video(joined(tmp_path / "joined.h264", (160, 80), (256, 128)))
    found = list(video.frames())
    assert [f.shape for f in found] == [(80, 160, 3)] * 6
    assert all(np.abs(f.astype(int) - gradient((160, 80))).mean() < COMPRESSED for f in found)
    assert video.losses() == []
    assert video.notes() == ["3 frames of 256×128 scaled to the first frame's size"]


def test_frames_of_another_shape_are_left_out_and_said(tmp_path: Path) -> None:
    """A phone that is turned: squeezed, they would show what never was."""
    video = open_video(joined(tmp_path / "joined.h264", (160, 96), (96, 160), (160, 96)))
    assert [f.shape for f in video.frames()] == [(96, 160, 3)] * 6
    assert video.losses() == [
        "3 frames of another shape, 96×160, left out: the first frame's shape counts"
    ]


def several_videos(path: Path, sizes_wh: list[tuple[int, int]], *, cover: int | None) -> Path:
    """Streams of three frames each; `cover` is the index of one that is a single picture."""
    with av.open(str(path), "w") as container:
        streams = []
        for index, size_wh in enumerate(sizes_wh):
            stream = container.add_stream("mjpeg" if index == cover else "libx264", rate=30)
            stream.width, stream.height = size_wh
            stream.pix_fmt = "yuvj420p" if index == cover else "yuv420p"
            if index == cover:
                stream.disposition = Disposition.attached_pic.value
            streams.append(stream)
        for index, stream in enumerate(streams):
            for shift in (0,) if index == cover else (0, 10, 20):
                image = gradient(sizes_wh[index], shift)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "sizes_wh", "cover"),
    [
        ("a.mkv", [(64, 64), (160, 96)], None),
        ("a.mp4", [(64, 64), (160, 96)], None),
        ("a.mp4", [(160, 96), (64, 64)], None),
        ("a.mp4", [(320, 320), (160, 96)], 0),
        ("a.mp4", [(160, 96), (320, 320)], 1),
    ],
)
def test_the_stream_that_shows_the_call_is_read(
    name: str, sizes_wh: list[tuple[int, int]], cover: int | None, tmp_path: Path
) -> None:
    video = open_video(several_videos(tmp_path / name, sizes_wh, cover=cover))
    assert video.size_wh == (160, 96)
    assert len(list(video.frames())) == 3
    several = ["the file holds 2 videos; the largest is read, 160×96"]
    assert video.notes() == ([] if cover is not None else several)


NOTED = [
    ({"aspect": "4:3"}, "pixels are not square (4:3)"),
    ({"color_trc": "smpte2084"}, "the video is HDR (PQ)"),
    ({"color_trc": "arib-std-b67"}, "the video is HDR (HLG)"),
    ({"x264-params": "tff=1"}, "3 frames interlaced"),
    ({}, None),
]


@pytest.mark.parametrize(("options", "words"), NOTED)
def test_a_picture_that_is_not_as_it_looks_is_said(
    options: dict[str, str], words: str | None, tmp_path: Path
) -> None:
    pictures = [gradient((160, 96), shift) for shift in (0, 10, 20)]
    video = open_video(write(tmp_path / "a.mp4", pictures, codec_options=options))
    assert len(list(video.frames())) == 3
    assert video.losses() == []
    notes = video.notes()
    assert notes == [] if words is None else notes[0].startswith(words)


def test_time_without_frames_counts(tmp_path: Path) -> None:
    """Forty frames, and twenty seconds between the tenth and the eleventh."""
    pts = [index * 100 + (20_000 if index >= 10 else 0) for index in range(40)]
    path = write(tmp_path / "gap.mkv", [gradient((160, 96))] * 40, pts=pts)
    video = open_video(path)
    assert len(list(video.frames())) == 40
    assert video.seconds() == pytest.approx(23.9, abs=0.1 + 1 / video.fps)
    assert video.losses() == []
    assert video.notes() == ["no frame is shown between 0.9 s and 21.0 s"]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.gif"])
def test_time_of_an_even_video(name: str, tmp_path: Path) -> None:
    codec, pix_fmt = {"a.gif": ("gif", "rgb8"), "a.avi": ("mpeg4", "yuv420p")}.get(
        name, ("libx264", "yuv420p")
    )
    pictures = [gradient((160, 96), index) for index in range(30)]
    video = open_video(write(tmp_path / name, pictures, codec=codec, pix_fmt=pix_fmt))
    assert len(list(video.frames())) == 30
    # times are in milliseconds, of a GIF in hundredths
    assert video.seconds() == pytest.approx(1, abs=0.02)


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
    "long" * 100: (lambda path: None, "cannot be read .File name too long"),
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
        (np.array(5), "not ndarray"),
        ([], "no frames"),
        (iter([]), "no frames"),
        ([np.zeros((96, 96, 3))], "uint8"),
        ([np.zeros((96, 96), np.uint8)], "BGR"),
        (["frame"], "does not exist"),
        ([np.zeros((96, 96, 3), np.uint8), "frame"], "BGR"),
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
def test_frames_of_another_shape_are_refused(one_way: bool) -> None:
    pictures = [gradient((160, 96)), gradient((96, 160))]
    with (
        pytest.raises(InputError, match="change from 160×96 to 96×160"),
        open_source(iter(pictures) if one_way else pictures) as opened,
    ):
        list(opened.frames())


@pytest.mark.parametrize("one_way", [False, True])
def test_frames_of_another_size_are_fitted_to_the_first(one_way: bool) -> None:
    pictures = [gradient((160, 96)), gradient((320, 192)), gradient((96, 58))]
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
