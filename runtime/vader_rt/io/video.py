"""Video files in and out: read several times in constant memory, and written."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np

from vader_rt.errors import InputError, reading
from vader_rt.io.container import check_pixels, open_container
from vader_rt.io.decode import decode
from vader_rt.io.files import file_sha256
from vader_rt.io.frames import (
    DecodedFrame,
    same_shape,
    upright_bgr,
    upright_size_wh,
)
from vader_rt.io.images import MAX_PIXELS
from vader_rt.io.reading import Reading, longest, losses, notes
from vader_rt.stateful import State

USUAL_FPS = 30.0
"""Frames per second where nothing is known of them."""
MIN_SIDE = 64
"""Smallest width or height in pixels from which anything could be recovered."""


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

    @property
    def live(self) -> bool:
        return False

    def parts(self) -> None:
        return None

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
        return index / (self.fps or USUAL_FPS)

    def state(self) -> State | None:
        if self.spooled:
            return None
        return {"readings": list(self.readings), "times": list(self._times)}

    def restore(self, state: State) -> None:
        self.readings[:], self._times[:] = state["readings"], state["times"]

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
        size_wh = checked_size(upright_bgr(next(frames)), str(path), max_pixels)
    fps, hint = _rate_and_hint(path, max_pixels)
    return VideoFile(path, size_wh, fps, hint, stamp=stamp, max_pixels=max_pixels)


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


def checked_size(frame: np.ndarray, name: str, max_pixels: int) -> tuple[int, int]:
    """Width and height of a frame.

    name: of its recording, for errors.

    Raises:
        InputError: it is too small, or larger than allowed.
    """
    height, width = frame.shape[:2]
    check_pixels((width, height), name, max_pixels)
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"{name}: {width}×{height} is too small; {MIN_SIDE} pixels a side at least"
        )
    return width, height
