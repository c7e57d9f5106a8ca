"""A call, made of the camera's picture and the client's own masks, as the client would make it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vader_rt.errors import InputError
from vader_rt.io.images import read_image, shrunk
from vader_rt.io.prefetch import prefetch
from vader_rt.io.video import VideoWriter
from vader_rt.selftest.masks import Masks
from vader_rt.sources.source import FrameSource
from vader_rt.virtual.given import cover

_USUAL_FPS = 30.0
_CRF = 23
"""Compression of the call, which is H.264: what an ordinary recording has."""


def compose(camera: FrameSource, masks: Masks, virtual_bgr: np.ndarray, path: Path) -> None:
    """Write the call as a video.

    Raises:
        InputError: there are more or fewer masks than frames, or the size is odd, which H.264
        cannot hold.
    """
    width, height = camera.size_wh
    if width % 2 or height % 2:
        raise InputError(f"{camera.name}: {width}×{height} is odd; scale it to an even size")
    planes = masks.planes()
    with VideoWriter(path, size_wh=camera.size_wh, fps=camera.fps or _USUAL_FPS, crf=_CRF) as call:
        for frame in prefetch(camera.frames()):
            mask = shrunk(masks.next_of(planes), camera.size_wh)
            call.write(mixed(frame, mask, virtual_bgr))
    if next(planes, None) is not None:
        raise InputError(f"{masks.path}: has more masks than the camera has frames")


def mixed(camera_bgr: np.ndarray, mask: np.ndarray, virtual_bgr: np.ndarray) -> np.ndarray:
    """A frame, m · camera + (1 − m) · V: (H, W, 3) uint8; mask: (H, W) uint8, 255 = 1."""
    matte = mask[..., None] / np.float32(255)
    apart = cv2.subtract(camera_bgr, virtual_bgr, dtype=cv2.CV_32F)
    return np.rint(virtual_bgr + matte * apart).astype(np.uint8)


def virtual_image(path: Path | None, size_wh: tuple[int, int]) -> np.ndarray:
    """The user's virtual image as clients show it, or one that is drawn: (H, W, 3) uint8 BGR."""
    return drawn(size_wh) if path is None else cover(read_image(path), size_wh)


def drawn(size_wh: tuple[int, int]) -> np.ndarray:
    """A picture with colours, edges and detail, the same at every time: (H, W, 3) uint8 BGR."""
    width, height = size_wh
    y, x = np.mgrid[0:height, 0:width] / np.float32(height)
    hills = [0.55 + 0.1 * k + 0.08 * np.sin(3 * x * (1 + k / 2) + 2 * k) for k in range(4)]
    picture = np.stack([200 - 60 * y, 150 + 20 * np.sin(5 * x), 110 + 90 * y], axis=-1)
    for index, hill in enumerate(hills):
        shade = np.array([60 + 20 * index, 110 - 25 * index, 50 + 25 * index], np.float32)
        grain = 12 * np.sin(40 * x + 9 * index) * np.sin(55 * y)
        picture = np.where((y > hill)[..., None], shade + grain[..., None], picture)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
