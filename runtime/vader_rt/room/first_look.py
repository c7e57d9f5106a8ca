"""The first look: a few frames tell roughly what the room is, and so what is room in all of them.

A person moves and the room does not. The network finds leaks in some frames without knowing the
room; what they show goes back into it as input planes when it goes through all frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vader_rt.engines.engine import Engine
from vader_rt.features.planes import InputPlanes, StaticPlanes
from vader_rt.io.images import shrunk
from vader_rt.room.observation import observe
from vader_rt.room.strongest import StrongestSample

LOOK_FRAMES = 24


def looked_at(count: int) -> list[int]:
    """Which of so many frames are looked at: `LOOK_FRAMES`, spread over them."""
    return np.linspace(0, count - 1, min(LOOK_FRAMES, count)).round().astype(int).tolist()


def first_look(
    engine: Engine,
    static: StaticPlanes,
    frames_bgr: Sequence[np.ndarray] | np.ndarray,
    masks: Sequence[np.ndarray] | np.ndarray,
    behind: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """Look at `LOOK_FRAMES` of the frames: (h, w, 6) uint8 frame (BGR), leak, matte, residual.

    static: planes that know of no look. frames_bgr: (h, w, 3) uint8 at the model's size; masks:
    their person masks, uint8. behind: the virtual background behind each frame, (h, w, 3) uint8,
    where it moves.
    """
    assert static.virtual is not None
    virtual = shrunk(static.virtual, engine.contract.size_wh)
    planes = InputPlanes(engine.contract.inputs, engine.contract.size_wh, static)
    strongest = StrongestSample(virtual)
    for index in looked_at(len(frames_bgr)):
        frame, shown = frames_bgr[index], virtual
        if behind is not None:
            shown = behind[index]
            planes.put_virtual(shown)
        outputs = engine.run(planes.fill(frame, masks[index]))
        strongest.add(observe(frame, frame, outputs, shown).before(virtual, 1.0))
    return _look(strongest, virtual)


def _look(strongest: StrongestSample, virtual_bgr: np.ndarray) -> np.ndarray:
    found = strongest.result()
    shares = found.planes()
    seen = (found.leak > 0)[..., None]
    frame = np.where(seen, found.frame, virtual_bgr)
    return np.dstack([frame, shares["leak"], shares["matte"], shares["residual"]])
