"""Calls at the model's size: their frames with the truth, and what holds for the whole call."""

from __future__ import annotations

import numpy as np

from train.calls import Call
from train.data.planes import FRAME_PLANES, STATIC_PLANES
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.images import read_image, shrunk
from vader_rt.io.video import open_video
from vader_rt.virtual.estimate import estimate_virtual
from vader_rt.virtual.given import cover
from vader_rt.virtual.kept_frames import MOST_KEPT, KeptFrames, Spread, temporal_mode

KEPT_WH = (640, 360)
"""Size at which frames are kept for the estimate of the virtual background."""


def decoded(call: Call, size_wh: tuple[int, int]) -> tuple[list[np.ndarray], KeptFrames]:
    """All frames of a call, (h, w, C) uint8 each, see `FRAME_PLANES`; and those that are kept.

    The kept frames tell of the virtual background; they are of the size `KEPT_WH`.
    """
    segmenter, kept = Segmenter(threads=1), Spread[tuple[np.ndarray, np.ndarray]](MOST_KEPT)
    frames: list[np.ndarray] = []
    for frame, truth in zip(open_video(call.video).frames(), call.truth_frames(), strict=False):
        mask = segmenter.mask(frame)
        kept.offer((shrunk(frame, KEPT_WH), mask))
        matte, person = (shrunk(plane, size_wh) for plane in truth)
        planes = {"frame": shrunk(frame, size_wh), "mask": shrunk(mask, size_wh)}
        frames.append(FRAME_PLANES.stack(**planes, matte=matte, person=person))
    return frames, KeptFrames.of(kept)


def static_array(
    kept: KeptFrames,
    room_bgr: np.ndarray,
    size_wh: tuple[int, int],
    given: np.ndarray | None = None,
) -> np.ndarray:
    """What holds for a whole call: (h, w, C) uint8, see `STATIC_PLANES`.

    room_bgr: the real room, (H, W, 3) uint8 of any size. given: the virtual image, if it is to be
    known, of the size of the kept frames; else it is estimated.
    """
    virtual = estimate_virtual(kept, given)
    planes = {
        "virtual": virtual.image,
        "trace": virtual.trace,
        "mode": temporal_mode(kept.frames),
        "occupancy": virtual.occupancy,
        "room": room_bgr,
        "presence": virtual.presence,
        "hidden": virtual.hidden,
    }
    return STATIC_PLANES.stack(**{name: shrunk(plane, size_wh) for name, plane in planes.items()})


def true_virtual(call: Call, size_wh: tuple[int, int]) -> np.ndarray:
    """The true virtual image as the call shows it: (h, w, 3) uint8 BGR."""
    return shrunk(cover(read_image(call.virtual), call.read_room().shape[1::-1]), size_wh)
