"""Damaged videos: all that is whole is read, and what is lost is said."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.conftest import ROOT
from tests.vader_rt.io.made import noise, overwrite, packet_place, write
from vader_rt.errors import InputError
from vader_rt.io import decode as decoding
from vader_rt.io.decode import decode
from vader_rt.io.reading import Reading, losses
from vader_rt.io.video import open_video

SIZE_WH = (96, 64)
FRAMES = 30
DAMAGE = bytes(range(0xA0, 0xA8))


def pictures(count: int = FRAMES) -> list[np.ndarray]:
    return noise(SIZE_WH, count)


def read(path: Path) -> tuple[list[np.ndarray], list[str]]:
    """Every frame's planes, and what was lost."""
    readings: list[Reading] = []
    frames = [frame.to_ndarray() for frame in decode(path, readings)]
    return frames, losses(readings)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many threads decode."""
    return lambda count: monkeypatch.setattr(decoding, "usable_cpus", lambda: count)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
@pytest.mark.parametrize("index", [FRAMES // 2, FRAMES - 4])
def test_a_bad_packet_is_left_out_whatever_the_number_of_threads(
    name: str, index: int, tmp_path: Path, threads: Callable[[int], None]
) -> None:
    path = write(tmp_path / name, pictures(), codec_options={"g": "5"})
    start, _ = packet_place(path, index)
    overwrite(path, start + 4, DAMAGE)  # in a block or not, the length of its first unit
    found = []
    for count in (1, 2, 7):
        threads(count)
        found.append(read(path))
    frames, lost = found[0]
    assert FRAMES - 5 <= len(frames) < FRAMES
    assert "could not be decoded" in lost[0]
    for others, said in found[1:]:
        assert said == lost
        assert len(others) == len(frames)
        assert all((a == b).all() for a, b in zip(others, frames, strict=True))


def test_frames_that_a_decoder_patches_are_used_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", pictures())
    start, end = packet_place(path, FRAMES // 2)
    overwrite(path, (start + end) // 2, DAMAGE * 32)
    frames, lost = read(path)
    assert len(frames) == FRAMES
    assert "decoded with errors" in lost[0]


FAST = {"movflags": "faststart"}
FRAGMENTED = {"movflags": "frag_every_frame+empty_moov"}


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mkv", "libx264", {}),
        ("a.webm", "libvpx", {}),
        ("a.mp4", "libx264", FAST),
        ("b.mp4", "libx264", FRAGMENTED),
        ("a.avi", "mjpeg", {}),
        ("a.flv", "flv1", {}),
    ],
)
def test_a_file_that_is_cut_is_said(
    name: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    fast = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx" else {}
    path = write(
        tmp_path / name,
        pictures(),
        codec=codec,
        pix_fmt=pix_fmt,
        options=options,
        codec_options=fast,
    )
    assert read(path)[1] == []
    os.truncate(path, path.stat().st_size * 2 // 3)
    frames, lost = read(path)
    assert 0 < len(frames) < FRAMES
    assert lost


def test_packets_that_the_container_lost_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", pictures(), codec="ffv1", pix_fmt="yuv444p")
    start, _ = packet_place(path, 10)
    _, end = packet_place(path, 12)
    overwrite(path, start - 16, bytes(end - start + 16))
    frames, lost = read(path)
    assert len(frames) < FRAMES
    assert any("packets are missing" in sentence for sentence in lost)


def sound_after_the_end(path: Path) -> Path:
    """A video with two seconds of sound for one of pictures."""
    with av.open(str(path), "w") as container:
        video, sound = container.add_stream("libx264", rate=30), container.add_stream("aac", 44100)
        video.width, video.height = SIZE_WH
        for image in pictures():
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        for index in range(86):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            silence.sample_rate, silence.pts = 44100, 1024 * index
            container.mux(sound.encode(silence))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return path


GAPS_MS = [0, 33, 66, 100, 133, 2000, 2033, 2066, 9000, 9033]
HEALTHY: dict[str, Callable[[Path], Path]] = {
    "reordered.mp4": lambda path: write(path, pictures(), codec_options={"bf": "3"}),
    "open.mp4": lambda path: write(
        path, pictures(), codec_options={"g": "6", "x264-params": "open-gop=1"}
    ),
    "gaps.mkv": lambda path: write(path, pictures(10), pts=GAPS_MS),
    "gaps.ts": lambda path: write(path, pictures(10), pts=GAPS_MS),
    "gaps.mp4": lambda path: write(path, pictures(10), pts=GAPS_MS),
    "gaps.avi": lambda path: write(
        path, pictures(10), codec="mpeg4", pts=[ms // 33 for ms in GAPS_MS], tick=Fraction(1, 30)
    ),
    "fields.mp4": lambda path: write(
        path, pictures(), codec_options={"x264-params": "tff=1"}
    ),
    "fields.ts": lambda path: write(
        path, pictures(), codec="mpeg2video", codec_options={"flags": "+ilme+ildct"}
    ),
    "sound.mp4": sound_after_the_end,
    "sound.mkv": sound_after_the_end,
    "stream.ts": lambda path: write(path, pictures()),
    "raw.h264": lambda path: write(path, pictures()),
    "still.gif": lambda path: write(path, pictures(4), codec="gif", pix_fmt="rgb8"),
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_said_of_what_is_whole(name: str, tmp_path: Path) -> None:
    frames, lost = read(HEALTHY[name](tmp_path / name))
    assert lost == []
    assert len(frames) >= 4


def test_a_reading_that_is_broken_off_loses_nothing(tmp_path: Path) -> None:
    video = open_video(write(tmp_path / "a.mkv", pictures()))
    views = video.views()
    next(views)
    views.close()
    assert len(list(video.views())) == FRAMES
    assert video.losses() == []


def test_a_file_that_changes_between_readings_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", pictures())
    video = open_video(path)
    assert len(list(video.views())) == FRAMES
    write(path, pictures(20))
    assert len(list(video.views())) == 20
    lost = video.losses()
    assert "the file changed while it was read" in lost
    assert f"one reading gave 20 frames, another {FRAMES}" in lost


@pytest.fixture(scope="module")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that can't read all of a file; see the stand-in."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (cc) for the stand-in of a failing disk")
    library = tmp_path_factory.mktemp("disk") / "failing_read.so"
    source = ROOT / "tests" / "standins" / "failing_read.c"
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return {**os.environ, "LD_PRELOAD": str(library)}


READ = """\
import os, sys
from pathlib import Path
from vader_rt.errors import InputError
from vader_rt.io.decode import decode
for path in sys.argv[1:]:
    os.environ["FAILING_FILE"] = path
    os.environ["FAILING_FROM"] = str(os.path.getsize(path) * 3 // 4)
    try:
        print(sum(1 for _ in decode(Path(path), [])))
    except InputError as error:
        print(error)
"""
CONTAINERS = {
    "a.mkv": "libx264", "a.mp4": "libx264", "a.ts": "libx264", "a.avi": "mpeg4", "a.flv": "flv1",
    "a.mpg": "mpeg2video", "a.h264": "libx264",
}  # fmt: skip


def test_an_error_of_the_disk_is_an_input_error(
    tmp_path: Path, failing_disk: dict[str, str]
) -> None:
    paths = [
        write(tmp_path / name, pictures(), codec=codec, options=FRAGMENTED if "mp4" in name else {})
        for name, codec in CONTAINERS.items()
    ]
    process = subprocess.run(
        [sys.executable, "-c", READ, *map(str, paths)],
        env=failing_disk, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    for path, line in zip(paths, process.stdout.splitlines(), strict=True):
        assert line.startswith(f"{path}: cannot be ")
        assert line.endswith("(Input/output error)")
    assert process.stderr == ""


def test_a_file_of_which_nothing_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Input/output error"):
        read(Path("/proc/self/mem"))  # nothing is at its beginning


def test_too_little_memory_is_an_input_error(tmp_path: Path) -> None:
    """With 10 MB more than Python takes; a frame takes 16 MB."""
    black = np.zeros((4000, 4000, 3), np.uint8)
    path = write(tmp_path / "large.mkv", [black], codec="ffv1", pix_fmt="gray")
    code = (
        "import resource, sys; from pathlib import Path; from vader_rt.errors import InputError\n"
        "from vader_rt.io.decode import decode\n"
        "pages = int(Path('/proc/self/statm').read_text().split()[0])\n"
        "limit = pages * resource.getpagesize() + 10_000_000\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "try:\n    next(decode(Path(sys.argv[1]), []))\n"
        "except InputError as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "not enough memory" in process.stdout, process.stdout + process.stderr


def test_no_frame_at_all_is_an_input_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", pictures(3))
    start, _ = packet_place(path, 0)
    _, end = packet_place(path, 2)
    overwrite(path, start, bytes(end - start))
    with pytest.raises(InputError, match="no video frame could be decoded"):
        read(path)
