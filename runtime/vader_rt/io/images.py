"""Pictures: read from files, and brought to another size."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from vader_rt.errors import InputError
from vader_rt.io.files import read_bytes

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
"""What a picture's file name ends in, where a folder of pictures is read."""
MAX_PIXELS = 16_000_000
"""The most pixels that a frame of a call may have if nobody allows more: those of 5120×2880."""
MAX_PICTURE_PIXELS = 100_000_000
"""The most pixels that a picture may have: those of the largest cameras; it takes 300 MB."""
_SILENCE = threading.Lock()


def read_image(path: str | Path) -> np.ndarray:
    """Read an image as (H, W, 3) uint8 BGR; alpha is dropped, grey and 16 bit are converted.

    Raises:
        InputError: it cannot be read, is no image, or is too large.
    """
    return decode_image(read_bytes(Path(path), "an image file"), str(path))


def decode_image(data: bytes, name: str, mode: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """The image that a file holds, as OpenCV decodes it in that mode.

    name: of the file, for errors.

    Raises:
        InputError: it is no image, or is too large.
    """
    size_wh = _stored_size_wh(data)
    if size_wh is not None and size_wh[0] * size_wh[1] > MAX_PICTURE_PIXELS:
        raise InputError(
            f"{name}: {size_wh[0]}×{size_wh[1]} are more than {MAX_PICTURE_PIXELS:,} pixels; "
            "make it smaller"
        )
    image = _decoded(data, mode)
    if image is None:
        raise InputError(f"{name}: is not an image that OpenCV can read (PNG, JPEG, WebP, …)")
    return image


def read_gray(path: str | Path) -> np.ndarray:
    """Read a mask as (H, W) uint8."""
    return cv2.cvtColor(read_image(path), cv2.COLOR_BGR2GRAY)


def shrunk(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """The image at a size: by area where it shrinks, linear where it grows."""
    if image.shape[1::-1] == size_wh:
        return image
    mode = cv2.INTER_AREA if image.shape[1] > size_wh[0] else cv2.INTER_LINEAR
    return cv2.resize(image, size_wh, interpolation=mode)


def enlarged(plane: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """The image at a larger size, linear."""
    if plane.shape[1::-1] == size_wh:
        return plane
    return cv2.resize(np.ascontiguousarray(plane), size_wh, interpolation=cv2.INTER_LINEAR)


def most_off(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The largest difference of any channel, in levels: of two (H, W, 3) uint8, (H, W) uint8."""
    blue, green, red = cv2.split(cv2.absdiff(image, other))
    return cv2.max(cv2.max(blue, green), red)


def _decoded(data: bytes, mode: int) -> np.ndarray | None:
    """A picture; None if it is none, or too large for OpenCV."""
    try:
        with _silent():
            return cv2.imdecode(np.frombuffer(data, np.uint8), mode) if data else None
    except (cv2.error, MemoryError):
        return None


@contextmanager
def _silent() -> Iterator[None]:
    """OpenCV's image libraries print what is wrong with a picture to the process's stderr."""
    with _SILENCE:  # another thread would take our silence for what was there before
        try:
            stderr = os.dup(2)
        except OSError:  # it is closed
            yield
            return
        try:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _stored_size_wh(data: bytes) -> tuple[int, int] | None:
    """The size that a picture says it has, without decoding it; None if it says so elsewhere."""
    if data.startswith(b"\x89PNG") and len(data) >= 24:
        return struct.unpack_from(">II", data, 16)
    if data.startswith(b"BM") and len(data) >= 26:
        width, height = struct.unpack_from("<ii", data, 18)
        return abs(width), abs(height)
    if data.startswith(b"\xff\xd8"):
        return _jpeg_size_wh(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP" and len(data) >= 30:
        return _webp_size_wh(data)
    return None


def _jpeg_size_wh(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # the start of a frame
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 1 if marker == 0xFF else 2 + length
    return None


def _webp_size_wh(data: bytes) -> tuple[int, int]:
    if data[12:16] == b"VP8X":
        width, height = (int.from_bytes(data[i : i + 3], "little") for i in (24, 27))
        return width + 1, height + 1
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF
