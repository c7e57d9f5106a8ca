"""Restoration: once per call, a network cleans the un-mixed room and says how sure it is.

The planes have one definition, `restore_planes`, used by training and runtime. The network sees
tiles of a fixed size, so a call of any size can be restored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np

from vader_rt.contract import RESTORE_GROUPS
from vader_rt.engines import Engine
from vader_rt.unmix import RoomEstimate, share_planes
from vader_rt.virtual import VirtualBackground

_MARGIN = 32


def restore_planes(estimate: RoomEstimate, virtual: VirtualBackground) -> np.ndarray:
    """What is known of a call's room, as (H, W, 17) uint8 in the order of
    `vader_rt.contract.RESTORE_GROUPS`.

    Eight bits are enough: the room and the call have no more. Colours are RGB.
    """
    seen = (estimate.evidence > 0)[..., None]
    colors = [
        np.where(seen, estimate.room, virtual.image),
        virtual.image,
        np.where(seen, estimate.copy, virtual.image),
        virtual.trace,
    ]
    shares = share_planes(estimate).values()
    return np.dstack([*(color[..., ::-1] for color in colors), *shares, virtual.occupancy])


def restore(planes: np.ndarray, engine: Engine) -> tuple[np.ndarray, np.ndarray]:
    """Restore a room: planes (H, W, 17) uint8 → room (H, W, 3) uint8 BGR, confidence (H, W)."""
    width, height = engine.contract.size_wh
    padded = _padded(planes[..., _wanted(engine.contract.inputs)], (width, height))
    room = np.empty((*padded.shape[:2], 3), np.uint8)
    confidence = np.empty(padded.shape[:2], np.float32)
    for tile, inner, inside in _tiles(padded.shape[:2], (width, height)):
        tensor = padded[tile].transpose(2, 0, 1)[None].astype(np.float32) / 255
        rgb, sure = engine.run(tensor)
        bgr = np.rint(np.clip(rgb.transpose(1, 2, 0)[..., ::-1], 0, 1) * 255).astype(np.uint8)
        room[inner], confidence[inner] = bgr[inside], sure[inside]
    h, w = planes.shape[:2]
    return room[:h, :w], confidence[:h, :w]


def _wanted(groups: Sequence[str]) -> list[int]:
    """Indices of the planes of these groups."""
    starts = dict(zip(RESTORE_GROUPS, accumulate(RESTORE_GROUPS.values(), initial=0), strict=False))
    return [starts[g] + i for g in groups for i in range(RESTORE_GROUPS[g])]


def _padded(planes: np.ndarray, least_wh: tuple[int, int]) -> np.ndarray:
    bottom = max(0, least_wh[1] - planes.shape[0])
    right = max(0, least_wh[0] - planes.shape[1])
    return np.pad(planes, ((0, bottom), (0, right), (0, 0)), mode="edge")


Region = tuple[slice, slice]


def _tiles(
    size_hw: tuple[int, int], tile_wh: tuple[int, int]
) -> Iterator[tuple[Region, Region, Region]]:
    """Cover an image with overlapping tiles: the tile, its part that is used, and that within it.

    Of the overlap each tile loses `_MARGIN` pixels a side, where it lacks surroundings.
    """
    rows, columns = (
        list(_spans(length, tile)) for length, tile in zip(size_hw, tile_wh[::-1], strict=True)
    )
    for row in rows:
        for column in columns:
            yield tuple(zip(row, column, strict=True))  # type: ignore[misc]


def _spans(length: int, tile: int) -> Iterator[tuple[slice, slice, slice]]:
    start = done = 0
    while done < length:
        start = min(start, length - tile)
        end = length if start + tile == length else start + tile - _MARGIN
        yield slice(start, start + tile), slice(done, end), slice(done - start, end - start)
        done, start = end, end - _MARGIN
