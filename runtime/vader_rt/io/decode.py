"""Frames of a video file, packet by packet: what is damaged is left out, and counted."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av

from vader_rt.errors import InputError
from vader_rt.io.container import OpenVideo, cannot_be_read, facts, open_container, remarks
from vader_rt.io.cpus import usable_cpus
from vader_rt.io.images import MAX_PIXELS
from vader_rt.io.reading import Reading

_MOST_PIXELS = (1 << 31) - 1
"""What FFmpeg can be told."""
_MOST_FAILURES = 8
"""Failures in a row to read a packet, after which nothing more can be read."""
_A_FRAME_EACH = frozenset({"h264", "hevc", "libdav1d"})
"""Decoders to which every packet is a frame, where pictures are not in two fields."""
_TELL_THEIR_END = {"matroska": 0.0, "avi": 0.0, "flv": 0.0, "asf": 0.0, "mov": 0.5}
"""Formats that say in their header when they end, and the seconds by which that may be wrong."""
_LATE_FRAMES = 2.5
"""Intervals between frames by which a file may end early: the last ones have no duration."""
_GAP_STEPS, _GAP_BYTES = 1.5, {"matroska": 256, "flv": 256, "mpegts": 8192, "mpeg": 8192}
"""Time and bytes without a packet from which one is missing: recorders leave out frames, but then
the file holds nothing there. In MPEG streams, tables and pieces of sound lie between pictures."""
_OVERHEAD = 16
"""Of what a packet holds, one part in so many may be headers inside of it."""
_MOST_REORDERED = 17
"""Packets later that a gap in time may show, where the file does not say when to decode them."""


@dataclass
class _Layout:
    """When packets are shown, and where in the file they lie: tells where some are missing.

    gap_bytes: what may lie between two packets. shown: packets of the call's stream so far. holes:
    places where some of them are missing. end_seconds: when the last packet of any stream ends.
    """

    gap_bytes: float
    shown: int = 0
    holes: int = 0
    end_seconds: float | None = None
    _end_byte: int = 0
    _last_seconds: float | None = None
    _last_step: float = 0.0
    _since_gap: int = _MOST_REORDERED

    def add(self, packet: av.Packet, *, shown: bool) -> None:
        """Take in the next packet of any stream. shown: whether it is of the call's."""
        if packet.pos is not None:
            if self._end_byte and packet.pos - self._end_byte > self.gap_bytes:
                self._since_gap = 0
            self._end_byte = max(
                self._end_byte, packet.pos + packet.size + packet.size // _OVERHEAD
            )
        if packet.pts is not None:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.end_seconds = max(end, self.end_seconds or end)
        if shown:
            self.shown += 1
            if packet.dts is not None:
                self._step(float(packet.dts * packet.time_base))

    def _step(self, seconds: float) -> None:
        step = seconds - self._last_seconds if self._last_seconds is not None else 0.0
        if step > _GAP_STEPS * self._last_step > 0 and self._since_gap < _MOST_REORDERED:
            self.holes += 1
            self._since_gap = _MOST_REORDERED
        self._since_gap += 1
        self._last_seconds, self._last_step = seconds, step


def decode(
    path: Path, readings: list[Reading], max_pixels: int = MAX_PIXELS
) -> Generator[av.VideoFrame, None, None]:
    """Yield the frames of a file, and append to `readings` what was found.

    max_pixels: of the first frame; later ones of more than twice as many cannot be decoded.
    What is damaged is left out or patched by the decoder. With threads it would lose frames that
    are whole, and which ones would depend on their number: so from the first damage on it has one.

    Raises:
        InputError: it is no video, cannot be read to its end, or holds no frame at all.
    """
    given = 0
    if not any(reading.harmed for reading in readings):
        reading = Reading()
        readings.append(reading)
        for frame in _frames(path, reading, max_pixels, strict=True):
            if reading.harmed:
                break
            given += 1
            yield frame
        if not reading.harmed:
            return
        readings.remove(reading)
        readings.append(Reading(scaled=reading.scaled, left_out=reading.left_out))
    else:
        readings.append(Reading())
    yield from islice(_frames(path, readings[-1], max_pixels, strict=False), given, None)


def _frames(
    path: Path, reading: Reading, max_pixels: int, *, strict: bool
) -> Iterator[av.VideoFrame]:
    """Decode a file. strict: with threads, and damage is an error; else it is patched."""
    with open_container(path, max_pixels) as opened:
        codec = opened.stream.codec_context
        codec.thread_type = "AUTO"
        codec.thread_count = usable_cpus() if strict else 1
        codec.options = {"max_pixels": str(min(2 * max_pixels, _MOST_PIXELS))}
        codec.options |= {"err_detect": "explode"} if strict else {}
        try:
            codec.open()
        except (av.FFmpegError, MemoryError) as error:
            raise cannot_be_read(path, error) from None
        reading.one_each = codec.name in _A_FRAME_EACH
        reading.remarks, reading.facts = remarks(opened), facts(opened)
        for packet in _packets(path, opened, reading):
            for frame in _decoded(path, packet, reading):
                reading.add(frame)
                yield frame
    reading.finished = True
    if reading.frames == 0 and not (strict and reading.harmed):
        raise InputError(
            f"{path}: no video frame could be decoded; is the file damaged, or memory short?"
        )


def _packets(path: Path, opened: OpenVideo, reading: Reading) -> Iterator[av.Packet]:
    """The packets of the call's stream to the end of the file, and an empty one there."""
    layout, failures = _Layout(_GAP_BYTES.get(opened.format, math.inf)), 0
    promised, packets = _listed(opened), opened.container.demux()
    while failures < _MOST_FAILURES:
        try:
            packet = next(packets, None)
        except (av.error.InvalidDataError, av.error.BlockingIOError):
            failures, packets = failures + 1, opened.container.demux()
            reading.failures += failures == 1
            continue
        except (av.FFmpegError, OSError, MemoryError) as error:
            raise cannot_be_read(path, error) from None
        if packet is None:
            break
        if packet.size == 0:  # to a decoder that is the end
            continue
        shown, failures = packet.stream.index == opened.stream.index, 0
        layout.add(packet, shown=shown)
        reading.holes = layout.holes
        if shown:
            reading.packets += not packet.is_discard
            reading.torn_packets += packet.is_corrupt
            yield packet
    _compare(opened, layout, reading, promised)
    yield opened.empty_packet()


def _decoded(path: Path, packet: av.Packet, reading: Reading) -> list[av.VideoFrame]:
    try:
        return [frame for frame in packet.decode() if isinstance(frame, av.VideoFrame)]
    except MemoryError as error:
        raise cannot_be_read(path, error) from None
    except av.FFmpegError:  # decoders say of damage what they like
        reading.bad_packets += 1
        return []


def _listed(opened: OpenVideo) -> int:
    """How many packets of the call the file says that it has; 0 where it does not."""
    if opened.format == "mov":
        return len(opened.stream.index_entries)
    if opened.format == "avi":  # an index at the end is lost where the file is cut
        listed = sum(entry.size > 0 for entry in opened.stream.index_entries)
        return listed or opened.stream.frames
    return 0


def _compare(opened: OpenVideo, layout: _Layout, reading: Reading, listed: int) -> None:
    """Compare what was read with what the file promises, before and after."""
    reading.not_read = max(listed, _listed(opened)) - layout.shown if listed else 0
    promised, end, rate = opened.container.duration, layout.end_seconds, opened.stream.average_rate
    if opened.format in _TELL_THEIR_END and promised and end is not None and rate:
        promised_seconds = promised / av.time_base
        if promised_seconds - end > _TELL_THEIR_END[opened.format] + _LATE_FRAMES / rate:
            reading.cut_seconds = end, promised_seconds
