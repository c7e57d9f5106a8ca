"""A part of a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rectangle:
    """x, y: of its upper left corner; width, height; all in pixels."""

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"

    @property
    def area(self) -> int:
        """In pixels."""
        return self.width * self.height

    def of(self, image: np.ndarray) -> np.ndarray:
        """The part of a picture (H, W, …)."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]
