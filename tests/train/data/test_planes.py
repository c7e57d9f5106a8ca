"""The table of planes."""

from __future__ import annotations

import numpy as np

from train.data.planes import ROOM_PLANES, STATIC_PLANES, PlaneTable, to_static_planes
from vader_rt.contract import RESTORE_GROUPS, plane_slices


def test_planes_are_where_the_table_says() -> None:
    table = PlaneTable(color=3, mask=1)
    color, mask = np.ones((2, 5, 3), np.uint8), np.zeros((2, 5), np.uint8)
    array = table.stack(mask=mask, color=color)
    assert array.shape == (2, 5, table.count) == (2, 5, 4)
    assert (table.get(array, "color") == color).all()
    assert table.get(array, "mask").shape == (2, 5)
    table.get(array, "mask")[...] = 7  # a view
    assert (array[..., 3] == 7).all()
    assert table.slice("mask") == slice(3, 4)


def test_rooms_begin_with_the_planes_of_restoration() -> None:
    assert ROOM_PLANES.count == sum(RESTORE_GROUPS.values()) + 4
    slices = plane_slices(RESTORE_GROUPS)
    assert all(ROOM_PLANES.slice(group) == slices[group] for group in RESTORE_GROUPS)


def test_static_planes_by_name() -> None:
    array = np.arange(STATIC_PLANES.count, dtype=np.uint8) * np.ones((2, 3, 1), np.uint8)
    look = np.zeros((2, 3, 6), np.uint8)
    static = to_static_planes(array, look)
    assert static.look is look
    for name in ("virtual", "trace", "mode", "occupancy", "presence", "hidden"):
        plane = getattr(static, name)
        assert plane.flags.c_contiguous
        assert (plane == STATIC_PLANES.get(array, name)).all()
