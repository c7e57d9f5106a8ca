"""Small pictures of the frames that a room comes from, kept while a call is read."""

from __future__ import annotations

import cv2
import numpy as np

from vader_rt.io.images import shrunk
from vader_rt.stateful import Stateful
from vader_rt.virtual.kept_frames import Spread

THUMBNAIL_WIDTH, PICTURE_WIDTH = 240, 1280
_MOST_HELD = 400
"""Thumbnails that are held, of some 6 kB each: as many as frames go through the network by default.
"""
_THUMBNAIL_QUALITY, _PICTURE_QUALITY = 75, 85


class FramePictures(Stateful):
    """Keeps thumbnails of frames, and the frame that leaks most at a size to look at.

    All are JPEG. Memory stays constant: of more than `_MOST_HELD` frames, some spread over them
    have a thumbnail.

    leakiest: that frame's index and picture; None before there is one. unmasked: the same of the
    first frame that shows the camera's picture.
    """

    STATE = ("_spread", "_unmasked", "leakiest", "unmasked", "_most")

    def __init__(self) -> None:
        self._spread = Spread[tuple[int, bytes]](_MOST_HELD)
        self._unmasked: dict[int, bytes] = {}
        self.leakiest: tuple[int, bytes] | None = None
        self.unmasked: tuple[int, bytes] | None = None
        self._most = -1.0

    @property
    def thumbnails(self) -> dict[int, bytes]:
        """The thumbnails by frame."""
        return dict(self._spread.kept.values()) | self._unmasked

    def add(self, index: int, frame_bgr: np.ndarray, leak: float) -> None:
        """Take in a frame that is recovered from. leak: its share of leaking pixels."""
        self._spread.offer((index, jpeg(frame_bgr)))
        if leak > self._most:
            self._most, self.leakiest = leak, (index, jpeg(frame_bgr, PICTURE_WIDTH))

    def add_unmasked(self, index: int, frame_bgr: np.ndarray) -> None:
        """Take in one of a few frames that show the camera's picture."""
        self._unmasked[index] = jpeg(frame_bgr)
        if self.unmasked is None:
            self.unmasked = index, jpeg(frame_bgr, PICTURE_WIDTH)


def jpeg(picture_bgr: np.ndarray, width: int = THUMBNAIL_WIDTH) -> bytes:
    """A picture, (H, W, 3) uint8 BGR, as JPEG of at most that width."""
    height = max(1, round(picture_bgr.shape[0] * width / picture_bgr.shape[1]))
    small = picture_bgr
    if width < picture_bgr.shape[1]:
        small = shrunk(picture_bgr, (width, height))
    quality = _THUMBNAIL_QUALITY if width == THUMBNAIL_WIDTH else _PICTURE_QUALITY
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
