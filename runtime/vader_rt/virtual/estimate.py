"""The virtual background of a call, estimated from frames spread over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from vader_rt.features.planes import StaticPlanes
from vader_rt.io.images import most_off, shrunk
from vader_rt.virtual.inpaint import continued
from vader_rt.virtual.kept_frames import KeptFrames, clearest_mean, person_planes

CLEAR_MASK = 20
"""Person mask, of 255, up to which a pixel counts as showing the virtual background."""
SAME_LEVELS = 12
"""A pixel is the virtual background where no channel differs from it by more levels."""
_STILL_LEVELS, _STILL_WIDTH = 0.5, 640
"""A pixel never changes if its standard deviation over time is below these levels, in frames that
are scaled to this width."""
_FREE_SHARE = 0.1
"""A pixel is free if a person is seen there in less than this share of the frames."""
_MOVING_SHARE = 0.2
"""The background moves if more than this share of the free pixels differs from `image` in more than
this share of the frames."""
_PLAIN_LEVELS = 10
"""A background is plain if hardly any detail of it is stronger, in levels."""
_CELLS, _PLAIN_CELLS = 8, 85
"""That is judged in so many cells a side, and holds if it does for this percentage of them: name
tags and icons are in a few."""
_BAR_LEVELS, _BAR_MARGIN = 20, 1 / 30
"""Bars are no brighter than this; their edge is felt so far away, in heights of the picture."""

Kind = Literal["still", "plain", "loop", "moving"]


@dataclass(frozen=True)
class VirtualBackground:
    """What stands behind the caller.

    image: (H, W, 3) uint8 BGR.
    occupancy: (H, W) uint8, 255 × the share of frames in which the pixel is not `image`.
    trace: (H, W, 3) uint8 BGR, 128 + half the mean offset from `image` outside the person.
    presence: (H, W) uint8, the mean person mask of the re-run segmenter.
    hidden: (H, W) uint8, the mask up to which frames were needed for `image`; 0 where it is given.
    kind: `still`, a picture with detail; `plain`, one without, as a blurred room has none; `loop`,
    a video that runs in a loop, of which `image` is the first picture; `moving`, any other video.
    """

    image: np.ndarray
    occupancy: np.ndarray
    trace: np.ndarray
    presence: np.ndarray
    hidden: np.ndarray
    kind: Kind = "still"

    @property
    def clear(self) -> np.ndarray:
        """(H, W) bool; elsewhere the image was continued from around."""
        return self.hidden <= CLEAR_MASK

    def planes(self) -> StaticPlanes:
        """What the networks are told of it."""
        return StaticPlanes(
            virtual=self.image,
            trace=self.trace,
            occupancy=self.occupancy,
            presence=self.presence,
            hidden=self.hidden,
        )


def estimate_virtual(kept: KeptFrames, given: np.ndarray | None = None) -> VirtualBackground:
    """Estimate the virtual background, or take the one that is `given` (H, W, 3) uint8 BGR.

    Per pixel it is the mean over the third of the frames in which the re-run segmenter sees least
    of a person; where even those are not clear, the image is continued by inpainting (Telea). A
    pixel that never changes belongs to the image, even if the segmenter takes it for a person:
    persons move, and what leaks around them flickers with the mask.
    """
    height, width = kept.frames[0].shape[:2]
    masks = kept.masks((width, height))
    presence, hidden = person_planes(masks)
    if given is None:
        image = clearest_mean(kept.frames, masks, hidden)
        hidden[still_pixels(kept.frames)] = 0
        image = continued(image, hidden <= CLEAR_MASK)
    else:
        image, hidden = given, np.zeros_like(hidden)
    occupancy, trace = _statistics(kept.frames, masks, [image] * len(masks))
    kind = _kind(image, occupancy, masks)
    return VirtualBackground(image, occupancy, trace, presence, hidden, kind)


def loop_virtual(
    kept: KeptFrames, image: np.ndarray, behind: Sequence[np.ndarray]
) -> VirtualBackground:
    """That of a looping video: its first picture, and those behind the kept frames."""
    masks = kept.masks(image.shape[1::-1])
    occupancy, trace = _statistics(kept.frames, masks, behind)
    return VirtualBackground(image, occupancy, trace, *person_planes(masks), "loop")


def still_pixels(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Where frames (H, W, 3) uint8 never change: (H, W) bool.

    Encoders skip blocks that do not change, so there the same values stand in all frames; where a
    person or a mask moves, or a camera's noise shines through, they vary.
    """
    size_wh = frames[0].shape[1::-1]
    scale = _STILL_WIDTH / size_wh[0]
    small_wh = (_STILL_WIDTH, max(1, round(size_wh[1] * scale)))
    total, squares = np.zeros((2, small_wh[1], small_wh[0], 3), np.float64)
    for frame in frames:
        small = shrunk(frame, small_wh).astype(np.float64)
        total += small
        squares += small * small
    variance = squares / len(frames) - (total / len(frames)) ** 2
    deviation = cv2.blur(np.sqrt(np.maximum(variance, 0)).mean(axis=2), (9, 9))
    return cv2.resize(deviation, size_wh, interpolation=cv2.INTER_LINEAR) < _STILL_LEVELS


def _statistics(
    frames: Sequence[np.ndarray], masks: np.ndarray, images: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Occupancy and trace over the sampled frames, and the virtual background behind each."""
    occupied = np.zeros(frames[0].shape[:2], np.float32)
    total = np.zeros(frames[0].shape, np.float32)
    weight = np.full(frames[0].shape[:2], 1e-3, np.float32)
    for frame, mask, image in zip(frames, masks, images, strict=True):
        off = most_off(frame, image) > SAME_LEVELS
        occupied += off
        outside = np.where(off, 255 - mask, 0) / np.float32(255)
        offset = cv2.subtract(frame, image, dtype=cv2.CV_32F)
        cv2.accumulateProduct(offset, cv2.merge([outside] * 3), total)
        weight += outside
    occupancy = np.rint(occupied / len(frames) * 255).astype(np.uint8)
    trace = np.clip(128 + total / weight[..., None] / 2, 0, 255)
    return occupancy, np.rint(trace).astype(np.uint8)


def _kind(image: np.ndarray, occupancy: np.ndarray, masks: np.ndarray) -> Kind:
    """Judged where hardly anybody ever is; `still` where that is nowhere."""
    free = (masks > CLEAR_MASK).mean(axis=0) < _FREE_SHARE
    if not free.any():
        return "still"
    if (occupancy[free] > 255 * _MOVING_SHARE).mean() > _MOVING_SHARE:
        return "moving"
    return "plain" if _is_plain(image, free & ~_bars(image)) else "still"


def _is_plain(image: np.ndarray, free: np.ndarray) -> bool:
    """Whether hardly any of the free cells of a picture has detail."""
    detail = most_off(image, cv2.GaussianBlur(image, (0, 0), image.shape[0] / 90))
    rows, columns = (np.array_split(np.arange(side), _CELLS) for side in detail.shape)
    cells = [np.ix_(row, column) for row in rows for column in columns]
    strongest = [np.percentile(detail[c][free[c]], 98) for c in cells if free[c].mean() > 0.5]
    return bool(strongest) and np.percentile(strongest, _PLAIN_CELLS) < _PLAIN_LEVELS


def _bars(image: np.ndarray) -> np.ndarray:
    """Black bars at the edges of a picture, where another shape was fitted in: (H, W) bool."""
    dark = image.max(axis=2) <= _BAR_LEVELS
    bars = np.zeros_like(dark)
    for side in range(4):
        turned, marked = np.rot90(dark, side), np.rot90(bars, side)
        count = int(np.argmin([*turned.all(axis=1), False]))
        marked[: count and count + round(image.shape[0] * _BAR_MARGIN)] = True
    return bars & ~dark.all()
