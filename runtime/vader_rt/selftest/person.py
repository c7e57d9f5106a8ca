"""Where the person is in the camera's picture, where the leak begins: as exactly as can be told.

A segmenter knows what a person is, but not to the pixel. A room that is known tells the rest: the
person is what hangs together with the segmenter's and differs from the room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from vader_rt.io.images import shrunk
from vader_rt.selftest.room import IS_PERSON, Room

PersonOf = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Two masks of the next frame, (H, W, 3) uint8 BGR → (h, w) uint8, 255 = certain: all of the
person, and what is hardly anything else, by which recordings are brought together."""
_GIVEN_FREE = 4
"""A mask that is given says that nobody is there up to this value."""
_OTHER_LEVELS = 14
"""What differs from the room by no more may be the camera's noise, or a faint shadow."""
_CORE, _REACH, _GAP, _SPECK = 1 / 50, 1 / 8, 1 / 128, 1 / 320
"""In widths of the picture: how far inside the segmenter's mask a person is certain, how far
outside of it some of them may be, and what gaps and specks are none."""


@dataclass(frozen=True)
class Person:
    """Tells the person from the rest of a frame.

    room: where it is known. given: whether masks come from the user, and are believed as they are.
    """

    room: Room
    given: bool

    def of(self, frame_bgr: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Where the person covers anything of a pixel: (H, W) bool.

        frame_bgr: (H, W, 3) uint8, of the room's size. mask: (h, w) uint8.
        """
        size_wh = frame_bgr.shape[1::-1]
        if self.given:
            return shrunk(mask, size_wh) > _GIVEN_FREE
        width, likely = size_wh[0], shrunk(mask, size_wh) > IS_PERSON
        core = cv2.erode(likely.astype(np.uint8), _disc(width * _CORE))
        known = self.room.known
        apart = cv2.absdiff(frame_bgr, self.room.image) * known[..., None]
        differs = cv2.blur(apart, (3, 3)).max(axis=2) > _OTHER_LEVELS
        seldom_free = likely | self.room.taken  # a segmenter errs for moments
        other = (np.where(known, differs, seldom_free) | (core > 0)).astype(np.uint8)
        other = cv2.morphologyEx(other, cv2.MORPH_CLOSE, _disc(width * _GAP))
        other = cv2.morphologyEx(other, cv2.MORPH_OPEN, _disc(width * _SPECK))
        near = cv2.dilate(likely.astype(np.uint8), _disc(width * _REACH))
        return _together(cv2.min(other, near), core > 0) > 0


def person_mask(pose: np.ndarray, selfie: np.ndarray) -> np.ndarray:
    """The mask of two segmenters: what the second adds to the first, if they hang together.

    The first seldom takes furniture for a person, but loses dark clothes. pose: (h, w) uint8, of
    the size of the result; selfie: of any size.
    """
    size_wh = pose.shape[1::-1]
    other = shrunk(selfie, size_wh)
    both = cv2.max(pose, other)
    joined = _together((both > IS_PERSON).astype(np.uint8), pose > IS_PERSON) > 0
    return without_holes(np.where(joined, both, pose))


def without_holes(mask: np.ndarray) -> np.ndarray:
    """A segmenter's mask (h, w) uint8, its holes at the lower edge filled: there a body goes on."""
    free = (mask <= IS_PERSON).astype(np.uint8)
    height, width = mask.shape
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(free, connectivity=4)
    left, top = boxes[:, cv2.CC_STAT_LEFT], boxes[:, cv2.CC_STAT_TOP]
    right, bottom = left + boxes[:, cv2.CC_STAT_WIDTH], top + boxes[:, cv2.CC_STAT_HEIGHT]
    hole = (bottom == height) & (left > 0) & (right < width) & (top > 0)
    hole[0] = False  # what is the person
    return np.where(hole[labels], np.uint8(255), mask)


def _together(other: np.ndarray, core: np.ndarray) -> np.ndarray:
    """The parts of a plane (H, W) uint8 that hang together with a core: the same."""
    count, labels = cv2.connectedComponents(other)
    kept = np.zeros(count, np.uint8)
    kept[np.unique(labels[core])] = 1
    kept[0] = 0
    return kept[labels]


def _disc(diameter: float) -> np.ndarray:
    side = 2 * round(diameter / 2) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
