"""The first look: a few frames tell roughly what the room is, and so what is room in all of them.

A person moves and the room does not. The network finds leaks in some frames without knowing the
room; what they show goes back into it as input planes when it goes through all frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vader_rt.engines.engine import Engine
from vader_rt.features.planes import InputPlanes
from vader_rt.room.unmixing import Unmixer, before_other, share_planes

LOOK_FRAMES = 24


def first_look(
    engine: Engine,
    blank: InputPlanes,
    virtual_bgr: np.ndarray,
    frames_bgr: Sequence[np.ndarray] | np.ndarray,
    masks: Sequence[np.ndarray] | np.ndarray,
    behind: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """Look at `LOOK_FRAMES` of the frames: (h, w, 6) uint8 copy (BGR), leak, matte, residual.

    blank: planes that know of no look. virtual_bgr, frames_bgr: (h, w, 3) uint8 at the model's
    size; masks: person masks of the re-run segmenter, uint8. behind: the virtual background behind
    each frame, (h, w, 3) uint8, where it moves.
    """
    unmixer = Unmixer(virtual_bgr, power=None)
    count = min(LOOK_FRAMES, len(frames_bgr))
    for index in np.linspace(0, len(frames_bgr) - 1, count).round().astype(int):
        frame = frames_bgr[index]
        if behind is not None:
            blank.put_virtual(behind[index])
        outputs = engine.run(blank.fill_small(frame, masks[index]))
        if behind is not None:
            frame = before_other(frame, outputs[0], behind[index], virtual_bgr)
        unmixer.add(frame, *outputs)
    estimate = unmixer.estimate()
    shares = share_planes(estimate)
    seen = (estimate.leak > 0)[..., None]
    color = np.where(seen, estimate.copy, virtual_bgr)
    return np.dstack([color, shares["leak"], shares["matte"], shares["residual"]])
