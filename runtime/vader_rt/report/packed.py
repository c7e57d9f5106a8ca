"""What the page's script reads: numbers, packed so that the page stays small.

A JSON text and bytes, together compressed by zlib. The bytes are columns, one after the other, and
`page.js` reads them in the same order. Neighbours are alike, so colours are written as differences
(modulo 256), which compress better.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vader_rt.contract import TIME_BINS
from vader_rt.pipeline.result import SHOWN
from vader_rt.report.timeline import Timeline

_SAMPLES = [*((8, n) for n in (8, 6, 5, 4, 3, 2, 1)), (4, 1), (1, 1), (1, 0), (0, 0)]
"""How many samples of a place that is shown are given, and of any other: the first that fit. With 0
the place is left out; with less than 8 of those that are shown, the frames of time bins are."""
_UNMASKED = 128
"""Added to the count of a place's samples if it is taken from unmasked frames."""


def packed(
    provenance: Mapping[str, Any] | None,
    timeline: Timeline,
    times: Sequence[float | None],
    most_bytes: int,
) -> str:
    """Base64 text for the script: as many samples of each place as fit."""
    text = ""
    for most in _SAMPLES:
        text = _packed(provenance or {"places": []}, timeline, times, most)
        if len(text) <= most_bytes:
            break
    return text


def _packed(
    provenance: Mapping[str, Any],
    timeline: Timeline,
    times: Sequence[float | None],
    most: tuple[int, int],
) -> str:
    places = [p for p in provenance["places"] if most[p["confidence"] < SHOWN]]
    samples = [p["samples"][: most[p["confidence"] < SHOWN]] for p in places]
    bins = [p["bins"] if most[0] == 8 else [] for p in places]
    used = sorted({s[0] for of_place in samples for s in of_place}.union(*bins))
    header = {
        "chart": {"per_point": timeline.per_point, "top": timeline.top},
        "leaks": [round(leak * 10_000) for leak in timeline.leaks],
        "frames": timeline.frames,
        "times": _hundredths(timeline.frames, times),
        "used": used,
        "used_times": _hundredths(used, times),
        "grid_wh": provenance.get("grid_wh"),
        "places": len(places),
        "most_samples": most,
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    columns = []
    if places:
        among = np.array(used)
        columns = [*_of_places(places, samples, bins, among), *_of_samples(samples, among)]
    body = b"".join(np.asarray(column).astype(np.uint8).tobytes() for column in columns)
    data = len(text).to_bytes(4, "little") + text + body
    return base64.b64encode(zlib.compress(data, 9)).decode()


def _hundredths(frames: Sequence[int], times: Sequence[float | None]) -> list[int | None]:
    """When frames are shown, in hundredths of a second; None where nobody knows."""
    found = [times[frame] if frame < len(times) else None for frame in frames]
    return [None if time is None else round(time * 100) for time in found]


def _of_places(
    places: Sequence[Mapping[str, Any]],
    samples: Sequence[Sequence[Any]],
    bins: Sequence[Sequence[int]],
    used: np.ndarray,
) -> list[np.ndarray]:
    room = _rgb([place["room"] for place in places])
    voted = _rgb([place["voted"] or place["room"] for place in places])
    counts = [len(s) + _UNMASKED * p["unmasked"] for s, p in zip(samples, places, strict=True)]
    return [
        *_two_bytes(np.array([place["pixel"] for place in places])),
        *np.array([place["cell"] for place in places]).T,
        np.array(counts),
        np.rint(np.array([place["confidence"] for place in places]) * 200),
        *_steps(room).T,
        *(voted - room).T,
        *_two_bytes(np.array([_ordinals(frames, used, TIME_BINS) for frames in bins])),
    ]


def _of_samples(samples: Sequence[Sequence[Any]], used: np.ndarray) -> list[np.ndarray]:
    flat = [sample for of_place in samples for sample in of_place]
    seen = _rgb([sample[1] for sample in flat])
    return [
        *_two_bytes(np.array(_ordinals([sample[0] for sample in flat], used, len(flat)))[:, None]),
        np.rint(np.array([sample[3] for sample in flat]) * 200),
        *_steps(seen).T,
        *(_rgb([sample[2] for sample in flat]) - seen).T,
    ]


def _ordinals(frames: Sequence[int], used: np.ndarray, count: int) -> list[int]:
    """Where frames stand among those that are used, from 1 on; so many, 0 = none."""
    found = (np.searchsorted(used, frames) + 1).tolist()
    return found + [0] * (count - len(found))


def _two_bytes(numbers: np.ndarray) -> list[np.ndarray]:
    """(N, C) numbers below 65536: the low bytes of each column, then the high ones."""
    return [*(numbers & 255).T, *(numbers >> 8).T]


def _steps(colors: np.ndarray) -> np.ndarray:
    return np.diff(colors, axis=0, prepend=0)


def _rgb(colors: Sequence[str]) -> np.ndarray:
    """Colours as they are written, `rrggbb`: (N, 3) int."""
    data = np.frombuffer(bytes.fromhex("".join(colors)), np.uint8)
    return data.reshape(-1, 3).astype(np.int64)
