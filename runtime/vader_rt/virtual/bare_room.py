"""The room as unmasked frames show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from vader_rt.io.images import most_off, shrunk
from vader_rt.virtual.kept_frames import clearest_mean
from vader_rt.virtual.unmasked import CHANGED_LEVELS, NOBODY, PersonMask

_SURE, _MARGIN = 0.95, 1 / 50
"""Confidence of what an unmasked frame shows, and widths of the picture around people that it does
not hold for."""


@dataclass(frozen=True)
class BareRoom:
    """The room as unmasked frames show it.

    image: (H, W, 3) uint8 BGR. confidence: (H, W) float32, 0 where the caller or an overlay is.
    frames: their indices in the recording.
    """

    image: np.ndarray
    confidence: np.ndarray
    frames: tuple[int, ...]


def bare_room(
    shown: Mapping[int, np.ndarray], person_mask: PersonMask, virtual: np.ndarray
) -> BareRoom:
    """Put together what unmasked frames show, as far as nobody is there.

    shown: the frames by their index, (H, W, 3) uint8 BGR each.
    What looks as in the virtual background, (H, W, 3) uint8 BGR, may be an overlay.
    """
    frames, size_wh = list(shown.values()), virtual.shape[1::-1]
    persons = np.stack([_widened(person_mask(frame), size_wh) for frame in frames])
    least = persons.min(axis=0)
    image = clearest_mean(frames, persons, np.maximum(least, NOBODY))
    confidence = _SURE * (1 - least.astype(np.float32) / 255)
    confidence[(least > NOBODY) | (most_off(image, virtual) <= CHANGED_LEVELS)] = 0
    return BareRoom(image, confidence, tuple(shown))


def _widened(mask: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """A person mask at a size, with a margin: hair and hands reach beyond it."""
    width = 2 * round(mask.shape[1] * _MARGIN) + 1
    return shrunk(cv2.dilate(mask, np.ones((width, width), np.uint8)), size_wh)
