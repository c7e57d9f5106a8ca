"""A result.json that was read again, checked: others may have written it, or changed it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from vader_rt.entries import Entries, EntryError, shown

_MOST_FRAMES = 10**9


def check_report(report: Mapping[str, Any]) -> None:
    """Refuse a report whose figures, times or frames no result can have.

    Raises:
        EntryError: it says which entry.
    """
    entries = Entries(report)
    given = Entries(entries.any("input"))
    if not isinstance(given.any("name"), str):
        raise EntryError(f"'name' is {shown(given.any('name'))}, not text")
    frames = given.whole_number("frames", 0, _MOST_FRAMES)
    if entries.flag("complete") and given.flag("damaged"):
        raise EntryError("it is said to be complete, and damaged")
    for warning in entries.listed("warnings"):
        if not isinstance(warning, str):
            raise EntryError(f"a warning is {shown(warning)}, not text")
    for share in ("coverage", "shown", "seen"):
        entries.number(share, 0, 1)
    leaks = entries.listed("leak_timeline")
    if len(leaks) != frames:
        raise EntryError(f"'leak_timeline' has {len(leaks)} entries for {frames} frames")
    for leak in leaks:
        Entries({"leak": leak}).number("leak", 0, 1)
    for index in entries.listed("inferred_frames"):
        Entries({"inferred frame": index}).whole_number("inferred frame", 0, _MOST_FRAMES)
    for time in entries.listed("frame_times"):
        if time is not None:
            Entries({"frame time": time}).number("frame time", -math.inf, math.inf)
    _check_unmasked(Entries(entries.any("unmasked")), frames)


def _check_unmasked(entries: Entries, frames: int) -> None:
    for name in ("frames", "suspected_frames"):
        entries.whole_number(name, 0, frames)
    for span in entries.listed("intervals"):
        interval = Entries(span)
        ends = [0, *(interval.whole_number(end, 0, frames) for end in ("start", "stop"))]
        if any(before > after for before, after in pairwise(ends)):
            raise EntryError(f"an interval is {shown(span)}")
