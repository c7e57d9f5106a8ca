"""What a frame model finds in all frames of a call: what a restoration network learns from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from train.calls import Call, true_leak
from train.data.decode import KEPT_WH, decoded, static_array, true_virtual
from train.data.planes import FRAME_PLANES, STATIC_PLANES, to_static_planes
from vader_rt.engines.engine import Engine
from vader_rt.features.detail import VirtualDetail
from vader_rt.features.planes import InputPlanes, StaticPlanes
from vader_rt.room.accumulate import Voted, VotingAccumulator
from vader_rt.room.first_look import first_look
from vader_rt.room.observation import observe
from vader_rt.room.restore import call_planes, stacked
from vader_rt.room.time_bins import time_bin


def room_array(call: Call, size_wh: tuple[int, int], engine: Engine, *, given: bool) -> np.ndarray:
    """The runtime's second pass over a call, at the model's size: (h, w, C) uint8.

    The planes are those of `train.data.planes.ROOM_PLANES`. given: the virtual image is known.
    """
    found, kept = decoded(call, size_wh)
    image = true_virtual(call, KEPT_WH) if given else None
    array = static_array(kept, call.read_room(), size_wh, image)
    frames = [np.ascontiguousarray(FRAME_PLANES.get(frame, "frame")) for frame in found]
    masks = [FRAME_PLANES.get(frame, "mask") for frame in found]
    static = to_static_planes(array)
    static = replace(static, look=first_look(engine, static, frames, masks))
    voted = _accumulated(engine, static, frames, masks, given=given)
    leaks = [true_leak(*(FRAME_PLANES.get(f, name) for name in ("matte", "person"))) for f in found]
    known = call_planes(voted.strongest, voted.voted, voted.samples, voted.person, static)
    true_room = STATIC_PLANES.get(array, "room")[..., ::-1]
    return np.dstack([stacked(known, size_wh), true_room, np.max(leaks, axis=0)])


def _accumulated(
    engine: Engine,
    static: StaticPlanes,
    frames: list[np.ndarray],
    masks: list[np.ndarray],
    *,
    given: bool,
) -> Voted:
    virtual = static.virtual
    assert virtual is not None
    detail = VirtualDetail(virtual) if given else None
    planes = InputPlanes(engine.contract.inputs, engine.contract.size_wh, static)
    accumulator = VotingAccumulator(virtual, engine.contract)
    for index, (frame, mask) in enumerate(zip(frames, masks, strict=True)):
        outputs, part = engine.run(planes.fill(frame, mask)), time_bin(index, len(frames))
        accumulator.add(observe(frame, frame, outputs, virtual, detail, part))
    return accumulator.recovered()
