"""The tiles of a gallery: rectangles that a plain colour, which never changes, keeps apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import cv2
import numpy as np

from vader_rt.errors import OptionError
from vader_rt.sources.rectangle import Rectangle
from vader_rt.sources.source import FrameSource

Tile = int | Literal["auto"]
"""Which tile is meant: its number from 1, in the order of reading; or the one that can be told."""

_SECONDS, _LOOKS = 10, 20
"""The layout is read from so many pictures of the beginning."""
_USUAL_FPS = 30
_STILL_LEVELS, _ALIKE_LEVELS = 6, 8
"""What keeps tiles apart changes by no more levels, and differs by no more from its colour."""
_COLOR_STEP, _COLORS = 8, 6
"""So many of the most frequent still colours, rounded to so many levels, are tried."""
_LEAST_SIDE = 1 / 12
"""Of a tile, in sides of the picture; what is smaller is a button."""
_LEAST_HULL, _LEAST_FILLED = 0.93, 0.5
"""Share of its rectangle that the hull of a tile covers, and that it covers itself. A caller before
a plain wall covers less."""
_MOVING_LEVELS, _MOVING_SHARE = 20, 0.01
"""In a tile that moves so many of the pixels change by more levels; a picture of somebody whose
camera is off does not."""
_CLEARLY_LARGER = 1.5


@dataclass(frozen=True)
class FoundTile:
    """moves: whether somebody is seen in it."""

    place: Rectangle
    moves: bool


def chosen_tile(source: FrameSource, tile: Tile, start: float = 0.0) -> Rectangle:
    """The tile of a gallery that is meant. start: in seconds, where its layout is looked at.

    Raises:
        OptionError: there is no such tile, or more than one may be meant; it says which there are.
            Or it is a stream, which cannot be looked at before.
    """
    if source.live:
        line = "tile: a stream cannot be looked at before; give its place with roi"
        raise OptionError(line, "tile", "roi")
    found = find_tiles(_looks(source, start))
    if not found:
        raise OptionError(
            "tile: there are no tiles that a plain colour keeps apart; "
            "give the place of the call with roi",
            *("tile", "roi"),
        )
    if tile != "auto":
        if tile > len(found):
            line = f"tile: {tile} is none of the tiles of {source.name}: {_listed(found)}"
            raise OptionError(line, "tile")
        return found[tile - 1].place
    moving = sorted((one.place for one in found if one.moves), key=lambda place: -place.area)
    if not moving:
        line = f"tile: nobody moves in {_listed(found)}; choose a tile by its number"
        raise OptionError(line, "tile")
    if len(moving) > 1 and moving[0].area < _CLEARLY_LARGER * moving[1].area:
        line = f"tile: more than one may be meant; choose by its number: {_listed(found)}"
        raise OptionError(line, "tile")
    return moving[0]


def find_tiles(frames: Sequence[np.ndarray]) -> list[FoundTile]:
    """The tiles that frames (H, W, 3) uint8 BGR of a recording show, in the order of reading."""
    darkest, brightest = frames[0].copy(), frames[0].copy()
    for frame in frames[1:]:  # one at a time, as they may be made when they are asked for
        np.minimum(darkest, frame, out=darkest)
        np.maximum(brightest, frame, out=brightest)
    changes = (brightest - darkest).max(axis=2)
    still = changes <= _STILL_LEVELS
    middle = cv2.addWeighted(darkest, 0.5, brightest, 0.5, 0)
    alike = [_alike(middle, color) for color in _colors(middle[still])]
    layouts = [[_trimmed(one, a) for one in _rectangles(a & still)] for a in alike]
    places = max(layouts, key=lambda layout: sum(one.area for one in layout), default=[])
    moving = changes > _MOVING_LEVELS
    return [
        FoundTile(place, bool(place.of(moving).mean() > _MOVING_SHARE))
        for place in _as_read(places)
    ]


def _looks(source: FrameSource, start: float) -> list[np.ndarray]:
    """Frames spread over the first seconds from `start` on."""
    count = round((source.fps or _USUAL_FPS) * _SECONDS)
    views = (view for i, view in enumerate(source.views()) if source.time(i) >= start)
    step = max(1, count // _LOOKS)
    return [view.bgr() for view in islice(views, 0, count, step)]


def _colors(pixels: np.ndarray) -> np.ndarray:
    """The most frequent colours of pixels (N, 3) uint8: (K, 3) uint8."""
    rounded = pixels // _COLOR_STEP
    colors, counts = np.unique(rounded, axis=0, return_counts=True)
    frequent = colors[np.argsort(-counts)[:_COLORS]]
    return frequent * _COLOR_STEP + _COLOR_STEP // 2


def _alike(middle: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Where a picture (H, W, 3) uint8 is of one colour: (H, W) bool."""
    off = np.abs(middle.astype(np.int16) - color).max(axis=2)
    return off <= _ALIKE_LEVELS


def _rectangles(gap: np.ndarray) -> list[Rectangle]:
    """What lies between gaps (H, W) bool and is a rectangle, but for round corners.

    None where there is no gap, for then there is no gallery.
    """
    height, width = gap.shape
    if not gap.any():
        return []
    filled = cv2.morphologyEx((~gap).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(filled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for contour in contours:
        place = Rectangle(*cv2.boundingRect(contour))
        # a contour runs through the middles of pixels, so a rectangle's area is that of one less
        area = max(1, (place.width - 1) * (place.height - 1))
        is_large = place.width >= width * _LEAST_SIDE and place.height >= height * _LEAST_SIDE
        hull = cv2.contourArea(cv2.convexHull(contour)) / area
        covered = cv2.contourArea(contour) / area
        if is_large and hull >= _LEAST_HULL and covered >= _LEAST_FILLED:
            found.append(place)
    return [] if len(found) == 1 and found[0].area == gap.size else found


def _trimmed(place: Rectangle, alike: np.ndarray) -> Rectangle:
    """Without outer rows and columns that are mostly of the gap's colour (H, W) bool.

    Compression lets what moves in a tile flicker into the gap.
    """
    inside = place.of(~alike)
    rows = np.flatnonzero(inside.mean(axis=1) >= 0.5)
    columns = np.flatnonzero(inside.mean(axis=0) >= 0.5)
    if not rows.size or not columns.size:
        return place
    return Rectangle(
        place.x + int(columns[0]),
        place.y + int(rows[0]),
        int(columns[-1] - columns[0]) + 1,
        int(rows[-1] - rows[0]) + 1,
    )


def _as_read(places: Sequence[Rectangle]) -> list[Rectangle]:
    """From left to right in rows from above; a row is what overlaps its first one by half."""
    left, rows = sorted(places, key=lambda place: place.y), []
    while left:
        first = left[0]
        row = [one for one in left if one.y < first.y + first.height / 2]
        rows += sorted(row, key=lambda place: place.x)
        left = left[len(row) :]
    return rows


def _listed(found: Sequence[FoundTile]) -> str:
    return "; ".join(
        f"{n}: {one.place}{'' if one.moves else ' (still)'}" for n, one in enumerate(found, 1)
    )
