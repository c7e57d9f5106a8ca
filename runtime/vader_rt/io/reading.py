"""What one reading of a video file found: how much, and what is to be said of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import av

Size = tuple[int, int]
_HDR = {16: "PQ", 18: "HLG"}
"""Transfer functions by their number in FFmpeg (ITU-T H.273)."""
_LONG_GAP_SECONDS = 2.0
_COUNTS = (
    *("packets", "bad_packets", "torn_packets", "not_read", "failures", "holes"),
    *("frames", "bad_frames", "interlaced"),
)


@dataclass(eq=False)
class Reading:
    """What one reading of a file found.

    packets, frames: how many there were; bad_packets: could not be decoded; bad_frames: were
    decoded with errors; torn_packets: are not whole; failures: places where the file could not be
    read; holes: where packets are missing; not_read: packets of the index that were not reached.
    first_seconds, last_seconds: when the first and the last frame are shown; None if the file does
    not say. cut_seconds: when it ends and when it should have, None if that is the same.
    gap_seconds: the longest time without a new frame. scaled, left_out: frames of another size, or
    of another shape, by their size. interlaced: frames of two fields. hdr: the transfer function,
    None for that of SDR. remarks: of the file; facts: what it says of itself. one_each: whether
    every packet ought to give a frame. finished: whether it was read to its end.
    """

    packets: int = 0
    frames: int = 0
    bad_packets: int = 0
    bad_frames: int = 0
    torn_packets: int = 0
    failures: int = 0
    holes: int = 0
    not_read: int = 0
    first_seconds: float | None = None
    last_seconds: float = -math.inf
    cut_seconds: tuple[float, float] | None = None
    gap_seconds: tuple[float, float] = (0.0, 0.0)
    scaled: dict[Size, int] = field(default_factory=dict)
    left_out: dict[Size, int] = field(default_factory=dict)
    interlaced: int = 0
    hdr: str | None = None
    remarks: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    one_each: bool = False
    finished: bool = False

    def add(self, frame: av.VideoFrame) -> None:
        """Take in the next frame."""
        self.frames += 1
        self.bad_frames += frame.is_corrupt
        self.interlaced += frame.interlaced_frame
        self.hdr = self.hdr or _HDR.get(frame.color_trc)
        seconds = frame.time
        if seconds is None:
            return
        if self.first_seconds is None:
            self.first_seconds = seconds
        elif seconds - self.last_seconds > self.gap_seconds[1] - self.gap_seconds[0]:
            self.gap_seconds = self.last_seconds, seconds
        self.last_seconds = max(seconds, self.last_seconds)

    @property
    def harmed(self) -> bool:
        """Whether the decoder met damage."""
        return self.bad_packets + self.bad_frames + self.torn_packets + self._without_frame > 0

    @property
    def seconds(self) -> float | None:
        """The time from the first frame to the last; None if the file does not say."""
        return None if self.first_seconds is None else self.last_seconds - self.first_seconds

    def counts(self) -> dict[str, int]:
        """What was found, in numbers, by the names of the attributes."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        counts |= {name: sum(getattr(self, name).values()) for name in ("scaled", "left_out")}
        return {**counts, "without_frame": self._without_frame}

    def losses(self) -> Iterator[str]:
        """What was lost, a sentence each."""
        if self.bad_packets:
            yield f"{_counted(self.bad_packets, 'packet')} could not be decoded"
        if self.bad_frames:
            yield f"{_counted(self.bad_frames, 'frame')} decoded with errors"
        if self.torn_packets:
            yield f"{_counted(self.torn_packets, 'packet')} not whole in the file"
        if self.failures:
            yield f"{_counted(self.failures, 'place')} in the file could not be read"
        if self.holes:
            yield f"packets are missing in {_counted(self.holes, 'place')} of the file"
        if self.not_read:
            yield f"{_counted(self.not_read, 'packet')} of the index could not be read"
        if self._without_frame:
            yield f"{_counted(self._without_frame, 'packet')} gave no frame"
        if self.cut_seconds is not None:
            end, promised = self.cut_seconds
            yield f"the file ends at {end:.2f} s of the {promised:.2f} s that it promises"
        for size_wh, count in list(self.left_out.items()):
            yield (
                f"{_counted(count, 'frame')} of another shape, {_said(size_wh)}, left out: the "
                "first frame's shape counts"
            )

    def notes(self) -> Iterator[str]:
        """What else is to be known of the picture, a sentence each."""
        yield from self.remarks
        if self.hdr is not None:
            yield f"the video is HDR ({self.hdr}), and its colours are read as if it were not"
        if self.interlaced:
            yield f"{_counted(self.interlaced, 'frame')} interlaced, both fields read as one"
        for size_wh, count in list(self.scaled.items()):
            yield f"{_counted(count, 'frame')} of {_said(size_wh)} scaled to the first frame's size"
        start, end = self.gap_seconds
        if end - start > _LONG_GAP_SECONDS:
            yield f"no frame is shown between {start:.1f} s and {end:.1f} s"

    @property
    def _without_frame(self) -> int:
        if not (self.finished and self.one_each) or self.interlaced:
            return 0
        return max(self.packets - self.frames - self.bad_packets, 0)


def losses(readings: Sequence[Reading]) -> list[str]:
    """What was lost in any reading of a file, a sentence each."""
    lost = [sentence for reading in readings for sentence in reading.losses()]
    counts = [reading.frames for reading in readings if reading.finished]
    if len(set(counts)) > 1:
        lost.append(f"one reading gave {min(counts)} frames, another {max(counts)}")
    return list(dict.fromkeys(lost))


def notes(readings: Sequence[Reading]) -> list[str]:
    """What else is to be known of a file: what its longest reading found."""
    return list(longest(readings).notes())


def longest(readings: Sequence[Reading]) -> Reading:
    """The reading of a file that gave most frames."""
    return max(readings, key=lambda reading: reading.frames, default=Reading())


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _said(size_wh: Size) -> str:
    return f"{size_wh[0]}×{size_wh[1]}"
