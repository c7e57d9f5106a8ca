"""Puts a report together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from vader_rt.pipeline.result import CLAIMED, SHOWN
from vader_rt.report import view
from vader_rt.report.frames import Frames
from vader_rt.report.html import rendered
from vader_rt.report.packed import packed
from vader_rt.report.pictures import jpeg_uri, main_pictures, overlays
from vader_rt.report.saved import Saved
from vader_rt.report.timeline import HEIGHT, Timeline

_MOST_BYTES, _LEAST_DATA_BYTES = 98_000, 20_000
"""Of a page besides its pictures; and of the numbers in it, whatever else it says."""


def page(saved: Saved, *, video: Path | None = None, truth_bgr: np.ndarray | None = None) -> bytes:
    """The report on a result: HTML, UTF-8.

    video: its recording, for pictures of all the frames that the report names; else those that the
    result has pictures of are shown. truth_bgr: the real room, (H, W, 3) uint8, to compare with.

    Raises:
        InputError: a picture is not that of the result, or the recording cannot be read.
    """
    said, frames = saved.said, Frames.of(saved)
    if video is not None:
        frames = frames.read(saved, video)
    timeline = Timeline.of(said["leak_timeline"])
    context = _context(saved, frames, timeline, truth_bgr)
    rest = _bytes_besides_pictures(rendered({**context, "data": ""}))
    room = max(_MOST_BYTES - rest, _LEAST_DATA_BYTES)
    data = packed(saved.provenance, timeline, said["frame_times"], room)
    return rendered({**context, "data": Markup(data)})


def _context(
    saved: Saved, frames: Frames, timeline: Timeline, truth_bgr: np.ndarray | None
) -> dict[str, Any]:
    """What the template asks for, but for the numbers of its script."""
    said = saved.said
    return {
        "said": said,
        "warnings": view.warnings(saved),
        "moments": view.moments(saved),
        "used": view.used_frames(saved),
        "scores": view.scores(said),
        "record": view.record(saved),
        "client": view.client(said),
        "kind": view.KINDS.get(said["virtual_background"]["kind"], "of an unknown kind"),
        "percent": view.percent,
        "clock": view.clock,
        "claimed_from": view.percent(CLAIMED),
        "shown_from": view.percent(SHOWN),
        "most_rows": view.MOST_ROWS,
        "pictures": _marked(main_pictures(saved, frames.call, truth_bgr)),
        "layers": _marked(overlays(saved)),
        "first_right": "room",
        "thumbnails": {i: Markup(jpeg_uri(jpeg)) for i, jpeg in frames.thumbnails.items()},
        "unmasked": frames.unmasked and (frames.unmasked[0], _uri(frames.unmasked[1])),
        "chart": _chart(saved, timeline),
        "provenance": saved.provenance,
    }


def _bytes_besides_pictures(html: bytes) -> int:
    return len(re.sub(rb"data:image/[a-z]+;base64,[A-Za-z0-9+/=]*", b"", html))


def _chart(saved: Saved, timeline: Timeline) -> dict[str, Any]:
    said = saved.said
    frames, times = len(said["leak_timeline"]), said["frame_times"]
    spans = said["unmasked"]["intervals"][: view.MOST_ROWS]
    return {
        "path": Markup(timeline.path),
        "points": len(timeline.frames),
        "per_point": timeline.per_point,
        "height": HEIGHT,
        "top": timeline.top,
        "last": frames - 1,
        "end": view.time_of(frames - 1, times) if frames else "–",
        "start": view.time_of(0, times) if frames else "–",
        "bare": [
            (timeline.x(one["start"]), max(timeline.x(one["stop"] - one["start"]), 1))
            for one in spans
        ],
        "worst": [(n, timeline.x(m["frame"])) for n, m in enumerate(view.moments(saved), 1)],
    }


def _marked(pictures: list[Any]) -> list[dict[str, Any]]:
    """Pictures for the template, whose addresses need no escape."""
    return [{**vars(picture), "uri": Markup(picture.uri)} for picture in pictures]


def _uri(jpeg: bytes) -> Markup:
    return Markup(jpeg_uri(jpeg))
