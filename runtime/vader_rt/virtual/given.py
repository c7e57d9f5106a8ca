"""A virtual image that the user has: fitted to the call, and checked against it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from vader_rt.errors import InputError, reading
from vader_rt.io.images import IMAGE_SUFFIXES, most_off, read_image, shrunk
from vader_rt.virtual.estimate import CLEAR_MASK
from vader_rt.virtual.kept_frames import KeptFrames, clearest_mean, person_planes

log = logging.getLogger(__name__)

_MATCH_LEVELS = 20
"""Median difference in levels up to which a picture is the one that the call shows."""
_LIBRARY_WH = (320, 180)


def given_virtual(path: str | Path, kept: KeptFrames) -> np.ndarray:
    """Read the user's virtual image, fit it to the call and check that it is the one in the call.

    Raises:
        InputError: it cannot be read, or is not what the call shows.
    """
    shown, clear = _shown(kept, kept.frames[0].shape[1::-1])
    fit, difference = _best_fit(read_image(path), shown, clear)
    if difference > _MATCH_LEVELS:
        raise InputError(
            f"{path}: is not the virtual background of this call (median difference "
            f"{difference:.0f} of 255 levels); leave --virtual-background out to estimate it"
        )
    return fit


def library_virtual(folder: str | Path, kept: KeptFrames) -> Path | None:
    """Find the picture in a folder that the call shows; None if it is not there.

    A picture that cannot be read is told of and passed over: the others may be the one.

    Raises:
        InputError: there is no such folder, or it has no pictures that can be read.
    """
    shown, clear = _shown(kept, _LIBRARY_WH)
    differences: dict[Path, float] = {}
    for path in _pictures(Path(folder)):
        try:
            differences[path] = _best_fit(read_image(path), shown, clear)[1]
        except InputError as error:
            log.warning("%s; it is passed over", error)
    if not differences:
        raise InputError(f"{folder}: has no picture that can be read")
    best = min(differences, key=differences.__getitem__)
    return best if differences[best] <= _MATCH_LEVELS else None


def _pictures(folder: Path) -> list[Path]:
    with reading(folder):
        if not folder.is_dir():
            raise InputError(f"{folder}: is not a folder; give one with pictures")
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise InputError(f"{folder}: has no pictures ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return paths


def cover(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Scale an image to cover `size_wh` and cut the middle, as clients show a virtual image."""
    width, height = size_wh
    scale = max(width / image.shape[1], height / image.shape[0])
    scaled_wh = (
        max(width, round(image.shape[1] * scale)),
        max(height, round(image.shape[0] * scale)),
    )
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(image, scaled_wh, interpolation=mode)
    x, y = (scaled_wh[0] - width) // 2, (scaled_wh[1] - height) // 2
    return np.ascontiguousarray(scaled[y : y + height, x : x + width])


def _placements(image: np.ndarray, size_wh: tuple[int, int]) -> Iterator[np.ndarray]:
    """The ways in which clients fit a picture: cut or stretched, as it is or mirrored."""
    for fit in (cover(image, size_wh), cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)):
        yield fit
        yield cv2.flip(fit, 1)


def _shown(kept: KeptFrames, size_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The virtual background as the call shows it at a size, and where it is clear."""
    frames = [shrunk(frame, size_wh) for frame in kept.frames]
    masks = kept.masks(size_wh)
    _, hidden = person_planes(masks)
    clear = hidden <= CLEAR_MASK
    image = clearest_mean(frames, masks, hidden)
    return image, clear if clear.any() else np.ones_like(clear)


def _best_fit(image: np.ndarray, shown: np.ndarray, clear: np.ndarray) -> tuple[np.ndarray, float]:
    """The placement of an image that is nearest to what is shown, and its median difference."""
    fits = [*_placements(image, shown.shape[1::-1])]
    differences = [float(np.median(most_off(fit, shown)[clear])) for fit in fits]
    best = int(np.argmin(differences))
    return fits[best], differences[best]
