"""Random changes to what networks learn from; the mixing equation holds for the result too."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np


def leaking_crop(
    leak: np.ndarray, size_wh: tuple[int, int], rng: np.random.Generator
) -> tuple[slice, slice]:
    """A part of (H, W) that holds, anywhere in it, a pixel drawn by its leak, in [0, 1]."""
    weight = leak[::4, ::4].astype(np.float64) + 1e-4
    drawn = rng.choice(weight.size, p=(weight / weight.sum()).ravel())
    center = np.array(divmod(int(drawn), weight.shape[1])) * 4
    size = np.array(size_wh[::-1])
    top, left = np.clip(center - rng.integers(0, size), 0, np.array(leak.shape) - size)
    return slice(top, top + size[0]), slice(left, left + size[1])


def drawn_colors(rng: np.random.Generator, exchanged: float) -> tuple[np.ndarray, np.ndarray]:
    """An order of the colour channels, another one in a share of the draws, and gains for them.

    Often all gains are 1: white is white then. Both are (3,).
    """
    order = rng.permutation(3) if rng.random() < exchanged else np.arange(3)
    gains = np.ones(3)
    if rng.random() < 0.7:
        gains = rng.uniform(0.7, 1.25) * rng.uniform(0.9, 1.1, 3)
    return order, gains


def color_tables(gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tables (256, 3) in [0, 255] that scale colours, and offsets around 128 (`trace`)."""
    levels = np.arange(256)[:, None]
    return np.clip(levels * gains, 0, 255), np.clip(128 + (levels - 128) * gains, 0, 255)


def recolor(image: np.ndarray, order: np.ndarray, table: np.ndarray) -> None:
    """Reorder the channels of (h, w, 3) uint8 and look them up in a table (256, 3), in place."""
    image[...] = cv2.LUT(np.ascontiguousarray(image[..., order]), table.astype(np.uint8)[None])


def varied_planes(
    arrays: np.ndarray,
    colors: Sequence[slice],
    trace: slice,
    exchanged: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Planes of a whole call, (h, w, C) uint8, mirrored and recoloured at random; a copy.

    All colours change alike. colors: where they are, three planes each, several in a slice. trace:
    where the offsets around 128 are. exchanged: see `drawn_colors`.
    """
    arrays = np.array(arrays[:, ::-1] if rng.random() < 0.5 else arrays)
    order, gains = drawn_colors(rng, exchanged)
    levels, offsets = (np.rint(table) for table in color_tables(gains))
    for where in colors:
        for start in range(where.start, where.stop, 3):
            recolor(arrays[..., start : start + 3], order, levels)
    recolor(arrays[..., trace], order, offsets)
    return arrays
