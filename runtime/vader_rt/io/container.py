"""Video files as FFmpeg opens them: as data, never as an address or a script."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from vader_rt.errors import InputError, reading, reason
from vader_rt.io.images import MAX_PIXELS

_FORMATS = (
    *("mov", "matroska", "avi", "flv", "live_flv", "mpegts", "mpeg", "ogg", "asf", "mxf", "nut"),
    *("gif", "apng", "ivf", "yuv4mpegpipe", "dv", "rm", "wtv"),
    *("h264", "hevc", "vvc", "av1", "obu", "m4v", "mpegvideo", "h263", "vc1", "mjpeg", "dhav"),
)
"""Demuxers that read pictures from the file itself. Others open further files that it names, as
playlists and concat scripts do, or draw what is no video, such as text."""

_FIRST_BOXES = (b"ftyp", b"mdat", b"wide", b"free", b"skip")
_MOST_BOXES = 1000
_CUT = "its index, moov, is missing, as where a file was cut: copy it again, or record to the end"


@dataclass(frozen=True)
class OpenVideo:
    """An open container, and its stream that shows the call."""

    container: InputContainer
    stream: VideoStream

    @property
    def format(self) -> str:
        """The first name of the file's format, such as `mov` for MP4."""
        return self.container.format.name.split(",")[0]

    def empty_packet(self) -> av.Packet:
        """A packet that makes the decoder give what it holds back."""
        packet = av.Packet()
        packet.stream = self.stream
        if self.stream.time_base is not None:
            packet.time_base = self.stream.time_base
        return packet


@contextmanager
def open_container(path: Path, max_pixels: int = MAX_PIXELS) -> Iterator[OpenVideo]:
    """Open a video file for one reading, and find the stream that shows the call.

    Raises:
        InputError: it cannot be read, is no video, shows nothing that could be decoded, or has more
            pixels than are allowed.
    """
    with _opened(path) as file, _container(path, file) as container:
        stream = video_stream(path, container)
        check_pixels(
            (stream.codec_context.width, stream.codec_context.height), str(path), max_pixels
        )
        yield OpenVideo(container, stream)


def check_pixels(size_wh: tuple[int, int], name: str, max_pixels: int) -> None:
    """Refuse frames that would take too much memory and time.

    Raises:
        InputError: they have more pixels than are allowed.
    """
    pixels = size_wh[0] * size_wh[1]
    if pixels > max_pixels:
        raise InputError(
            f"{name}: {size_wh[0]}×{size_wh[1]} are more than {max_pixels:,} pixels; make it "
            f"smaller, or allow it with --max-pixels {pixels}"
        )


def remarks(opened: OpenVideo) -> list[str]:
    """What is to be known of a file before its frames, a sentence each."""
    said, stream = [], opened.stream
    others = len(_moving(opened.container)) - 1
    if others > 0:
        size = f"{stream.codec_context.width}×{stream.codec_context.height}"
        said.append(f"the file holds {others + 1} videos; the largest is read, {size}")
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    if aspect and aspect != 1:
        ratio = f"{aspect.numerator}:{aspect.denominator}"
        said.append(f"pixels are not square ({ratio}), and the picture is as it is stored")
    return said


def facts(opened: OpenVideo) -> dict[str, Any]:
    """What a file says of itself: format, tags and streams, and which of these shows the call."""
    container = opened.container
    return {
        "format": container.format.name,
        "bytes": container.size or None,
        "duration_seconds": container.duration and container.duration / av.time_base,
        "metadata": dict(container.metadata),
        "streams": [_stream_facts(stream) for stream in container.streams],
        "stream": opened.stream.index,
    }


def _stream_facts(stream: Stream) -> dict[str, Any]:
    said: dict[str, Any] = {"index": stream.index, "type": stream.type}
    said["metadata"] = dict(stream.metadata)
    if isinstance(stream, VideoStream) and stream.codec_context is not None:
        codec = stream.codec_context
        said |= {
            "codec": codec.name,
            "profile": codec.profile,
            "pixel_format": codec.pix_fmt,
            "size_wh": [codec.width, codec.height],
        }
    return said


def cannot_be_read(path: Path, error: Exception) -> InputError:
    """The error for a file that the system does not give."""
    if isinstance(error, MemoryError):
        return InputError(f"{path}: there is not enough memory to decode it")
    return InputError(f"{path}: cannot be read ({reason(error)})")


def _opened(path: Path) -> FileIO:
    with reading(path):
        return path.open("rb", buffering=0)


def _container(path: Path, file: FileIO) -> InputContainer:
    """FFmpeg gets an open file and no name: in a name it would see addresses and patterns."""
    options = {
        "fd": str(file.fileno()),
        "protocol_whitelist": "fd",
        "format_whitelist": ",".join(_FORMATS),
    }
    try:
        return av.open("fd:", "r", container_options=options, metadata_errors="replace")
    except av.error.ArgumentError:
        kind = "not of a format that is read, such as MP4, Matroska, WebM or AVI"
        raise InputError(
            f"{path}: cannot be opened as a video ({_picture(path) or kind})"
        ) from None
    except MemoryError as error:
        raise cannot_be_read(path, error) from None
    except (av.FFmpegError, OSError, ValueError) as error:
        why = reason(error)
        with suppress(OSError):  # of a disk that fails, that is the reason
            why = _CUT if _lacks_index(file) else why
        raise InputError(f"{path}: cannot be opened as a video ({why})") from None


def video_stream(path: Path, container: InputContainer) -> VideoStream:
    """The largest of the streams that move; covers and thumbnails are streams too.

    Raises:
        InputError: there is none.
    """
    streams = _moving(container) or _shown(container)
    if not container.streams.video:
        raise InputError(f"{path}: holds no video stream")
    if not streams:
        raise InputError(f"{path}: holds no video stream that can be decoded, or only a cover")
    return max(streams, key=_rank)


def _shown(container: InputContainer) -> list[VideoStream]:
    """The video streams that can be decoded and are no cover."""
    return [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]


def _moving(container: InputContainer) -> list[VideoStream]:
    """Those of more than one frame: thumbnails have one, and covers that are not marked as such."""
    return [stream for stream in _shown(container) if stream.frames != 1]


def _rank(stream: VideoStream) -> tuple[int, bool]:
    area = stream.codec_context.width * stream.codec_context.height
    return area, bool(stream.disposition & Disposition.default)


def _lacks_index(file: FileIO) -> bool:
    """Whether it is an MP4 or MOV in which no whole index follows what it begins with."""
    size, at = os.fstat(file.fileno()).st_size, 0
    for _ in range(_MOST_BOXES):
        head = os.pread(file.fileno(), 16, at)
        kind, length = head[4:8], int.from_bytes(head[:4], "big")
        if at == 0 and kind not in _FIRST_BOXES:
            return False
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        at += length
        if kind == b"moov":
            return at > size
        if length < 8 or at >= size:  # none follows: 0 says that it lasts to the end
            return True
    return False


def _picture(path: Path) -> str | None:
    """What to say of a file that holds a picture, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        if b"ANIM" in head:
            return "an animated WebP, which FFmpeg does not decode; convert it to a video"
        return "a picture; give a video"
    pictures = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*")
    return "a picture; give a video" if head.startswith(pictures) else None
