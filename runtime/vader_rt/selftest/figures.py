"""What a self-test found, in numbers, and what of it could not be told, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from vader_rt.pipeline.result import Reconstruction
from vader_rt.score import TOLERANCE, ciede2000, score
from vader_rt.selftest.leak import EVER, LeakSum
from vader_rt.selftest.room import Room

_LOWER_BOUND = (
    "the virtual background is estimated, and what leaks nearly all the time becomes part of it: "
    "the leak is mostly larger, often twice as large; give --virtual-background"
)
_MOST_UNTOLD, _MOST_UNSEEN = 0.1, 0.01


def figures(
    result: Reconstruction, leak: LeakSum, room: Room, *, behind_known: bool
) -> dict[str, Any]:
    """The entries of result.json's `selftest` that are measured.

    behind_known: whether the client's masks, or the virtual image, did not have to be estimated.
    """
    weight = np.where(room.known, np.rint(leak.strongest * 255), 0).astype(np.uint8)
    scores = None
    if weight.any():
        truth, virtual = room.image, result.virtual
        claimed = result.claimed & room.known
        scores = score(result.background, truth, weight, claimed=claimed, virtual_bgr=virtual)
    right = ciede2000(result.background, room.image) < TOLERANCE
    return {
        "frames": leak.compared,
        "room_seen": round(float(room.known.mean()), 5),
        "matte_told": round(leak.told, 5),
        "leak": leak.figures(),
        "leak_timeline": [t if t is None else round(t, 6) for t in leak.timeline],
        "scores": None if scores is None else asdict(scores),
        "shown": _judged(result.shown, right, leak, room),
        "claimed": _judged(result.claimed, right, leak, room),
        "notes": [*([] if behind_known else [_LOWER_BOUND]), *_notes(leak, room)],
    }


def _judged(said: np.ndarray, right: np.ndarray, leak: LeakSum, room: Room) -> dict[str, Any]:
    """Of pixels that are said to be room, (H, W) bool: how many, and how many of them rightly."""
    seen = said & room.known
    never = seen & (leak.strongest < EVER)
    return {
        "share": round(float(said.mean()), 6),
        "right": round(float(right[seen].mean()), 4) if seen.any() else None,
        "never_leaked": round(float(never.sum() / seen.sum()), 4) if seen.any() else None,
        "unknown": round(float((said & ~room.known).sum() / said.sum()), 4) if said.any() else None,
    }


def _notes(leak: LeakSum, room: Room) -> Iterator[str]:
    missing = len(leak.timeline) - leak.compared
    if missing:
        yield f"{missing} frames of the call are not in the camera's recording; they are left out"
    if leak.told < 1 - _MOST_UNTOLD:
        yield (
            f"in {1 - leak.told:.0%} of the picture the leak could not be told: room and virtual "
            "background are too much alike there, or the virtual background is not known; there "
            "it counts as none"
        )
    leaked = leak.strongest >= EVER
    unseen = float((leaked & ~room.known).sum() / max(leaked.sum(), 1))
    if unseen > _MOST_UNSEEN:
        yield (
            f"{unseen:.0%} of what leaked is room that the camera shows too seldom without the "
            "caller; it does not count in the score"
        )
    if not leaked.any():
        yield "nothing leaked, so there is no score to speak of"
