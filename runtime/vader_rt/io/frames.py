"""Frames of a recording, as they are decoded or held, and what is made of them when asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Protocol, cast

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import VideoReformatter

from vader_rt.errors import InputError
from vader_rt.io.images import shrunk

_OF_THREAD = threading.local()
_READ_ALONG = 4
"""Places along each side of a thumbnail's pixel at which the frame is read, between two pixels."""
_SQUEEZED = 1.05
"""How far width and height may be scaled otherwise: encoders round small sizes."""


class FrameView(Protocol):
    """A frame of a recording, converted only as far as somebody asks."""

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""
        ...

    def bgr(self) -> np.ndarray:
        """The frame as (H, W, 3) uint8 BGR, upright, of the recording's size."""
        ...

    def luma(self, size_wh: tuple[int, int]) -> np.ndarray:
        """Its brightness at a small size, (h, w) uint8; not upright, and in the video's range."""
        ...

    def sketch(self, size_wh: tuple[int, int]) -> np.ndarray:
        """Its brightness and how much detail it has at a small size, (h, w, 2) uint8."""
        ...


@dataclass(frozen=True)
class DecodedFrame:
    """A frame as the decoder gives it; see `FrameView`."""

    frame: av.VideoFrame
    size_wh: tuple[int, int]

    @property
    def nbytes(self) -> int:
        return sum(plane.buffer_size for plane in self.frame.planes)

    def bgr(self) -> np.ndarray:
        return fit(upright_bgr(self.frame), self.size_wh)

    def luma(self, size_wh: tuple[int, int]) -> np.ndarray:
        return _thumbnail(_luma_plane(self.frame), size_wh)

    def sketch(self, size_wh: tuple[int, int]) -> np.ndarray:
        return _sketch(_luma_plane(self.frame), size_wh)


@dataclass(frozen=True)
class ArrayFrame:
    """A frame that was in memory already, (H, W, 3) uint8 BGR; see `FrameView`."""

    frame: np.ndarray

    @property
    def nbytes(self) -> int:
        return self.frame.nbytes

    def bgr(self) -> np.ndarray:
        return self.frame

    def luma(self, size_wh: tuple[int, int]) -> np.ndarray:
        return cv2.cvtColor(shrunk(self.frame, size_wh), cv2.COLOR_BGR2GRAY)

    def sketch(self, size_wh: tuple[int, int]) -> np.ndarray:
        return _sketch(np.ascontiguousarray(self.frame[..., 1]), size_wh)


@dataclass(frozen=True)
class Orientation:
    """How a stored picture is to be shown: its axes swapped, then mirrored along x or y."""

    swapped: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    def applied(self, image: np.ndarray) -> np.ndarray:
        """A stored picture, (H, W, 3), as it is to be shown."""
        if self == _AS_STORED:
            return image
        image = image.transpose(1, 0, 2) if self.swapped else image
        steps = (-1 if self.mirrored_y else 1, -1 if self.mirrored_x else 1)
        return np.ascontiguousarray(image[:: steps[0], :: steps[1]])


_AS_STORED = Orientation()


def orientation(frame: av.VideoFrame) -> Orientation:
    """How a frame is to be shown, by its display matrix, to the nearest quarter turn."""
    matrix = cast(Any, frame.side_data).get(Type.DISPLAYMATRIX)
    if matrix is None:
        return _AS_STORED
    right, down, _, left, up = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    # a point (x, y) is shown at (right · x + left · y, down · x + up · y)
    if abs(right) + abs(up) >= abs(down) + abs(left):
        return Orientation(mirrored_x=right < 0, mirrored_y=up < 0)
    return Orientation(swapped=True, mirrored_x=left < 0, mirrored_y=down < 0)


def upright_size_wh(frame: av.VideoFrame) -> tuple[int, int]:
    """The size at which a frame is shown."""
    size = frame.width, frame.height
    return size[::-1] if orientation(frame).swapped else size


def same_shape(size_wh: tuple[int, int], other_wh: tuple[int, int]) -> bool:
    """Whether a picture of one size can be scaled to the other without being squeezed."""
    ratio = size_wh[0] * other_wh[1] / (size_wh[1] * other_wh[0])
    return 1 / _SQUEEZED <= ratio <= _SQUEEZED


def upright_bgr(frame: av.VideoFrame) -> np.ndarray:
    """A frame as (H, W, 3) uint8 BGR, upright."""
    return orientation(frame).applied(_converted(frame, "bgr24"))


def _converted(frame: av.VideoFrame, pixel_format: str) -> np.ndarray:
    """A frame in a pixel format of FFmpeg.

    A frame that converts itself keeps a converter with threads of its own for as long as it lives.
    """
    if not hasattr(_OF_THREAD, "reformatter"):
        _OF_THREAD.reformatter = VideoReformatter()
    return _OF_THREAD.reformatter.reformat(frame, format=pixel_format).to_ndarray()


def _luma_plane(frame: av.VideoFrame) -> np.ndarray:
    """Brightness, (H, W) uint8: where it stands in a plane of its own, without a copy."""
    brightness = frame.format.components[0]
    if not (frame.format.is_planar and brightness.is_luma and brightness.bits == 8):
        return _converted(frame, "gray")
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _thumbnail(plane: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """A plane at a small size; of a large one a few pixels are read, all would cost as decoding."""
    between = (_READ_ALONG * size_wh[0], _READ_ALONG * size_wh[1])
    if plane.shape[1] > between[0] and plane.shape[0] > between[1]:
        plane = cv2.resize(plane, between, interpolation=cv2.INTER_LINEAR)
    return cv2.resize(plane, size_wh, interpolation=cv2.INTER_AREA)


def _sketch(plane: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """A plane at a small size, and how far its pixels are from their neighbours, on average."""
    between = (_READ_ALONG * size_wh[0], _READ_ALONG * size_wh[1])
    read = cv2.resize(plane, between, interpolation=cv2.INTER_NEAREST)
    detail = cv2.absdiff(read, cv2.blur(read, (3, 3)))
    small = (cv2.resize(p, size_wh, interpolation=cv2.INTER_AREA) for p in (read, detail))
    return np.dstack(list(small))


def fit(frame: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Scale a frame whose size changed in mid-stream to the size of the first.

    Raises:
        InputError: it would be squeezed.
    """
    if frame.shape[1::-1] == size_wh:
        return frame
    if not same_shape(frame.shape[1::-1], size_wh):
        raise InputError(
            f"frames change from {size_wh[0]}×{size_wh[1]} to {frame.shape[1]}×{frame.shape[0]}; "
            "all have to be of one shape"
        )
    return cv2.resize(frame, size_wh, interpolation=cv2.INTER_AREA)
