"""A call's recipe, and what a camera records of it: a matted person over a room, with noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from train.compose.material import PersonClip
from train.compose.overlay import Overlay

SIZE_WH = (1280, 720)
"""Of the calls that are made here."""


@dataclass(frozen=True)
class CallRecipe:
    """What is in front of the camera, and behind the caller on the screen.

    room, virtual: (H, W, 3) uint8 BGR, of the call's size.
    height: the person's clip, as a share of the frame's height; x: its centre, share of the width.
    pace: clip frames per call frame; 0 holds the person still.
    sway_px: the person drifts left and right by so much; period in frames. rest: how many times
    faster than a pendulum the person changes sides, to rest in between; 1 is a pendulum.
    noise: standard deviation of the sensor noise in levels; light: amplitude of a slow change.
    overlay: what the program draws over the call.
    """

    person: PersonClip
    room: np.ndarray
    virtual: np.ndarray
    height: float = 0.9
    x: float = 0.5
    pace: float = 1.0
    sway_px: float = 0.0
    sway_period: float = 90.0
    rest: float = 1.0
    noise: float = 2.0
    light: float = 0.0
    overlay: Overlay | None = None

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.room.shape[1], self.room.shape[0]


def camera(recipe: CallRecipe, frames: int, rng: np.random.Generator) -> Iterator[tuple]:
    """Yield what the camera sees and the person's true alpha, (H, W, 3) and (H, W) uint8."""
    sensor = _SensorNoise(recipe, rng)
    for t in range(frames):
        color, alpha = _placed(recipe, t)
        image = mix(color, sensor.add_to(recipe.room), alpha)
        light = 1 + recipe.light * np.sin(2 * np.pi * t / (1.3 * frames))
        yield (cv2.convertScaleAbs(image, alpha=light) if recipe.light else image), alpha


def mix(front: np.ndarray, back: np.ndarray, share: np.ndarray) -> np.ndarray:
    """front·share + back·(1 − share), truncated to 8 bit; `share` (H, W) uint8, 255 = 1."""
    share = cv2.merge([share] * 3).astype(np.uint16)
    total = front * share
    total += back * (255 - share)
    total += (total >> 8) + 1  # (v + 1 + v // 256) // 256 = v // 255, without a division
    return (total >> 8).astype(np.uint8)


class _SensorNoise:
    """Gaussian noise, drawn once and shifted at random from frame to frame."""

    _MARGIN = 61

    def __init__(self, recipe: CallRecipe, rng: np.random.Generator) -> None:
        height, width = recipe.room.shape[:2]
        shape = (height + self._MARGIN, width + self._MARGIN, 3)
        noise = rng.standard_normal(shape, np.float32) * recipe.noise
        self._noise = np.rint(noise).astype(np.int16)
        self._rng = rng

    def add_to(self, image: np.ndarray) -> np.ndarray:
        y, x = self._rng.integers(self._MARGIN, size=2)
        noise = self._noise[y : y + image.shape[0], x : x + image.shape[1]]
        return np.clip(image + noise, 0, 255).astype(np.uint8)


def _placed(recipe: CallRecipe, t: int) -> tuple[np.ndarray, np.ndarray]:
    """The person's colour (H, W, 3) and alpha (H, W) in the frame, anchored at its bottom."""
    width, height = recipe.size_wh
    color, alpha = recipe.person.at(t * recipe.pace)
    scale = recipe.height * height / alpha.shape[0]
    swing = np.clip(recipe.rest * np.sin(2 * np.pi * t / recipe.sway_period), -1, 1)
    sway = recipe.sway_px * height / 720 * swing
    dx = recipe.x * width - alpha.shape[1] * scale / 2 + sway
    dy = height - alpha.shape[0] * scale
    matrix = np.array([[scale, 0, dx], [0, scale, dy]], np.float32)
    color = cv2.warpAffine(color, matrix, recipe.size_wh, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(alpha, matrix, recipe.size_wh)
    return color, alpha
