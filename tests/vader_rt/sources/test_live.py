"""Streams, from servers on this machine that drop, stall and come back."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

import vader_rt
from tests.vader_rt.sources.made import numbers, write_video
from vader_rt.errors import InputError
from vader_rt.io.video import VideoWriter
from vader_rt.sources import live
from vader_rt.sources.grammar import open_source
from vader_rt.sources.live import LiveStream, is_live

Answer = Callable[[socket.socket], None]
_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits as long as a user would."""
    monkeypatch.setattr(live, "_FIRST_WAIT", 0.05)
    monkeypatch.setattr(live, "_LONGEST_WAIT", 0.2)
    monkeypatch.setattr(live, "_PATIENCE", 1.0)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Two MPEG streams of ten frames each, numbered."""
    folder = tmp_path_factory.mktemp("pieces")
    return [as_mpeg(write_video(folder / f"{n}.mp4", range(10 * n, 10 * n + 10))) for n in (0, 1)]


def as_mpeg(video: Path) -> bytes:
    """The same in a container that needs no end."""
    path = video.with_suffix(".ts")
    with av.open(str(video)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return path.read_bytes()


@contextmanager
def server(*answers: Answer) -> Iterator[str]:
    """Answers one connection after the other, then none; yields its address."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                answer(connection)
        listening.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/live.ts"
    finally:
        listening.close()


def sends(data: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(_HEAD + data)

    return answer


def says_nothing(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.settimeout(10)
    connection.recv(4096)  # until the other side has had enough


def test_a_dropped_stream_goes_on(pieces: list[bytes]) -> None:
    with server(*map(sends, pieces)) as address:
        stream = LiveStream.of(address, 10**6)
        stream.give_up_seconds = 0.3
        assert numbers(stream.views()) == list(range(20))
    times = [time for time in stream.times() if time is not None]
    assert times == sorted(times)
    assert times[9] == pytest.approx(0.9, abs=0.05)
    assert times[10] > times[9]
    assert stream.losses()[0].startswith("the stream dropped once, for 0 s in all")


def test_a_server_that_says_nothing_is_not_waited_for(pieces: list[bytes]) -> None:
    with server(says_nothing) as address, pytest.raises(InputError, match="cannot be opened as a"):
        LiveStream.of(address, 10**6)
    with server(sends(pieces[0]), says_nothing, sends(pieces[1])) as address:
        stream = LiveStream.of(address, 10**6)
        stream.give_up_seconds = 5
        views = stream.views()
        assert numbers(next(views) for _ in range(20)) == list(range(20))


def test_what_is_no_stream_is_said() -> None:
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9/x: cannot be opened as a stream"):
        LiveStream.of("http://user:secret@127.0.0.1:9/x", 10**6)
    with server(sends(b"<html>no video</html>")) as address, pytest.raises(InputError):
        LiveStream.of(address, 10**6)


def test_a_stream_reads_no_file(tmp_path: Path, pieces: list[bytes]) -> None:
    """A playlist could name files of this machine."""
    (tmp_path / "secret.ts").write_bytes(pieces[0])
    playlist = f"#EXTM3U\n#EXTINF:1,\nfile://{tmp_path}/secret.ts\n#EXT-X-ENDLIST\n"
    with server(*[sends(playlist.encode())] * 3) as address, pytest.raises(InputError):
        LiveStream.of(address, 10**6)


def test_words_that_mean_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that exists is that file, whatever it is called."""
    assert all(map(is_live, ["-", "rtsp://a/b", "https://a", "camera:0", "/dev/video1"]))
    assert not any(map(is_live, ["call.mp4", "a-b", "rtsp", "file:///a", "concat:a"]))
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "a.mp4", [3]).rename("camera:0")
    with open_source("camera:0") as source:
        assert not source.live
    assert LiveStream("rtsp://me:secret@host/cam").name == "rtsp://host/cam"


def test_a_picture_is_there_while_the_stream_goes_on(
    pieces: list[bytes], tiny_models: dict[str, Path]
) -> None:
    options = {"model": tiny_models["frame"], "restore": False, "engine": "onnx-cpu"}
    with server(sends(pieces[0])) as address:
        progress = vader_rt.reconstruct_stream(address, end=0.75, **options)
        stages = []
        for step in progress:
            stages.append(step.stage)
            if step.stage == "scan" and step.frame == 6:
                early = step.snapshot()
    assert early is not None
    assert len(early.timeline) == 6
    assert not early.report["complete"]
    assert stages.count("scan") == 8
    assert step.result is not None
    assert len(step.result.timeline) == 8
    assert step.result.report["complete"]
    assert step.result.report["input"]["name"] == address


def test_standard_input(pieces: list[bytes], tiny_models: dict[str, Path], tmp_path: Path) -> None:
    argv = ["-", "--model", str(tiny_models["frame"]), "--no-restore", "--quiet", "-o", "out"]
    preview = ["--preview", "room.png", "--every", "1e-3"]
    command = [sys.executable, "-m", "vader_rt", *argv, *preview]
    process = subprocess.run(command, cwd=tmp_path, input=pieces[1], capture_output=True)
    assert process.returncode in (0, 5), process.stderr
    assert (tmp_path / "out" / "result.json").is_file()
    assert (tmp_path / "room.png").read_bytes()[:4] == b"\x89PNG"


def test_an_mp4_that_is_piped_is_refused_with_what_can_be_piped(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    with VideoWriter(tmp_path / "call.mp4", size_wh=(160, 96)) as writer:
        for _ in range(30):  # more than what FFmpeg holds of a pipe
            writer.write(noise.integers(0, 255, (96, 160, 3), np.uint8))
    done = subprocess.run(
        [sys.executable, "-m", "vader_rt", "-", "-o", str(tmp_path / "out")],
        input=(tmp_path / "call.mp4").read_bytes(),
        capture_output=True,
    )
    assert done.returncode == 3
    assert b"-: ended before its first frame; an MP4" in done.stderr
    assert b"make MPEG-TS or Matroska of it" in done.stderr
