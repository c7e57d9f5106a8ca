"""Calls of any length for `bench.speed`: parts that differ, joined, and repeated in long ones.

The caller of the sample call sits elsewhere, larger or smaller, and sways otherwise in every part;
the room and the virtual background stay, as they do in a call.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from train.compose.camera import CallRecipe
from train.compose.clients import STYLES, Client, load_segmenter
from train.compose.sample_call import astronaut, draw_room, draw_virtual
from train.compose.writer import blend
from vader_rt.io.video import VideoWriter

FPS = 30
PART_FRAMES = 300
"""How long the caller stays at one place: ten seconds."""
MOST_PARTS = 12
"""How many parts differ; a longer call repeats them."""


def make_call(path: Path, size_wh: tuple[int, int], frames: int) -> Path:
    """Write a call of so many frames, or leave it if it is there."""
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    distinct = path.with_name(f"distinct-{size_wh[1]}-{min(frames, MOST_PARTS * PART_FRAMES)}.mp4")
    if not distinct.is_file():
        _write_distinct(distinct, size_wh, min(frames, MOST_PARTS * PART_FRAMES))
    _repeat(distinct, path, frames)
    return path


def _write_distinct(path: Path, size_wh: tuple[int, int], frames: int) -> None:
    partial = path.with_name(f"partial-{path.name}")
    with VideoWriter(partial, size_wh=size_wh, fps=FPS) as video:
        for frame in _distinct_frames(size_wh, frames):
            video.write(frame)
    partial.replace(path)


def _distinct_frames(size_wh: tuple[int, int], frames: int) -> Iterator[np.ndarray]:
    person, room, virtual = astronaut(), draw_room(size_wh), draw_virtual(size_wh)
    client = Client(load_segmenter("mp"), STYLES["soft"])
    for part, start in enumerate(range(0, frames, PART_FRAMES)):
        rng = np.random.default_rng(part)
        recipe = CallRecipe(
            person,
            room,
            virtual,
            height=float(rng.uniform(0.7, 1.0)),
            x=float(rng.uniform(0.35, 0.65)),
            sway_px=float(rng.uniform(10, 120)),
            sway_period=float(rng.uniform(60, 200)),
        )
        for composed in blend(recipe, client, min(PART_FRAMES, frames - start), rng):
            yield composed.call


def _repeat(source: Path, path: Path, frames: int) -> None:
    """Copy a video's packets one round after the other, until there are so many frames."""
    partial = path.with_name(f"partial-{path.name}")
    with av.open(str(partial), "w") as output:
        stream, written, shift = None, 0, 0
        while written < frames:
            with av.open(str(source)) as video:
                found = video.streams.video[0]
                stream = stream or output.add_stream_from_template(found)
                end = shift
                for packet in video.demux(found):
                    if packet.dts is None or written >= frames:
                        continue
                    packet.dts, packet.pts = packet.dts + shift, (packet.pts or 0) + shift
                    end = max(end, (packet.pts or 0) + (packet.duration or 0))
                    packet.stream = stream
                    output.mux(packet)
                    written += 1
                shift = end
    partial.replace(path)
