"""A fingerprint of the client: how it cuts, by the mattes that the frame network estimates.

Only what agreed with true mattes is told, see docs/how_it_works.md. How wide a halo is, and beside
which part of the body it leaks, did not, nor did that a cut is hard.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

import cv2
import numpy as np

from vader_rt.room.observation import Observation
from vader_rt.stateful import Stateful

_RISE = 0.1, 0.9
"""The edge is where the matte is between these, its contour where it is one half."""
_LEAST_CONTOUR = 40
"""Pixels of contour from which a frame tells how wide the edge is."""
_SOFT = 6.5
"""Width of the edge, in pixels of the network, from which the cut is soft. One that is narrower may
be either: the network blurs a hard one, and does not see how soft a narrow one is."""
_LEAST_LEAK = 0.05
_AWAY = 1 / 20
"""So far from the person, in widths, it is no edge any more that leaks."""
_IS_PERSON = 127
_KEPT, _LEAST_TRIPLES = 96, 5
"""Mattes that wait for their neighbours, and how often three must have been neighbours."""

Cut = Literal["soft", "unknown"]


@dataclass
class Fingerprint(Stateful):
    """Adds up what frames tell of the client, at the network's size, in 11 MB.

    size_wh: of the recording.
    """

    STATE = ("_widths", "_pixels", "_flicker", "_leak", "_away")

    size_wh: tuple[int, int]
    _widths: array[float] = field(default_factory=lambda: array("f"))
    _pixels: float = 1.0
    """Pixels of the recording along one of the network."""
    _flicker: _Flicker = field(default_factory=lambda: _Flicker())
    _leak: float = 0.0
    _away: float = 0.0

    def add(self, index: int, observation: Observation) -> None:
        """Take in a frame, with its index in the recording."""
        matte, person = observation.small_matte, observation.small_person
        self._pixels = float(np.sqrt(self.size_wh[0] * self.size_wh[1] / matte.size))
        edge = _edge_width(matte)
        if edge is not None:
            self._widths.append(edge)
        self._flicker.add(index, matte)
        if person is not None:
            leak = np.where(observation.small_leak > _LEAST_LEAK, observation.small_leak, 0)
            self._leak += float(leak.sum())
            self._away += float(leak[_away_from(person)].sum())

    def report(self) -> dict[str, Any]:
        """What result.json says of it; None for what could not be told."""
        width = median(self._widths) if self._widths else None
        return {
            "cut": _cut(width),
            "edge_width": None if width is None else round(width * self._pixels, 1),
            "flicker": self._flicker.share(),
            "leak_away": round(self._away / self._leak, 3) if self._leak else None,
        }


@dataclass
class _Flicker(Stateful):
    """How much mattes differ from the mean of the one before and the one after."""

    STATE = ("_mattes", "_changed", "_area", "_triples")

    _mattes: dict[int, np.ndarray] = field(default_factory=dict)
    _changed: float = 0.0
    _area: float = 0.0
    _triples: int = 0

    def add(self, index: int, matte: np.ndarray) -> None:
        """Take in the matte of a frame, (h, w) float32; frames may come in any order."""
        self._mattes[index] = np.rint(matte * 255).astype(np.uint8)
        for middle in (index - 1, index, index + 1):
            three = [self._mattes.get(middle + step) for step in (-1, 0, 1)]
            if all(each is not None for each in three):
                self._take_in(*(each.astype(np.float32) for each in three if each is not None))
        if len(self._mattes) > _KEPT:
            del self._mattes[next(iter(self._mattes))]

    def share(self) -> float | None:
        """The change as a share of the matte's area; None where too few frames are neighbours."""
        if self._triples < _LEAST_TRIPLES or not self._area:
            return None
        return round(self._changed / self._area, 4)

    def _take_in(self, before: np.ndarray, matte: np.ndarray, after: np.ndarray) -> None:
        self._changed += float(np.abs(matte - (before + after) / 2).sum())
        self._area += float(matte.sum())
        self._triples += 1


def _edge_width(matte: np.ndarray) -> float | None:
    """The width of a matte's edge, in pixels: its area over the length of its contour."""
    inside = (matte > 0.5).astype(np.uint8)
    height, width = matte.shape
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    length = 0
    for contour in contours:  # what runs along the picture's border is no edge
        x, y = contour[:, 0].T
        length += int(((x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)).sum())
    if length < _LEAST_CONTOUR:
        return None
    return float(((matte > _RISE[0]) & (matte < _RISE[1])).sum() / length)


def _away_from(person: np.ndarray) -> np.ndarray:
    """Where a person mask (h, w) uint8 is far away: (h, w) bool."""
    free = (person <= _IS_PERSON).astype(np.uint8)
    if free.all():
        return np.ones(person.shape, bool)
    distance = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_5)
    return distance > person.shape[1] * _AWAY


def _cut(width: float | None) -> Cut:
    return "unknown" if width is None or width < _SOFT else "soft"
