"""A file is opened as data: nothing of its name or content makes the program read anything else."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest

from tests.vader_rt.io.made import gradient, write
from vader_rt.errors import InputError
from vader_rt.io.video import VideoWriter, open_video

SIZE_WH = (160, 96)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of three frames."""
    pictures = [gradient(SIZE_WH, shift) for shift in (0, 10, 20)]
    return write(tmp_path_factory.mktemp("whole") / "whole.mp4", pictures)


NAMES = [
    "2024-11-28T19:05:35.mp4", "file:call.mp4", "pipe:0", "-", "data:call.mkv", "concat:a|b.mp4",
    "call%03d.png", "call*.jpg", "call.m3u8", "call.txt", "subfile,,start,0,end,9,,:call.mp4",
    "http:/127.0.0.1/call.mp4", os.fsdecode(b"caf\xe9.mp4"), " call .mp4 ", "call\n.mp4",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name(
    name: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(whole, name)
    assert len(list(open_video(name).frames())) == 3


@pytest.mark.parametrize("name", ["2024-11-28T19:05:35.mp4", "http:/127.0.0.1/call.mp4"])
def test_a_name_is_a_name_to_the_writer(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(name, size_wh=SIZE_WH) as writer:
        writer.write(gradient(SIZE_WH))
    assert len(list(open_video(tmp_path / name).frames())) == 1


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Listens on this machine, to see whether anybody calls."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4"><Representation '
    'id="1" bandwidth="1"><BaseURL>{0}</BaseURL></Representation></AdaptationSet></Period></MPD>'
)
SCRIPTS = {
    "concat.mp4": "ffconcat version 1.0\nfile '{0}'\n",
    "call.ffconcat": "ffconcat version 1.0\nfile {0}\n",
    "list.m3u8": HLS,
    "list.mp4": HLS,
    "call.mpd": DASH,
    "call.mp4": DASH,
    "call.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n{0}",
    "passwd.txt": "root:x:0:0:{0}\n" * 50,
    "art.ans": "\x1b[31m{0}\x1b[0m\n" * 50,
    "call.ffmeta": ";FFMETADATA1\ntitle={0}\n",
}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("target", ["beside", "elsewhere", "address"])
def test_a_script_is_no_video(
    name: str, target: str, whole: Path, tmp_path: Path, server: socket.socket
) -> None:
    shutil.copy(whole, tmp_path / "beside.mp4")
    port = server.getsockname()[1]
    named = {
        "beside": "beside.mp4",
        "elsewhere": str(whole),
        "address": f"http://127.0.0.1:{port}/call.mp4",
    }
    (tmp_path / name).write_text(SCRIPTS[name].format(named[target]))
    with pytest.raises(InputError, match=rf"{name}: cannot be opened as a video"):
        open_video(tmp_path / name)
    with pytest.raises(BlockingIOError):  # nobody called
        server.accept()


def picture(path: Path) -> Path:
    cv2.imwrite(str(path), gradient(SIZE_WH))
    return path


def animated_webp(path: Path) -> Path:
    """The header of an animation, as encoders write it."""
    chunks = b"VP8X\x0a\0\0\0\x02\0\0\0\x9f\0\0\x5f\0\0" + b"ANIM\x06\0\0\0" + bytes(6)
    path.write_bytes(b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks)
    return path


PICTURES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a.png": (picture, "a picture; give a video"),
    "a.jpg": (picture, "a picture; give a video"),
    "a.webp": (picture, "a picture; give a video"),
    "a.bmp": (picture, "a picture; give a video"),
    "b.webp": (animated_webp, "an animated WebP, which FFmpeg does not decode; convert it"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_said_to_be_one(name: str, tmp_path: Path) -> None:
    make, words = PICTURES[name]
    with pytest.raises(InputError, match=words):
        open_video(make(tmp_path / name))


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(InputError, match="is no regular file"):
        open_video(tmp_path / "pipe.mp4")


def test_of_a_cut_mp4_it_is_told_that_the_index_is_missing(whole: Path, tmp_path: Path) -> None:
    data, cut = whole.read_bytes(), tmp_path / "cut.mp4"
    index = data.index(b"moov")
    for rest in (data[:300], data[: index - 4], data[:index], data.replace(b"moov", b"moow")):
        cut.write_bytes(rest)
        with pytest.raises(InputError, match=r"cut\.mp4: .* \(its index, moov, is missing, as"):
            open_video(cut)
    damaged = bytearray(data)
    damaged[index + 4 :] = bytes(len(data) - index - 4)
    cut.write_bytes(damaged)
    with pytest.raises(InputError, match=r"cut\.mp4: ") as caught:
        open_video(cut)
    assert "moov" not in str(caught.value)  # it is there, and something else is wrong
