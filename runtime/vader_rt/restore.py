"""Restoration: once per call, a network corrects the un-mixed room and says how sure it is.

The planes have one definition, `restore_planes`, used by training and runtime. The network works at
its own size, about half of the call's; its correction is enlarged, so that what un-mixing found
keeps its detail.
"""

from __future__ import annotations

from itertools import accumulate

import cv2
import numpy as np

from vader_rt.confidence import logistic, restored_terms
from vader_rt.contract import RESTORE_GROUPS
from vader_rt.engines import Engine
from vader_rt.features import CallPlanes, shrunk
from vader_rt.unmix import RoomEstimate, share_planes


def restore_planes(estimate: RoomEstimate, call: CallPlanes) -> np.ndarray:
    """What is known of a call's room, as (H, W, 20) uint8 in the order of
    `vader_rt.contract.RESTORE_GROUPS`.

    Eight bits are enough: the room and the call have no more. Colours are RGB.
    """
    assert call.virtual is not None
    assert call.trace is not None
    assert call.occupancy is not None
    seen = (estimate.evidence > 0)[..., None]
    colors = [
        np.where(seen, estimate.room, call.virtual),
        np.where(seen, estimate.mean, call.virtual),
        call.virtual,
        np.where(seen, estimate.copy, call.virtual),
        call.trace,
    ]
    shares = share_planes(estimate).values()
    return np.dstack([*(color[..., ::-1] for color in colors), *shares, call.occupancy])


def restore_slice(group: str) -> slice:
    """Where the planes of a group are in those of `restore_planes`."""
    ends = accumulate(RESTORE_GROUPS.values())
    end = dict(zip(RESTORE_GROUPS, ends, strict=True))[group]
    return slice(end - RESTORE_GROUPS[group], end)


def restore(planes: np.ndarray, engine: Engine) -> tuple[np.ndarray, np.ndarray]:
    """Restore a room: planes (H, W, 20) uint8 → room (H, W, 3) uint8 BGR, confidence (H, W)."""
    contract, size_wh = engine.contract, planes.shape[1::-1]
    small = np.dstack([_small(planes, group, contract.size_wh) for group in contract.inputs])
    room, sure = engine.run(small.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    correction = room.transpose(1, 2, 0) * 255 - _small(planes, "room", contract.size_wh)
    restored = planes[..., restore_slice("room")] + _enlarged(correction, size_wh)
    bgr = np.rint(np.clip(restored, 0, 255)).astype(np.uint8)[..., ::-1]
    confidence = logistic(restored_terms(_enlarged(sure, size_wh)), contract.confidence)
    return np.ascontiguousarray(bgr), confidence.astype(np.float32)


def _small(planes: np.ndarray, group: str, size_wh: tuple[int, int]) -> np.ndarray:
    return shrunk(np.ascontiguousarray(planes[..., restore_slice(group)]), size_wh)


def _enlarged(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    return cv2.resize(np.ascontiguousarray(image), size_wh, interpolation=cv2.INTER_LINEAR)
