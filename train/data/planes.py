"""Which plane of the arrays of training is which: one table for who writes and who reads them."""

from __future__ import annotations

import numpy as np

from vader_rt.contract import JUDGE_GROUPS, RESTORE_GROUPS
from vader_rt.features.planes import StaticPlanes


class PlaneTable:
    """Names of the planes of arrays (..., C), in order. sizes: how many planes each name has."""

    def __init__(self, **sizes: int) -> None:
        self.count = 0
        self._slices: dict[str, slice] = {}
        for name, size in sizes.items():
            self._slices[name] = slice(self.count, self.count + size)
            self.count += size

    def slice(self, name: str) -> slice:
        """Where the planes of a name are."""
        return self._slices[name]

    def get(self, array: np.ndarray, name: str) -> np.ndarray:
        """A view of the planes of a name: (..., 3), or (...) where it is a single one."""
        part = array[..., self._slices[name]]
        return part[..., 0] if part.shape[-1] == 1 else part

    def stack(self, **planes: np.ndarray) -> np.ndarray:
        """Put planes, (h, w) or (h, w, 3) each, together: (h, w, C)."""
        return np.dstack([planes[name] for name in self._slices])


FRAME_PLANES = PlaneTable(frame=3, mask=1, matte=1, person=1)
"""A frame of a call, BGR; the person mask of the re-run segmenter; the true matte and person."""
STATIC_PLANES = PlaneTable(virtual=3, trace=3, mode=3, occupancy=1, room=3, presence=1, hidden=1)
"""What holds for a whole call, see `StaticPlanes`, and the real room. Colours are BGR."""
LOOK_PLANES = PlaneTable(look=3, look_leak=1, look_matte=1, look_residual=1)
"""What `vader_rt.room.first_look` gives. Colours are BGR."""
ROOM_PLANES = PlaneTable(**RESTORE_GROUPS, true_room=3, true_leak=1)
"""The input of a restoration network, the real room, and the largest true leak. Colours are RGB."""

JUDGE_PLANES = PlaneTable(**JUDGE_GROUPS, right=1, seen=1)
"""The input of a judge; the shares of the pixels, at the call's size, that are right, and that were
seen. Colours are RGB."""


def to_static_planes(array: np.ndarray, look: np.ndarray | None = None) -> StaticPlanes:
    """(h, w, C) uint8 of `STATIC_PLANES`, and of `LOOK_PLANES` or None, as the runtime has them."""
    names = ("virtual", "trace", "mode", "occupancy", "presence", "hidden")
    planes = {name: np.ascontiguousarray(STATIC_PLANES.get(array, name)) for name in names}
    return StaticPlanes(**planes, look=look)
