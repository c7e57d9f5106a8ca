"""Frames in and out: a source that can be read several times in constant memory, and a writer."""

from __future__ import annotations

import math
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, cast

import av
import numpy as np

from vader_rt.errors import InputError, reading
from vader_rt.io.container import check_pixels, open_container
from vader_rt.io.decode import decode
from vader_rt.io.files import file_sha256
from vader_rt.io.frames import (
    ArrayFrame,
    DecodedFrame,
    FrameView,
    fit,
    same_shape,
    upright_bgr,
    upright_size_wh,
)
from vader_rt.io.images import MAX_PIXELS
from vader_rt.io.reading import Reading, longest, losses, notes

_USUAL_FPS = 30.0
MIN_SIDE = 64
"""Smallest width or height in pixels from which anything could be recovered."""


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

    def losses(self) -> list[str]:
        """What of it could not be read so far, a sentence each."""
        ...

    def notes(self) -> list[str]:
        """What else is to be known of its picture, a sentence each."""
        ...

    def seconds(self) -> float | None:
        """How long what was read so far is shown, None if that is not known."""
        ...

    def times(self) -> list[float | None]:
        """When each frame read so far is shown, in seconds; None where the file does not say."""
        ...

    def time(self, index: int) -> float:
        """When a frame is shown, or would be, in seconds; by the rate where that is not known."""
        ...

    def facts(self) -> dict[str, Any] | None:
        """What the file says of itself, and `counts` of what was read; None if it is none."""
        ...


@dataclass(frozen=True)
class VideoFile:
    """A video on disk, decoded anew at every reading."""

    path: Path
    size_wh: tuple[int, int]
    fps: float
    frame_hint: int
    spooled: bool = False
    """Whether the file is ours, for frames that came from memory."""
    stamp: tuple[int, int] | None = None
    """Of the file when it was opened, see `_stamp`."""
    max_pixels: int = MAX_PIXELS
    """The most that a frame may have."""
    readings: list[Reading] = field(default_factory=list, compare=False, repr=False)
    """What was found whenever it was read."""
    _times: list[array[float]] = field(default_factory=list, compare=False, repr=False)

    @property
    def name(self) -> str:
        return "frames" if self.spooled else self.path.name

    def frames(self) -> Iterator[np.ndarray]:
        return (view.bgr() for view in self.views())

    def views(self) -> Iterator[DecodedFrame]:
        times = array("d")
        self._times.append(times)
        for frame in decode(self.path, self.readings, self.max_pixels):
            if (frame.width, frame.height) == self.size_wh or self._takes(upright_size_wh(frame)):
                times.append(math.nan if frame.time is None else frame.time)
                yield DecodedFrame(frame, self.size_wh)

    def sha256(self) -> str | None:
        return None if self.spooled else file_sha256(self.path)

    def losses(self) -> list[str]:
        lost = losses(self.readings)
        if self.stamp not in (None, _stamp(self.path)):
            lost.append("the file changed while it was read")
        return lost

    def notes(self) -> list[str]:
        return notes(self.readings)

    def seconds(self) -> float | None:
        found = [r.seconds for r in self.readings if r.seconds is not None]
        return max(found) + 1 / self.fps if found and self.fps else None

    def times(self) -> list[float | None]:
        if self.spooled or not self._times:
            return []
        return [None if math.isnan(t) else t for t in max(self._times, key=len)]

    def time(self, index: int) -> float:
        times = max(self._times, key=len, default=array("d"))
        if index < len(times) and not math.isnan(times[index]):
            return times[index]
        return index / (self.fps or _USUAL_FPS)

    def facts(self) -> dict[str, Any] | None:
        if self.spooled:
            return None
        reading = longest(self.readings)
        return {**reading.facts, "counts": reading.counts()}

    def _takes(self, size_wh: tuple[int, int]) -> bool:
        """Whether a frame of this size can be used; counts it if it is another than expected."""
        if size_wh == self.size_wh:
            return True
        fits, reading = same_shape(size_wh, self.size_wh), self.readings[-1]
        counts = reading.scaled if fits else reading.left_out
        counts[size_wh] = counts.get(size_wh, 0) + 1
        return fits


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
        return (fit(_checked(frame), self.size_wh) for frame in self.items)

    def views(self) -> Iterator[ArrayFrame]:
        return (ArrayFrame(frame) for frame in self.frames())

    def sha256(self) -> None:
        return None

    def losses(self) -> list[str]:
        return []

    def notes(self) -> list[str]:
        return []

    def seconds(self) -> float | None:
        return len(self.items) / self.fps if self.fps else None

    def times(self) -> list[float | None]:
        return []

    def time(self, index: int) -> float:
        return index / (self.fps or _USUAL_FPS)

    def facts(self) -> None:
        return None


def open_video(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> VideoFile:
    """Open a video file and look at its first frame.

    Raises:
        InputError: it does not exist, is not a video, holds no frame, is too small or too large.
    """
    path = Path(path)
    with reading(path):
        if not path.is_file():
            what = "is no regular file" if path.exists() else "does not exist"
            what = "is a folder" if path.is_dir() else what
            raise InputError(f"{path}: {what}; give a video file")
        if path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty; was the recording copied completely?")
    stamp = _stamp(path)
    with closing(decode(path, [], max_pixels)) as frames:
        size_wh = _checked_size(upright_bgr(next(frames)), str(path), max_pixels)
    fps, hint = _rate_and_hint(path, max_pixels)
    return VideoFile(path, size_wh, fps, hint, stamp=stamp, max_pixels=max_pixels)


@contextmanager
def open_source(
    source: str | Path | Iterable[np.ndarray], *, max_pixels: int = MAX_PIXELS
) -> Iterator[FrameSource]:
    """Make a re-readable source of a path, of a sequence of BGR frames, or of any iterable.

    A one-way iterable is spooled, losslessly, into a temporary file that goes with the context.
    """
    if isinstance(source, (str, Path)):
        yield open_video(source, max_pixels=max_pixels)
    elif isinstance(source, (np.ndarray, Sequence)) and not _is_scalar(source):
        if len(source) == 0:
            raise InputError("no frames were given")
        items = cast("Sequence[np.ndarray]", source)
        yield FrameArray(items, _checked_size(_checked(items[0]), "frames", max_pixels))
    elif isinstance(source, Iterable) and not _is_scalar(source):
        with tempfile.TemporaryDirectory(prefix="vader-rt-") as folder:
            yield _spool(source, Path(folder) / "frames.mkv", max_pixels)
    else:
        raise InputError(f"a path or frames were expected, not {type(source).__name__}")


def _is_scalar(source: object) -> bool:
    """Whether it is an array that cannot be iterated."""
    return isinstance(source, np.ndarray) and source.ndim == 0


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
        self._container = av.open(f"file:{Path(path).absolute()}", "w")  # a name may have a colon
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


def _rate_and_hint(path: Path, max_pixels: int) -> tuple[float, int]:
    with open_container(path, max_pixels) as opened:
        rate = opened.stream.average_rate or opened.stream.guessed_rate
        fps = float(rate) if rate else 0.0
        seconds = (opened.container.duration or 0) / av.time_base
        return fps, opened.stream.frames or round(seconds * fps)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of change of a file, None if it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _checked(frame: object) -> np.ndarray:
    if not (isinstance(frame, np.ndarray) and frame.ndim == 3 and frame.shape[2] == 3):
        raise InputError("every frame must be an (H, W, 3) array, BGR")
    if frame.size == 0:
        raise InputError(f"every frame must have pixels; one is {frame.shape[1]}×{frame.shape[0]}")
    if frame.dtype != np.uint8:
        raise InputError(f"frames must be uint8 in 0–255, not {frame.dtype}")
    return frame


def _checked_size(frame: np.ndarray, name: str, max_pixels: int) -> tuple[int, int]:
    height, width = frame.shape[:2]
    check_pixels((width, height), name, max_pixels)
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"{name}: {width}×{height} is too small; {MIN_SIDE} pixels a side at least"
        )
    return width, height


def _spool(frames: Iterable[np.ndarray], path: Path, max_pixels: int) -> VideoFile:
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise InputError("no frames were given")
    size_wh = _checked_size(_checked(first), "frames", max_pixels)
    with VideoWriter(path, size_wh=size_wh, lossless=True) as writer:
        writer.write(first)
        for frame in iterator:
            writer.write(fit(_checked(frame), size_wh))
    return VideoFile(path, size_wh, 0.0, 0, spooled=True, max_pixels=max_pixels)
