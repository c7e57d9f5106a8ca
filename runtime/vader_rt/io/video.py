"""Frames in and out: a source that can be read several times in constant memory, and a writer."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, cast

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from vader_rt.errors import InputError
from vader_rt.io.cpus import usable_cpus
from vader_rt.io.files import file_sha256
from vader_rt.io.images import shrunk

MIN_SIDE = 64
"""Smallest width or height in pixels from which anything could be recovered."""
_OF_THREAD = threading.local()
_READ_ALONG = 4
"""Places along each side of a thumbnail's pixel at which the frame is read, between two pixels."""


class FrameView(Protocol):
    """A frame of a recording, converted only as far as somebody asks."""

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""
        ...

    def bgr(self) -> np.ndarray:
        """The frame as (H, W, 3) uint8 BGR, upright, of the recording's size."""
        ...

    def luma(self, size_wh: tuple[int, int]) -> np.ndarray:
        """Its brightness at a small size, (h, w) uint8; not upright, and in the video's range."""
        ...


class FrameSource(Protocol):
    """A recording that can be read from its start as often as needed."""

    @property
    def name(self) -> str: ...

    @property
    def size_wh(self) -> tuple[int, int]: ...

    @property
    def fps(self) -> float:
        """Frames per second; 0 if unknown."""
        ...

    @property
    def frame_hint(self) -> int:
        """Number of frames that the container promises; 0 if none. Never trusted."""
        ...

    def frames(self) -> Iterator[np.ndarray]:
        """Yield (H, W, 3) uint8 BGR frames, all of `size_wh`."""
        ...

    def views(self) -> Iterator[FrameView]:
        """Yield the same frames, unconverted."""
        ...

    def sha256(self) -> str | None:
        """Digest of the file, None for frames that never were a file."""
        ...


@dataclass(frozen=True)
class DecodedFrame:
    """A frame as the decoder gives it; see `FrameView`."""

    frame: av.VideoFrame
    size_wh: tuple[int, int]

    @property
    def nbytes(self) -> int:
        return sum(plane.buffer_size for plane in self.frame.planes)

    def bgr(self) -> np.ndarray:
        return _fit(_bgr(self.frame), self.size_wh)

    def luma(self, size_wh: tuple[int, int]) -> np.ndarray:
        return _thumbnail(_luma_plane(self.frame), size_wh)


@dataclass(frozen=True)
class ArrayFrame:
    """A frame that was in memory already, (H, W, 3) uint8 BGR; see `FrameView`."""

    frame: np.ndarray

    @property
    def nbytes(self) -> int:
        return self.frame.nbytes

    def bgr(self) -> np.ndarray:
        return self.frame

    def luma(self, size_wh: tuple[int, int]) -> np.ndarray:
        return cv2.cvtColor(shrunk(self.frame, size_wh), cv2.COLOR_BGR2GRAY)


@dataclass(frozen=True)
class VideoFile:
    """A video on disk, decoded anew at every reading."""

    path: Path
    size_wh: tuple[int, int]
    fps: float
    frame_hint: int
    spooled: bool = False
    """Whether the file is ours, for frames that came from memory."""

    @property
    def name(self) -> str:
        return "frames" if self.spooled else self.path.stem

    def frames(self) -> Iterator[np.ndarray]:
        return (view.bgr() for view in self.views())

    def views(self) -> Iterator[DecodedFrame]:
        return (DecodedFrame(frame, self.size_wh) for frame in _decode(self.path))

    def sha256(self) -> str | None:
        return None if self.spooled else file_sha256(self.path)


@dataclass(frozen=True)
class FrameArray:
    """Frames that the caller holds in memory."""

    items: Sequence[np.ndarray]
    size_wh: tuple[int, int]
    fps: float = 0.0
    name: str = "frames"

    @property
    def frame_hint(self) -> int:
        return len(self.items)

    def frames(self) -> Iterator[np.ndarray]:
        return (_fit(_checked(frame), self.size_wh) for frame in self.items)

    def views(self) -> Iterator[ArrayFrame]:
        return (ArrayFrame(frame) for frame in self.frames())

    def sha256(self) -> None:
        return None


def open_video(path: str | Path) -> VideoFile:
    """Open a video file and look at its first frame.

    Raises:
        InputError: it does not exist, is not a video, holds no frame or is too small.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"{path}: {what}; give a video file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; was the recording copied completely?")
    first = next(_decode(path), None)
    if first is None:
        raise InputError(f"{path}: no video frame could be decoded; is the file damaged?")
    fps, hint = _rate_and_hint(path)
    return VideoFile(path, _checked_size(_bgr(first), str(path)), fps, hint)


@contextmanager
def open_source(
    source: str | Path | Iterable[np.ndarray],
) -> Iterator[FrameSource]:
    """Make a re-readable source of a path, of a sequence of BGR frames, or of any iterable.

    A one-way iterable is spooled, losslessly, into a temporary file that goes with the context.
    """
    if isinstance(source, (str, Path)):
        yield open_video(source)
    elif isinstance(source, (np.ndarray, Sequence)):
        if len(source) == 0:
            raise InputError("no frames were given")
        items = cast("Sequence[np.ndarray]", source)
        yield FrameArray(items, _checked_size(_checked(items[0]), "frames"))
    elif isinstance(source, Iterable):
        with tempfile.TemporaryDirectory(prefix="vader-rt-") as folder:
            yield _spool(source, Path(folder) / "frames.mkv")
    else:
        raise InputError(f"a path or frames were expected, not {type(source).__name__}")


class VideoWriter:
    """Write BGR frames to an H.264 file (`crf`), or losslessly with `lossless=True`."""

    def __init__(
        self,
        path: str | Path,
        *,
        size_wh: tuple[int, int],
        fps: float = 30.0,
        crf: int = 23,
        lossless: bool = False,
        preset: str = "veryfast",
    ) -> None:
        self._container = av.open(str(path), "w")
        codec = "libx264rgb" if lossless else "libx264"
        rate = Fraction(fps).limit_denominator(1001)
        stream = cast(av.VideoStream, self._container.add_stream(codec, rate=rate))
        stream.width, stream.height = size_wh
        stream.pix_fmt = "rgb24" if lossless else "yuv420p"
        stream.options = (
            {"qp": "0", "preset": "ultrafast"} if lossless else {"crf": str(crf), "preset": preset}
        )
        self._stream = stream

    def write(self, frame_bgr: np.ndarray) -> None:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame_bgr), format="bgr24")
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


def _decode(path: Path) -> Iterator[av.VideoFrame]:
    """Yield frames; a damaged or truncated end ends the stream quietly."""
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be opened as a video ({_reason(error)})") from None
    with container:
        if not container.streams.video:
            raise InputError(f"{path}: holds no video stream")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = usable_cpus()
        try:
            yield from container.decode(video=0)
        except av.FFmpegError:
            return


def _bgr(frame: av.VideoFrame) -> np.ndarray:
    """A frame as (H, W, 3) uint8 BGR, upright."""
    return _upright(_converted(frame, "bgr24"), frame.rotation)


def _converted(frame: av.VideoFrame, pixel_format: str) -> np.ndarray:
    """A frame in a pixel format of FFmpeg.

    A frame that converts itself keeps a converter with threads of its own for as long as it lives.
    """
    if not hasattr(_OF_THREAD, "reformatter"):
        _OF_THREAD.reformatter = VideoReformatter()
    return _OF_THREAD.reformatter.reformat(frame, format=pixel_format).to_ndarray()


def _luma_plane(frame: av.VideoFrame) -> np.ndarray:
    """Brightness, (H, W) uint8: where it stands in a plane of its own, without a copy."""
    brightness = frame.format.components[0]
    if not (frame.format.is_planar and brightness.is_luma and brightness.bits == 8):
        return _converted(frame, "gray")
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _thumbnail(plane: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """A plane at a small size; of a large one a few pixels are read, all would cost as decoding."""
    between = (_READ_ALONG * size_wh[0], _READ_ALONG * size_wh[1])
    if plane.shape[1] > between[0] and plane.shape[0] > between[1]:
        plane = cv2.resize(plane, between, interpolation=cv2.INTER_LINEAR)
    return cv2.resize(plane, size_wh, interpolation=cv2.INTER_AREA)


def _upright(frame: np.ndarray, rotation: int) -> np.ndarray:
    """Turn a frame by its display matrix; `rotation` is counter-clockwise in degrees."""
    quarter_turns = round(rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(frame, quarter_turns)) if quarter_turns else frame


def _rate_and_hint(path: Path) -> tuple[float, int]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        fps = float(rate) if rate else 0.0
        seconds = (container.duration or 0) / av.time_base
        return fps, stream.frames or round(seconds * fps)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _fit(frame: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Scale a frame whose size changed in mid-stream to the size of the first."""
    if frame.shape[1::-1] == size_wh:
        return frame
    return cv2.resize(frame, size_wh, interpolation=cv2.INTER_AREA)


def _checked(frame: object) -> np.ndarray:
    if not (isinstance(frame, np.ndarray) and frame.ndim == 3 and frame.shape[2] == 3):
        raise InputError("every frame must be an (H, W, 3) array, BGR")
    if frame.size == 0:
        raise InputError(f"every frame must have pixels; one is {frame.shape[1]}×{frame.shape[0]}")
    if frame.dtype != np.uint8:
        raise InputError(f"frames must be uint8 in 0–255, not {frame.dtype}")
    return frame


def _checked_size(frame: np.ndarray, name: str) -> tuple[int, int]:
    height, width = frame.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"{name}: {width}×{height} is too small; {MIN_SIDE} pixels a side at least"
        )
    return width, height


def _spool(frames: Iterable[np.ndarray], path: Path) -> VideoFile:
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise InputError("no frames were given")
    size_wh = _checked_size(_checked(first), "frames")
    with VideoWriter(path, size_wh=size_wh, lossless=True) as writer:
        writer.write(first)
        for frame in iterator:
            writer.write(_fit(_checked(frame), size_wh))
    return VideoFile(path, size_wh, 0.0, 0, spooled=True)
