"""Where a picture lies in a call: scale, crop or shift, mirrored.

Features tell it roughly (SIFT, RANSAC), the enhanced correlation coefficient (ECC) below a pixel.
Both may turn and shear; only scale and shift are kept of them, since that is what clients do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from vader_rt.io.images import most_off, shrunk

Size = tuple[int, int]
_FEATURE_SCALE = 1.5
"""Features are looked for in a picture that is so much larger than one that covers the call."""
_MOST_FEATURES, _FEATURE_CONTRAST = 2000, 0.005
"""An eighth of the contrast that SIFT asks for: virtual images are often soft."""
_FEATURE_RATIO = 0.75
"""A feature is matched if its best counterpart is so much nearer than the next (Lowe 2004)."""
_INLIER_PIXELS, _LEAST_INLIERS, _RANSAC_STEPS = 3.0, 8, 5000
_MOST_TURN = 0.02
"""What turns or shears by more than this, about 1°, is chance."""
_ECC_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-6)
_ECC_SMOOTHING, _NEAR, _OTHER_LEVELS = 5, (9, 9), 20
_WHOLE = 0.01
"""A pixel is covered wholly if no more than this of it is missing on a side."""


@dataclass(frozen=True)
class Shown:
    """What a call shows of its virtual background.

    image: (H, W, 3) uint8 BGR. sure: (H, W) bool, where it surely is the virtual background.
    """

    image: np.ndarray
    sure: np.ndarray

    @property
    def size_wh(self) -> Size:
        return _size_wh(self.image)

    def at(self, width: int) -> Shown:
        """The same at a width, if that is smaller."""
        size_wh = _scaled(self.size_wh, min(1.0, width / self.size_wh[0]))
        sure = shrunk(self.sure.astype(np.uint8) * 255, size_wh) == 255
        return Shown(shrunk(self.image, size_wh), sure)

    @cached_property
    def features(self) -> dict[bool, _Features]:
        """Those of the picture where it is sure: as it is (False) and mirrored (True)."""
        gray, sure = _gray(self.image), self.sure.astype(np.uint8)
        return {
            False: _Features.of(gray, sure),
            True: _Features.of(cv2.flip(gray, 1), cv2.flip(sure, 1)),
        }


@dataclass(frozen=True)
class Placement:
    """Point x of a picture, mirrored first if it is `mirrored`, lies at scale · x + shift.

    scale, shift: (2,) float64 across and down; in pixels, from the corner of the first pixel.
    """

    scale: np.ndarray
    shift: np.ndarray
    mirrored: bool = False

    def covered(self, image_wh: Size, size_wh: Size) -> np.ndarray:
        """The pixels of a call that a picture covers wholly: (H, W) bool."""
        start, end = self.shift - _WHOLE, self.shift + self.scale * image_wh + _WHOLE
        across, down = (
            (np.arange(side) >= start[axis]) & (np.arange(side) + 1 <= end[axis])
            for axis, side in enumerate(size_wh)
        )
        return down[:, None] & across

    def rendered(self, image: np.ndarray, size_wh: Size) -> np.ndarray:
        """A picture (h, w, 3) uint8 as it lies in a call: (H, W, 3) uint8; its edge is continued.

        It is made smaller by area, as clients do, and larger by cubic splines.
        """
        image = cv2.flip(image, 1) if self.mirrored else image
        smaller_wh = _scaled(_size_wh(image), np.minimum(self.scale, 1))
        rest = self.scale * _size_wh(image) / smaller_wh
        # OpenCV counts from the middle of the first pixel
        matrix = np.column_stack([np.diag(rest), self.shift + (rest - 1) / 2])
        resized = cv2.resize(image, smaller_wh, interpolation=cv2.INTER_AREA)
        flags, border = cv2.INTER_CUBIC, cv2.BORDER_REPLICATE
        return cv2.warpAffine(resized, matrix, size_wh, flags=flags, borderMode=border)

    def then(self, scale: np.ndarray, shift: np.ndarray | float = 0.0) -> Placement:
        """This one, and what came of it scaled and shifted again."""
        return Placement(self.scale * scale, self.shift * scale + shift, self.mirrored)


def plain_placements(image_wh: Size, size_wh: Size) -> list[Placement]:
    """How clients fit a picture: cut or stretched, as it is or mirrored."""
    each = np.divide(size_wh, image_wh)
    cut = np.full(2, each.max())
    return [
        Placement(scale, (size_wh - scale * image_wh) / 2, mirrored)
        for scale in (cut, each)
        for mirrored in (False, True)
    ]


def placements_by_features(image: np.ndarray, shown: Shown) -> Iterator[Placement]:
    """Where features of a picture lie in what is shown, as it is and mirrored, or stretched too."""
    image_wh = _size_wh(image)
    each = np.divide(shown.size_wh, image_wh)
    work_wh = _scaled(image_wh, min(1.0, _FEATURE_SCALE * each.max()))
    features = _Features.of(_gray(shrunk(image, work_wh)))
    for mirrored, target in shown.features.items():
        for stretch in {1.0, each[0] / each[1]}:
            found = features.placement_in(target, stretch)
            if found is None:
                continue
            scale, shift = found.scale * work_wh / image_wh, found.shift
            if mirrored:
                shift = np.array([shown.size_wh[0] - shift[0] - scale[0] * image_wh[0], shift[1]])
            yield Placement(scale, shift, mirrored)


def refined(placement: Placement, image: np.ndarray, shown: Shown) -> Placement:
    """A placement that is nearly right, below a pixel; the same where nothing better is found.

    Overlays would pull ECC their way, so what differs most is left out.
    """
    picture = placement.rendered(image, shown.size_wh)
    both = shown.sure & placement.covered(_size_wh(image), shown.size_wh)
    if not both.any():  # small as it is, nothing of it is surely shown
        return placement
    off = cv2.blur(most_off(picture, shown.image), _NEAR)
    both &= off <= max(_OTHER_LEVELS, 2 * np.median(off[both]))
    try:
        _, matrix = cv2.findTransformECC(
            _gray(picture),
            _gray(shown.image),
            np.eye(2, 3, dtype=np.float32),
            cv2.MOTION_AFFINE,
            _ECC_STEPS,
            both.astype(np.uint8),
            _ECC_SMOOTHING,
        )
    except cv2.error:  # it does not converge
        return placement
    change = _without_turn(matrix, np.argwhere(both).mean(axis=0)[::-1])
    if change is None:
        return placement
    # OpenCV counts from the middle of the first pixel
    return placement.then(change.scale, change.shift + (1 - change.scale) / 2)


@dataclass(frozen=True)
class _Features:
    """points: (N, 2) float32, in pixels from the corner of the first one. descriptors: (N, 128)."""

    points: np.ndarray
    descriptors: np.ndarray

    @classmethod
    def of(cls, gray: np.ndarray, mask: np.ndarray | None = None) -> _Features:
        sift = cv2.SIFT.create(
            _MOST_FEATURES, contrastThreshold=_FEATURE_CONTRAST, enable_precise_upscale=True
        )
        found, descriptors = sift.detectAndCompute(gray, mask)
        points = np.array([point.pt for point in found], np.float32).reshape(-1, 2)
        return cls(points + np.float32(0.5), descriptors)

    def placement_in(self, other: _Features, stretch: float) -> Placement | None:
        """From these to another picture's; None where they do not match.

        stretch: how much more these are scaled across than down.
        """
        ours, theirs = self._matched(other)
        if len(ours) < _LEAST_INLIERS:
            return None
        ours = ours * np.array([stretch, 1])
        matrix, inliers = cv2.estimateAffinePartial2D(
            ours, theirs, ransacReprojThreshold=_INLIER_PIXELS, maxIters=_RANSAC_STEPS
        )
        if matrix is None or inliers.sum() < _LEAST_INLIERS:
            return None
        found = _without_turn(matrix, ours[inliers.ravel() > 0].mean(axis=0))
        return found and Placement(found.scale * (stretch, 1), found.shift)

    def _matched(self, other: _Features) -> tuple[np.ndarray, np.ndarray]:
        """Points of both pictures that belong together: twice (M, 2)."""
        if min(len(self.points), len(other.points)) < _LEAST_INLIERS:
            return np.empty((0, 2)), np.empty((0, 2))
        pairs = cv2.BFMatcher().knnMatch(self.descriptors, other.descriptors, k=2)
        good = [a for a, b in pairs if a.distance < _FEATURE_RATIO * b.distance]
        ours, theirs = [m.queryIdx for m in good], [m.trainIdx for m in good]
        return self.points[ours], other.points[theirs]


def _without_turn(matrix: np.ndarray, middle: np.ndarray) -> Placement | None:
    """Scale and shift of a (2, 3) affine map, exact in the middle; None if it turns or shears."""
    scale = np.diag(matrix).astype(np.float64)
    turn = matrix[:, :2] - np.diag(scale)
    if (scale <= 0).any() or np.abs(turn).max() > _MOST_TURN * scale.min():
        return None
    return Placement(scale, matrix[:, 2] + turn @ middle)


def _size_wh(image: np.ndarray) -> Size:
    return image.shape[1], image.shape[0]


def _scaled(size_wh: Size, scale: float | np.ndarray) -> Size:
    width, height = np.maximum(np.rint(np.multiply(size_wh, scale)), 1).astype(int)
    return int(width), int(height)


def _gray(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
