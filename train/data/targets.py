"""What the networks learn to estimate. All targets are (H, W) float32 in [0, 1]."""

from __future__ import annotations

import cv2
import numpy as np

from train.compose.writer import PERSON_FREE


def leak(matte: np.ndarray, person: np.ndarray) -> np.ndarray:
    """The matte where the person is not; `matte`, `person` (H, W) uint8."""
    return np.where(person <= PERSON_FREE, matte, 0).astype(np.float32) / 255


def lab_similarity(frame_bgr: np.ndarray, room_bgr: np.ndarray, decay: float = 50) -> np.ndarray:
    """The seed's similarity: exp(−distance / decay) in OpenCV's 8-bit LAB."""
    return np.exp(-_distance(frame_bgr, room_bgr, cv2.COLOR_BGR2LAB) / decay)


def hsv_similarity(frame_bgr: np.ndarray, room_bgr: np.ndarray, decay: float = 30) -> np.ndarray:
    """exp(−distance / decay) in OpenCV's 8-bit HSV; hue is a circle of 180."""
    a, b = (cv2.cvtColor(i, cv2.COLOR_BGR2HSV).astype(np.float32) for i in (frame_bgr, room_bgr))
    difference = np.abs(a - b)
    difference[..., 0] = np.minimum(difference[..., 0], 180 - difference[..., 0])
    return np.exp(-np.linalg.norm(difference, axis=2) / decay)


def combined_similarity(frame_bgr: np.ndarray, room_bgr: np.ndarray) -> np.ndarray:
    """The seed's combined mask: 0.6 · LAB(40) + 0.4 · HSV(30), blurred 5×5, σ 1."""
    mixed = 0.6 * lab_similarity(frame_bgr, room_bgr, 40)
    mixed += 0.4 * hsv_similarity(frame_bgr, room_bgr, 30)
    return cv2.GaussianBlur(mixed, (5, 5), 1)


SIMILARITIES = {"lab": lab_similarity, "combined": combined_similarity}


def _distance(a: np.ndarray, b: np.ndarray, conversion: int) -> np.ndarray:
    difference = cv2.cvtColor(a, conversion).astype(np.float32)
    difference -= cv2.cvtColor(b, conversion)
    return np.linalg.norm(difference, axis=2)
