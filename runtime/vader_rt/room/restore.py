"""Once per call: a network restores the room by vote, a judge says how likely that is right.

What they are given has one definition, `call_planes`, used by training and runtime. The networks
work at their own size, about half of the call's; the correction is enlarged, so that what the vote
found keeps its detail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from vader_rt.contract import RESTORE_GROUPS
from vader_rt.engines.engine import Engine
from vader_rt.features.planes import StaticPlanes
from vader_rt.io.images import enlarged, shrunk
from vader_rt.room.person import PersonPrior
from vader_rt.room.strongest import Strongest
from vader_rt.room.time_bins import BinSamples
from vader_rt.room.vote import VotedRoom

CallPlanes = Mapping[str, Sequence[np.ndarray | None]]
"""Planes by group, (H, W) or (H, W, 3) BGR uint8, at any sizes; None where there is none."""


def call_planes(
    strongest: Strongest,
    voted: VotedRoom,
    samples: BinSamples,
    person: PersonPrior,
    static: StaticPlanes,
) -> CallPlanes:
    """What is known of a call's room, by the groups of `RESTORE_GROUPS` and the person prior's.

    Eight bits are enough: the room and the call have no more. Where nothing was seen, colours are
    those of the virtual background.
    """
    assert static.virtual is not None
    shares = strongest.planes()
    return {
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
        "person": [person.mean],
        "person_seen": [person.seen],
        "sample_person": [*samples.person],
    }


def stacked(
    planes: CallPlanes, size_wh: tuple[int, int], groups: Sequence[str] = tuple(RESTORE_GROUPS)
) -> np.ndarray:
    """Planes at a size, in the order of `groups`: (h, w, C) uint8, colours as RGB."""
    wanted = [plane for group in groups for plane in planes[group]]
    return np.dstack([_rgb(shrunk(plane, size_wh)) for plane in wanted if plane is not None])


def restore(
    room_bgr: np.ndarray, planes: CallPlanes, engine: Engine
) -> tuple[np.ndarray, np.ndarray]:
    """Restore a room, (H, W, 3) uint8 BGR.

    Returns the room, (H, W, 3) uint8 BGR, and how sure the network is of it, (H, W) float32 in
    [0, 1].
    """
    size_wh = room_bgr.shape[1::-1]
    room, sure = _run(engine, planes)
    correction = (room * 255).transpose(1, 2, 0)[..., ::-1]
    correction -= shrunk(room_bgr, engine.contract.size_wh)
    restored = cv2.add(room_bgr, enlarged(correction, size_wh), dtype=cv2.CV_8U)
    return restored, enlarged(sure, size_wh)


def judge(room_bgr: np.ndarray, sure: np.ndarray, planes: CallPlanes, engine: Engine) -> np.ndarray:
    """How likely each pixel of a restored room is right: (H, W) float32 in [0, 1].

    room_bgr: (H, W, 3) uint8. sure: (H, W) float32, what the restoration network says.
    """
    found = {"restored": [room_bgr], "sure": [np.rint(sure * 255).astype(np.uint8)]}
    (confidence,) = _run(engine, {**planes, **found})
    return enlarged(confidence, room_bgr.shape[1::-1])


def _run(engine: Engine, planes: CallPlanes) -> list[np.ndarray]:
    contract = engine.contract
    levels = stacked(planes, contract.size_wh, contract.inputs)
    inputs = np.empty(contract.input_shape, np.float32)
    np.divide(levels.transpose(2, 0, 1), np.float32(255), out=inputs[0])
    return engine.run(inputs)


def _sampled_colors(samples: BinSamples, virtual_bgr: np.ndarray) -> np.ndarray:
    height, width = samples.leak.shape[1:]
    small = shrunk(virtual_bgr, (width, height))
    return np.where((samples.leak > 0)[..., None], samples.frame, small)


def _rgb(plane: np.ndarray) -> np.ndarray:
    return plane if plane.ndim == 2 else plane[..., ::-1]
