"""What the runtime finds in a call, and how much of it is right: what a judge learns from."""

from __future__ import annotations

import numpy as np

from train.calls import Call
from train.data.planes import JUDGE_PLANES
from vader_rt.contract import AS_THE_NETWORK_SAYS, JUDGE_GROUPS, Contract
from vader_rt.engines.engine import Engine
from vader_rt.io.images import shrunk
from vader_rt.pipeline.api import reconstruct
from vader_rt.score import TOLERANCE, ciede2000


class _Listener:
    """A judge that keeps what it is told, and repeats how sure the restoration network is."""

    name = "listener"

    def __init__(self, size_wh: tuple[int, int]) -> None:
        self.contract = Contract(
            "judge", tuple(JUDGE_GROUPS), size_wh, ("confidence",), confidence=AS_THE_NETWORK_SAYS
        )
        self.planes = np.zeros(0, np.float32)

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        """See `Engine.run`."""
        self.planes = planes[0]
        return [planes[0, -1]]


def judged_array(call: Call, frame: Engine, restoration: Engine, *, given: bool) -> np.ndarray:
    """The runtime's work on a call: (h, w, C) uint8, see `JUDGE_PLANES`.

    given: the virtual image is known.
    """
    listener = _Listener(restoration.contract.size_wh)
    result = reconstruct(
        call.video,
        model=frame,
        restoration=restoration,
        judge=listener,
        virtual_background=call.virtual if given else None,
    )
    seen = result.confidence > 0
    right = seen & (ciede2000(result.background, call.read_room()) < TOLERANCE)
    shares = (shrunk(mask * np.uint8(255), listener.contract.size_wh) for mask in (right, seen))
    inputs = np.rint(listener.planes * 255).astype(np.uint8).transpose(1, 2, 0)
    array = np.dstack([inputs, *shares])
    assert array.shape[2] == JUDGE_PLANES.count
    return array
