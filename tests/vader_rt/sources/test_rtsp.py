"""A real RTSP server that stalls, is killed and comes back."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.vader_rt.sources.made import numbers, write_video
from vader_rt.sources import live
from vader_rt.sources.live import LiveStream

SERVER = ROOT / "tests" / "standins" / "rtsp_server.py"
PYTHON = "/usr/bin/python3"
"""The system's, as GStreamer's bindings are for no other."""
_HAS_SERVER = [PYTHON, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')"]
pytestmark = [pytest.mark.rtsp, pytest.mark.slow]


class Server:
    """A process that serves a video, and may be started anew at the same address."""

    def __init__(self, video: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.video = video
        self.start()

    @property
    def address(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/call"

    def start(self) -> None:
        command = [PYTHON, str(SERVER), str(self.video), str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    if not Path(PYTHON).is_file() or subprocess.run(_HAS_SERVER, capture_output=True).returncode:
        pytest.skip("needs Debian's python3-gi and gir1.2-gst-rtsp-server-1.0")
    monkeypatch.setattr(live, "_FIRST_WAIT", 0.1)
    monkeypatch.setattr(live, "_PATIENCE", 2.0)
    running = Server(write_video(tmp_path / "call.mp4", range(25)))
    yield running
    running.kill()


def test_it_is_read_in_order(server: Server) -> None:
    stream = LiveStream.of(server.address, 10**6)
    found = numbers(islice(stream.views(), 20))
    assert found == list(range(found[0], found[0] + 20))
    assert found[0] <= 2


def test_a_killed_server_is_waited_for(server: Server) -> None:
    stream = LiveStream.of(server.address, 10**6)
    views = stream.views()
    before = numbers(islice(views, 8))
    server.kill()
    server.start()
    after = numbers(islice(views, 30))
    assert before == list(range(before[0], before[0] + 8))
    assert after[-8:] == list(range(after[-8], after[-8] + 8))
    assert min(after) <= 2, "the server begins again"
    assert stream.losses()[0].startswith("the stream dropped once, for ")


def test_a_server_that_stalls_is_tried_again(server: Server) -> None:
    stream = LiveStream.of(server.address, 10**6)
    views = stream.views()
    numbers(islice(views, 8))
    server.process.send_signal(signal.SIGSTOP)
    threading.Timer(4, server.process.send_signal, [signal.SIGCONT]).start()
    assert len(numbers(islice(views, 30))) == 30
    assert stream.losses()[0].startswith("the stream dropped once, for ")
