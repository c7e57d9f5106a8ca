"""Calls before a picture, made."""

from __future__ import annotations

import cv2
import numpy as np

from vader_rt.virtual.kept_frames import KeptFrames

SIZE_WH = (160, 96)


def picture(seed: int = 0, size_wh: tuple[int, int] = SIZE_WH) -> np.ndarray:
    """A smooth, coloured, unsymmetrical picture."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(noise, size_wh, interpolation=cv2.INTER_CUBIC)


def moving_person(virtual: np.ndarray, travel: int = 100, count: int = 24) -> KeptFrames:
    """A person in grey, 30 pixels wide, walks through `travel` pixels before the picture.

    The grey changes a little from frame to frame, as what is filmed does.
    """
    frames, masks = [], []
    rng = np.random.default_rng(1)
    for i in range(count):
        left = 20 + i * travel // count
        mask = np.zeros(virtual.shape[:2], np.uint8)
        mask[30:, left : left + 30] = 255
        noise = rng.normal(0, 2, virtual.shape)
        frame = np.where(mask[..., None] > 0, 126 + i % 5, virtual + noise)
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
        masks.append(mask)
    return KeptFrames(frames, masks, range(count))
