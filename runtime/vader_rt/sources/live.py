"""Streams: read once, as they come, and opened again when they drop."""

from __future__ import annotations

import logging
import ssl
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from vader_rt.errors import InputError, reason
from vader_rt.io.container import OpenVideo, video_stream
from vader_rt.io.frames import DecodedFrame, FrameView, same_shape, upright_bgr, upright_size_wh
from vader_rt.io.video import USUAL_FPS, checked_size
from vader_rt.stateful import State

log = logging.getLogger(__name__)
_SCHEMES = ("rtsp://", "rtsps://", "http://", "https://", "udp://", "rtp://", "tcp://")
_STDIN, _CAMERA, _DEVICE = "-", "camera:", "/dev/video"
_PROTOCOLS = "rtp,srtp,udp,tcp,tls,crypto,http,https,httpproxy"
"""What a stream may be read through; no files."""
_FORMATS = (
    *("rtsp", "sdp", "rtp", "mov", "matroska", "mpegts", "flv", "live_flv", "ogg", "nut"),
    *("mpjpeg", "mjpeg", "h264", "hevc", "yuv4mpegpipe", "video4linux2"),
)
_PATIENCE = 10.0
"""Seconds that opening a stream, and waiting for its next piece, may take."""
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
"""Seconds before a stream is opened again: doubled whenever that fails, up to the second."""
GIVE_UP_SECONDS = 300.0
"""Seconds without a frame after which a stream has ended."""


def is_live(word: str) -> bool:
    """Whether a word of a command line means a stream, and no file: `-` is standard input."""
    return word == _STDIN or word.startswith((*_SCHEMES, _CAMERA, _DEVICE))


@dataclass
class LiveStream:
    """A stream; see `FrameSource`. Its times count from its first frame.

    It is read once. When it drops it is opened again; a pipe, or a file that has an end, ends.
    """

    address: str
    give_up_seconds: float = GIVE_UP_SECONDS
    size_wh: tuple[int, int] = (0, 0)
    fps: float = 0.0
    _opened: OpenVideo | None = field(default=None, repr=False)
    _coming: Iterator[av.VideoFrame] = field(default_factory=lambda: iter(()), repr=False)
    _times: array[float] = field(default_factory=lambda: array("d"), repr=False)
    _gaps: list[float] = field(default_factory=list, repr=False)
    _left_out: int = 0

    @classmethod
    def of(cls, address: str, max_pixels: int) -> LiveStream:
        """Open a stream and wait for its first frame.

        Raises:
            InputError: it cannot be opened, shows no video, or one too small or too large.
        """
        stream = cls(address)
        stream._open()
        first = next(stream._coming, None)
        if first is None:
            raise InputError(f"{stream.name}: ended before its first frame{stream._advice}")
        stream.size_wh = checked_size(upright_bgr(first), stream.name, max_pixels)
        stream._coming = _again(first, stream._coming)
        return stream

    @property
    def name(self) -> str:
        """The address without what may be a password."""
        scheme, slashes, rest = self.address.rpartition("://")
        return f"{scheme}{slashes}{rest.rpartition('@')[2]}"

    @property
    def live(self) -> bool:
        return True

    @property
    def frame_hint(self) -> int:
        return 0

    def frames(self) -> Iterator[np.ndarray]:
        return (view.bgr() for view in self.views())

    def views(self) -> Iterator[FrameView]:
        """The frames until the stream has ended."""
        begun, wait = time.monotonic(), _FIRST_WAIT
        start = 0.0
        while True:
            for frame, seconds in self._timed(start):
                wait = _FIRST_WAIT
                if same_shape(upright_size_wh(frame), self.size_wh):
                    self._times.append(seconds)
                    yield DecodedFrame(frame, self.size_wh)
                else:
                    self._left_out += 1
            if self._has_ended:
                return
            dropped = time.monotonic()
            while not self._reopened(wait):
                if time.monotonic() - dropped > self.give_up_seconds:
                    log.warning("%s: did not come back", self.name)
                    return
                wait = min(2 * wait, _LONGEST_WAIT)
            self._gaps.append(time.monotonic() - dropped)
            start = max(time.monotonic() - begun, self._last + self._step)

    def sha256(self) -> None:
        return None

    def losses(self) -> list[str]:
        lost = []
        if self._gaps:
            times = "once" if len(self._gaps) == 1 else f"{len(self._gaps)} times"
            lost.append(f"the stream dropped {times}, for {sum(self._gaps):.0f} s in all")
        if self._left_out:
            lost.append(f"{self._left_out} frames of another shape, left out")
        return lost

    def notes(self) -> list[str]:
        return []

    def seconds(self) -> float | None:
        return self._last + self._step if self._times else None

    def times(self) -> list[float | None]:
        return list(self._times)

    def time(self, index: int) -> float:
        if index < len(self._times):
            return self._times[index]
        return self._last + (index - len(self._times) + 1) * self._step

    def parts(self) -> None:
        return None

    def state(self) -> None:
        return None

    def restore(self, state: State) -> None:
        """There is nothing to be put back."""

    def facts(self) -> None:
        return None

    @property
    def _advice(self) -> str:
        """What to do where it has no frame: an index at the end needs a file to go back in."""
        if self._opened is None or self._opened.format != "mov":
            return ""
        return (
            "; an MP4 or MOV with its index at the end cannot be read as a stream: give the file, "
            "or make MPEG-TS or Matroska of it"
        )

    @property
    def _last(self) -> float:
        return self._times[-1] if self._times else 0.0

    @property
    def _step(self) -> float:
        return 1 / (self.fps or USUAL_FPS)

    @property
    def _has_ended(self) -> bool:
        """Whether there is nothing to be opened again."""
        finite = self._opened is not None and bool(self._opened.container.duration)
        return self.address == _STDIN or (finite and self.address.startswith("http"))

    def _timed(self, start: float) -> Iterator[tuple[av.VideoFrame, float]]:
        """The frames of this connection, with their times: it began at `start`."""
        first: float | None = None
        for frame in self._coming:
            if frame.time is None:
                seconds = self._last + self._step if self._times else start
            else:
                first = frame.time if first is None else first
                seconds = start + frame.time - first
            yield frame, seconds

    def _reopened(self, wait: float) -> bool:
        log.warning("%s: dropped; opening it again in %.0f s", self.name, wait)
        time.sleep(wait)
        try:
            self._open()
        except InputError as error:
            log.warning("%s", error)
            return False
        return True

    def _open(self) -> None:
        if self._opened is not None:
            self._opened.container.close()
        self._opened = _opened(self.address, self.name)
        self.fps = float(self._opened.stream.average_rate or 0)
        self._coming = _decoded(self._opened)


def _opened(address: str, name: str) -> OpenVideo:
    options = {"format_whitelist": ",".join(_FORMATS)}
    form, url = None, address
    if address == _STDIN:
        options |= {"fd": "0", "protocol_whitelist": "fd"}
        url = "fd:"
    elif address.startswith((_CAMERA, _DEVICE)):
        form, url = "v4l2", address.replace(_CAMERA, _DEVICE, 1)
    else:
        options |= {"protocol_whitelist": _PROTOCOLS, **_of_network(address)}
    try:
        container = av.open(
            url,
            "r",
            format=form,
            container_options=options,
            timeout=(_PATIENCE, _PATIENCE) if "://" in address else None,
            metadata_errors="replace",
        )
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        raise InputError(f"{name}: cannot be opened as a stream ({reason(error)})") from None
    return OpenVideo(container, video_stream(Path(name), container))


def _of_network(address: str) -> dict[str, str]:
    options = {}
    if address.startswith(("https:", "rtsps:")):
        options["tls_verify"] = "1"
        certificates = ssl.get_default_verify_paths().cafile
        options |= {"ca_file": certificates} if certificates else {}
    if address.startswith("rtsp"):
        options["rtsp_transport"] = "tcp"  # by UDP, frames are torn where packets are lost
    return options


def _decoded(opened: OpenVideo) -> Iterator[av.VideoFrame]:
    """The frames of a connection to its end; what cannot be decoded is passed over."""
    for packet in _packets(opened):
        try:
            yield from (frame for frame in packet.decode() if isinstance(frame, av.VideoFrame))
        except av.FFmpegError:
            continue


def _packets(opened: OpenVideo) -> Iterator[av.Packet]:
    """The packets of a connection, and an empty one, for what the decoder holds back."""
    packets = opened.container.demux(opened.stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError):
            break
        if packet is None:
            return
        yield packet
    yield opened.empty_packet()


def _again(first: av.VideoFrame, rest: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    yield first
    yield from rest
