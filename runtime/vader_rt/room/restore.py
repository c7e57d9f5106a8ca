"""Restoration: once per call, a network corrects the room by vote, and says how sure it is.

The planes have one definition, `restore_planes`, used by training and runtime. The network works at
its own size, about half of the call's; its correction is enlarged, so that what the vote found
keeps its detail.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import cv2
import numpy as np

from vader_rt.contract import RESTORE_GROUPS
from vader_rt.engines.engine import Engine
from vader_rt.features.planes import StaticPlanes
from vader_rt.io.images import enlarged, shrunk
from vader_rt.room.strongest import Strongest
from vader_rt.room.time_bins import BinSamples
from vader_rt.room.vote import VotedRoom


def restore_planes(
    strongest: Strongest,
    voted: VotedRoom,
    samples: BinSamples,
    static: StaticPlanes,
    size_wh: tuple[int, int],
    groups: Sequence[str] = tuple(RESTORE_GROUPS),
) -> np.ndarray:
    """What is known of a call's room, as (h, w, C) uint8 at a size, in the order of `groups`.

    Eight bits are enough: the room and the call have no more. Colours are RGB; where nothing was
    seen they are those of the virtual background.
    """
    assert static.virtual is not None
    shares = strongest.planes()
    planes: dict[str, list[np.ndarray | None]] = {
        "room": [voted.room],
        "virtual": [static.virtual],
        "trace": [static.trace],
        "leak": [shares["leak"]],
        "evidence": [shares["evidence"]],
        "residual": [shares["residual"]],
        "occupancy": [static.occupancy],
        "presence": [static.presence],
        "hidden": [static.hidden],
        "strength": [np.rint(np.log2(1 + voted.strength) * (255 / 4)).astype(np.uint8)],
        "agreement": [np.rint(voted.inlier_ratio * 255).astype(np.uint8)],
        "samples": [*_sampled_colors(samples, static.virtual)],
        "sample_matte": [*samples.matte],
        "sample_leak": [*samples.leak],
    }
    wanted = [plane for group in groups for plane in planes[group]]
    return np.dstack([_rgb(shrunk(plane, size_wh)) for plane in wanted if plane is not None])


def restore_slice(group: str, groups: Sequence[str] = tuple(RESTORE_GROUPS)) -> slice:
    """Where the planes of a group are in those of `restore_planes`."""
    ends = accumulate(RESTORE_GROUPS[name] for name in groups)
    end = dict(zip(groups, ends, strict=True))[group]
    return slice(end - RESTORE_GROUPS[group], end)


def restore(
    room_bgr: np.ndarray, planes: np.ndarray, engine: Engine
) -> tuple[np.ndarray, np.ndarray]:
    """Restore a room: (H, W, 3) uint8 BGR, by the planes (h, w, C) uint8 that the engine wants.

    Returns the room, (H, W, 3) uint8 BGR, and how sure the network is of it, (H, W) float32 in
    [0, 1].
    """
    size_wh = room_bgr.shape[1::-1]
    inputs = np.empty(engine.contract.input_shape, np.float32)
    np.divide(planes.transpose(2, 0, 1), np.float32(255), out=inputs[0])
    room, sure = engine.run(inputs)
    correction = (room * 255).transpose(1, 2, 0)[..., ::-1]
    correction -= shrunk(room_bgr, engine.contract.size_wh)
    restored = cv2.add(room_bgr, enlarged(correction, size_wh), dtype=cv2.CV_8U)
    return restored, enlarged(sure, size_wh)


def _sampled_colors(samples: BinSamples, virtual_bgr: np.ndarray) -> np.ndarray:
    height, width = samples.leak.shape[1:]
    small = shrunk(virtual_bgr, (width, height))
    return np.where((samples.leak > 0)[..., None], samples.frame, small)


def _rgb(plane: np.ndarray) -> np.ndarray:
    return plane if plane.ndim == 2 else plane[..., ::-1]
