"""What a picture of the room is worth to who believes it: measures beside the challenge score.

The score forgives every false pixel; these do not. They are of all calls together, so that a call
of which much is shown counts for much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vader_rt.pipeline.result import CLAIMED, SHOWN, Reconstruction
from vader_rt.score import TOLERANCE, ciede2000

PRECISION = 0.8
"""Precision at which `Trust.at_80` is taken."""


@dataclass(frozen=True)
class SeenPixels:
    """The pixels of one call of which anything was seen.

    confidence: (N,) float32 in [0, 1]. right: (N,) bool, within tolerance of the real room. leak:
    (N,) float64, their share of all that leaked in the call; 0 where nothing ever did.
    """

    confidence: np.ndarray
    right: np.ndarray
    leak: np.ndarray

    @classmethod
    def of(cls, result: Reconstruction, room_bgr: np.ndarray, leak: np.ndarray) -> SeenPixels:
        """room_bgr: the real room, (H, W, 3) uint8. leak: the true one, (H, W) uint8."""
        seen = result.confidence > 0
        right = ciede2000(result.background, room_bgr) < TOLERANCE
        share = leak / max(int(leak.sum()), 1)
        return cls(result.confidence[seen], right[seen], share[seen])


@dataclass(frozen=True)
class Trust:
    """Of the pixels that are shown, all calls together; shares in [0, 1], 0 of nothing.

    right: within tolerance of the real room. false: never leaked. leak: what is shown of all that
    leaked, mean over the calls. claimed_right, claimed_false, claimed_leak: the same of what is
    claimed. at_80: the most of the leak, most confident pixels first and one threshold for all
    calls, of which `PRECISION` is right. seen_right, seen_false: of everything that was seen.
    """

    right: float
    false: float
    leak: float
    claimed_right: float
    claimed_false: float
    claimed_leak: float
    at_80: float
    seen_right: float
    seen_false: float


def trust(calls: Sequence[SeenPixels]) -> Trust:
    """The measures of some calls together."""
    confidence, right, leak = (
        np.concatenate([getattr(call, name) for call in calls])
        for name in ("confidence", "right", "leak")
    )
    shown, claimed, false = confidence >= SHOWN, confidence >= CLAIMED, leak == 0
    return Trust(
        right=_share(right[shown]),
        false=_share(false[shown]),
        leak=float(leak[shown].sum()) / len(calls),
        claimed_right=_share(right[claimed]),
        claimed_false=_share(false[claimed]),
        claimed_leak=float(leak[claimed].sum()) / len(calls),
        at_80=_leak_at_precision(confidence, right, leak) / len(calls),
        seen_right=_share(right),
        seen_false=_share(false),
    )


def _leak_at_precision(confidence: np.ndarray, right: np.ndarray, leak: np.ndarray) -> float:
    """The leak of the most confident pixels, as many as keep `PRECISION`; ties come together."""
    order = np.argsort(-confidence, kind="stable")
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    ends = np.append(np.diff(confidence[order]) != 0, True)[: len(order)]
    enough = np.flatnonzero((precision >= PRECISION) & ends)
    return float(leak[order][: enough[-1] + 1].sum()) if len(enough) else 0.0


def _share(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0
