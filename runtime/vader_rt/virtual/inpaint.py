"""Pictures continued into what is not known of them."""

from __future__ import annotations

import cv2
import numpy as np


def continued(image: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """Continue an image (H, W, 3) uint8 into what is not clear, (H, W) bool, from around it.

    Telea's inpainting at a quarter of the size: what it makes is smooth.
    """
    if clear.all() or not clear.any():
        return image
    hidden = cv2.dilate((~clear).astype(np.uint8), np.ones((5, 5), np.uint8))
    size_wh = image.shape[1::-1]
    quarter_wh = (max(16, size_wh[0] // 4), max(16, size_wh[1] // 4))
    weight = cv2.resize(1 - hidden.astype(np.float32), quarter_wh, interpolation=cv2.INTER_AREA)
    small = cv2.resize(image, quarter_wh, interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(small, (weight < 1).astype(np.uint8), 5, cv2.INPAINT_TELEA)
    filled = cv2.resize(filled, size_wh, interpolation=cv2.INTER_LINEAR)
    return np.where(hidden[..., None] > 0, filled, image)
