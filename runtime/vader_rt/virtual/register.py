"""A picture brought to what a call shows, in place, tone and blur, and how well it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from vader_rt.io.images import most_off
from vader_rt.virtual.appearance import AS_IT_IS, Appearance, matched, mean_left
from vader_rt.virtual.estimate import SAME_LEVELS
from vader_rt.virtual.placement import (
    Placement,
    Shown,
    placements_by_features,
    plain_placements,
    refined,
)

_WORK_WIDTH, _COARSE_WIDTH = 640, 160
"""Pictures are placed at the one width at most; at the other ECC reaches four times as far."""
_DETAIL_SCALE, _DETAIL_LIMIT = 45, 30
"""Detail is what a Gaussian of 1/45 of the height takes away, in levels, up to a limit."""
_LEAST_ALIKE = 0.2
"""Correlation of the detail from which it pays to look closer."""
_LEAST_COVERED = 0.5
"""Share of what is surely shown that a picture has to cover."""


@dataclass(frozen=True)
class Registered:
    """A picture as a call shows it, and how well it fits where the call surely shows it.

    image: (H, W, 3) uint8 BGR. covered: (H, W) bool; elsewhere its edge is continued. plain:
    whether it is taken as most clients show a picture, with no fit of its own.
    """

    image: np.ndarray
    covered: np.ndarray
    placement: Placement
    appearance: Appearance
    fit: Fit
    plain: bool = False

    def report(self) -> dict[str, Any]:
        """As result.json says it; colours in the order red, green, blue."""
        place, look = self.placement, self.appearance
        return {
            "scale": place.scale.round(5).tolist(),
            "shift": place.shift.round(2).tolist(),
            "mirrored": place.mirrored,
            "gain": look.gain[::-1].round(3).tolist(),
            "offset": look.offset[::-1].round(1).tolist(),
            "gamma": look.gamma,
            "blur_sigma": look.sigma,
            "residual_levels": self.fit.residual,
            "agreeing": round(self.fit.agreeing, 4),
            "detail_correlation": round(self.fit.alike, 3),
        }


@dataclass(frozen=True)
class Fit:
    """How near a picture is to what is shown.

    residual: median of the largest difference of any channel, in levels. agreeing: share of the
    pixels in which that is `SAME_LEVELS` or less. left: mean difference, large ones cut off, in
    levels. detail: standard deviation of the picture's, in levels; alike: its correlation with that
    of what is shown.
    """

    residual: float
    agreeing: float
    left: float
    detail: float
    alike: float

    @classmethod
    def of(cls, image: np.ndarray, shown: Shown, covered: np.ndarray) -> Fit:
        sure = shown.sure & covered
        off = most_off(image, shown.image)[sure]
        return cls(
            residual=float(np.median(off)),
            agreeing=float((off <= SAME_LEVELS).mean()),
            left=mean_left(cv2.absdiff(image, shown.image)[sure]),
            detail=float(_detail(image)[sure].std()),
            alike=_alike(image, shown.image, sure),
        )


def plainly(image: np.ndarray, shown: Shown, placement: Placement) -> Registered:
    """A picture (H, W, 3) uint8 of the call's size, as it is."""
    everywhere = np.ones(image.shape[:2], bool)
    fit = Fit.of(image, shown, everywhere)
    return Registered(image, everywhere, placement, AS_IT_IS, fit, plain=True)


def registered(image: np.ndarray, shown: Shown) -> Registered | None:
    """A picture (h, w, 3) uint8 where it fits best, in tone and blur too; None if nowhere."""
    small = shown.at(_WORK_WIDTH)
    starts = [
        *placements_by_features(image, small),
        *plain_placements(image.shape[1::-1], small.size_wh),
    ]
    alike, start = _most_alike(starts, image, small)
    if alike < _LEAST_ALIKE:
        return None
    coarse = _refined_at(_COARSE_WIDTH, start, image, small)
    _, fine = _most_alike([refined(one, image, small) for one in (start, coarse)], image, small)
    to_call = np.divide(shown.size_wh, small.size_wh)
    found = [_matched(image, shown, place.then(to_call)) for place in (start, fine)]
    return min((one for one in found if one), key=lambda one: one.fit.left, default=None)


def _refined_at(width: int, placement: Placement, image: np.ndarray, shown: Shown) -> Placement:
    small = shown.at(width)
    ratio = np.divide(small.size_wh, shown.size_wh)
    return refined(placement.then(ratio), image, small).then(1 / ratio)


def _most_alike(
    placements: Sequence[Placement], image: np.ndarray, shown: Shown
) -> tuple[float, Placement]:
    alike = [_placed_alike(image, shown, placement) for placement in placements]
    best = int(np.argmax(alike))
    return alike[best], placements[best]


def _matched(image: np.ndarray, shown: Shown, placement: Placement) -> Registered | None:
    """A picture in a place, matched in tone and blur; None if too little of it is there."""
    covered = placement.covered(image.shape[1::-1], shown.size_wh)
    sure = shown.sure & covered
    if sure.sum() < _LEAST_COVERED * max(1, shown.sure.sum()):
        return None
    picture = placement.rendered(image, shown.size_wh)
    appearance = matched(picture, shown.image, sure)
    picture = appearance.of(picture)
    return Registered(picture, covered, placement, appearance, Fit.of(picture, shown, covered))


def _placed_alike(image: np.ndarray, shown: Shown, placement: Placement) -> float:
    covered = placement.covered(image.shape[1::-1], shown.size_wh)
    sure = shown.sure & covered
    if sure.sum() < _LEAST_COVERED * max(1, shown.sure.sum()):
        return 0.0
    return _alike(placement.rendered(image, shown.size_wh), shown.image, sure)


def _alike(image: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    """Correlation of the detail of two pictures (H, W, 3) uint8 in some pixels, (H, W) bool."""
    a, b = _detail(image)[where], _detail(other)[where]
    energy = np.sqrt((a * a).mean() * (b * b).mean())
    return float((a * b).mean() / max(energy, 1e-6))


def _detail(image: np.ndarray) -> np.ndarray:
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    coarse = cv2.GaussianBlur(gray, (0, 0), image.shape[0] / _DETAIL_SCALE)
    return np.clip(gray - coarse, -_DETAIL_LIMIT, _DETAIL_LIMIT)
