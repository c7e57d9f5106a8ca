"""Pictures: read from files, and brought to another size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vader_rt.errors import InputError, reading

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
"""What a picture's file name ends in, where a folder of pictures is read."""


def read_image(path: str | Path) -> np.ndarray:
    """Read an image as (H, W, 3) uint8 BGR; alpha is dropped, grey and 16 bit are converted.

    Raises:
        InputError: it cannot be read, is no image, or is too large.
    """
    path = Path(path)
    with reading(path):
        if not path.is_file():
            raise InputError(f"{path}: does not exist; give an image file")
        data = np.fromfile(path, np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (cv2.error, MemoryError):
        raise InputError(f"{path}: is damaged, or too large an image for OpenCV") from None
    if image is None:
        raise InputError(f"{path}: is not an image that OpenCV can read (PNG, JPEG, WebP, …)")
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
