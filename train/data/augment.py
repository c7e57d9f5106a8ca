"""Augmented calls: finished calls in the room, or before the virtual background, of other calls.

frame = m (a F + (1 − a) R) + (1 − m) V is linear in the room R and the virtual background V, so
both can be exchanged in a finished call; its compression stays what it was. A network that was
trained on the call itself does not know the augmented one.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from train.calls import Call
from train.data.decode import static_array, true_virtual
from train.data.planes import FRAME_PLANES, STATIC_PLANES
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.images import shrunk
from vader_rt.virtual.kept_frames import KeptFrames

_KEEPS_ROOM, _KEEPS_VIRTUAL, _GIVEN = 0.5, 0.3, 0.3
"""Share of the augmented calls that keep their room, their virtual image, and where it is known."""


@dataclass(frozen=True)
class Exchange:
    """Whose room and whose virtual image a call gets, and whether the image is to be known."""

    room_of: Call
    virtual_of: Call
    given: bool


def drawn_exchange(call: Call, others: Sequence[Call], turn: int) -> Exchange:
    """Draw from the other calls; what is drawn depends on the call's name and the turn alone."""
    rng = np.random.default_rng(zlib.crc32(call.name.video.encode()) + turn - 1)
    virtual, room = (others[i] for i in rng.integers(len(others), size=2))
    room = call if rng.random() < _KEEPS_ROOM else room
    virtual = call if rng.random() < _KEEPS_VIRTUAL else virtual
    return Exchange(room, virtual, bool(rng.random() < _GIVEN))


def augmented(
    call: Call, frames: np.ndarray, static: np.ndarray, exchange: Exchange
) -> tuple[np.ndarray, np.ndarray]:
    """A call with another room and virtual image: its frames and its static planes.

    frames: (N, h, w, C) uint8 of `FRAME_PLANES`. static: (h, w, C) uint8 of `STATIC_PLANES`.
    """
    size_wh = static.shape[1::-1]
    room = shrunk(exchange.room_of.read_room(), size_wh)
    virtual = true_virtual(exchange.virtual_of, size_wh)
    shifts = (
        _difference(room, STATIC_PLANES.get(static, "room")),
        _difference(virtual, true_virtual(call, size_wh)),
    )
    segmenter, frames = Segmenter(threads=1), np.array(frames)
    colors, masks = [], []
    for frame in frames:
        color = _shifted(frame, *shifts)
        mask = segmenter.mask(color)
        FRAME_PLANES.get(frame, "frame")[...] = color
        FRAME_PLANES.get(frame, "mask")[...] = shrunk(mask, size_wh)
        colors.append(color)
        masks.append(mask)
    kept = KeptFrames(colors, masks, range(len(frames)))
    return frames, static_array(kept, room, size_wh, virtual if exchange.given else None)


def _shifted(frame: np.ndarray, room_shift: np.ndarray, virtual_shift: np.ndarray) -> np.ndarray:
    """A frame of `FRAME_PLANES` where R and V have become others: (h, w, 3) uint8 BGR."""
    color = FRAME_PLANES.get(frame, "frame")
    matte, person = (
        FRAME_PLANES.get(frame, name)[..., None].astype(np.float32) / 255
        for name in ("matte", "person")
    )
    shift = (1 - matte) * virtual_shift + matte * (1 - person) * room_shift
    return np.clip(np.rint(color + shift), 0, 255).astype(np.uint8)


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return cv2.subtract(a, np.ascontiguousarray(b), dtype=cv2.CV_32F)
