"""What a conferencing program draws over a call: name tags, icons, timers, bars and borders."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

FRAMES_A_SECOND = 30
_NAMES = ("Ana", "Jonas Weber", "M. Okafor", "Li Wei", "guest-4711", "Dr. Priya Nair", "me")
_ICON_PX = (14, 34)
_BAR_PX = (36, 80)


@dataclass(frozen=True)
class Overlay:
    """Drawn over the blended picture, and no part of the camera's.

    color: (H, W, 3) uint8 BGR. alpha: (H, W) uint8, 255 = covers all.
    timer: lower left corner (x, y) of a text that counts the seconds; None draws none.
    """

    color: np.ndarray
    alpha: np.ndarray
    timer: tuple[int, int] | None = None

    def at(self, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Colour and alpha over frame t."""
        if self.timer is None:
            return self.color, self.alpha
        color, alpha = self.color.copy(), self.alpha.copy()
        seconds = t // FRAMES_A_SECOND
        _write(color, alpha, f"{seconds // 60:02d}:{seconds % 60:02d}", self.timer, 0.8)
        return color, alpha


def random_overlay(size_wh: tuple[int, int], rng: np.random.Generator) -> Overlay:
    """One to three things as programs draw them, along the edges of the picture."""
    width, height = size_wh
    color, alpha = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    kinds = (_tag, _icon, _bar, _border)
    for kind in rng.permutation(len(kinds))[: rng.integers(1, 4)]:
        kinds[kind](color, alpha, rng)
    timer = (int(rng.integers(20, width - 140)), int(rng.choice([40, height - 24])))
    return Overlay(color, alpha, timer if rng.random() < 0.3 else None)


def _tag(color: np.ndarray, alpha: np.ndarray, rng: np.random.Generator) -> None:
    """A name on a dark field, which lets more or less of the picture through."""
    text, size = str(rng.choice(_NAMES)), float(rng.uniform(0.5, 1.1))
    (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 2)
    x, y = _corner(alpha.shape, (w + 24, h + 20), rng)
    blue, green, red = (level // 2 for level in _paint(rng))
    _fill(color, alpha, (x, y, w + 24, h + 20), (blue, green, red), rng)
    _write(color, alpha, text, (x + 12, y + h + 10), size)


def _icon(color: np.ndarray, alpha: np.ndarray, rng: np.random.Generator) -> None:
    """A disc with a stroke, as a microphone that is muted."""
    radius = int(rng.integers(*_ICON_PX))
    x, y = _corner(alpha.shape, (2 * radius, 2 * radius), rng)
    _disc(color, alpha, (x + radius, y + radius), radius, _paint(rng))


def _bar(color: np.ndarray, alpha: np.ndarray, rng: np.random.Generator) -> None:
    """A row of buttons from side to side."""
    height, width = alpha.shape
    thick = int(rng.integers(*_BAR_PX))
    top = 0 if rng.random() < 0.3 else height - thick
    _fill(color, alpha, (0, top, width, thick), _paint(rng), rng)
    for x in np.linspace(0.3, 0.7, rng.integers(2, 7)) * width:
        _disc(color, alpha, (int(x), top + thick // 2), thick // 3, _paint(rng))


def _border(color: np.ndarray, alpha: np.ndarray, rng: np.random.Generator) -> None:
    """The line around who speaks."""
    thick, paint = int(rng.integers(2, 9)), _paint(rng)
    corner = (alpha.shape[1] - 1, alpha.shape[0] - 1)
    cv2.rectangle(color, (0, 0), corner, paint, thick)
    cv2.rectangle(alpha, (0, 0), corner, 255, thick)


def _corner(
    shape: tuple[int, ...], size_wh: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int]:
    """Where something of this size stands: in a corner, a few pixels from the edges."""
    away = rng.integers(4, 40, size=2)
    right, low = rng.random(2) < (0.3, 0.7)
    x = shape[1] - size_wh[0] - away[0] if right else away[0]
    y = shape[0] - size_wh[1] - away[1] if low else away[1]
    return int(x), int(y)


def _paint(rng: np.random.Generator) -> tuple[int, int, int]:
    """Mostly a grey, as of most programs; else any colour."""
    blue, green, red = rng.integers(0, 256, 3).tolist()
    return (blue, green, red) if rng.random() < 0.4 else (blue, blue, blue)


def _fill(
    color: np.ndarray,
    alpha: np.ndarray,
    box: tuple[int, int, int, int],
    paint: tuple[int, int, int],
    rng: np.random.Generator,
) -> None:
    x, y, w, h = box
    color[y : y + h, x : x + w] = paint
    alpha[y : y + h, x : x + w] = int(rng.choice([255, int(rng.integers(90, 255))]))


def _disc(
    color: np.ndarray,
    alpha: np.ndarray,
    center: tuple[int, int],
    radius: int,
    paint: tuple[int, int, int],
) -> None:
    cv2.circle(color, center, radius, paint, -1, cv2.LINE_AA)
    cv2.circle(alpha, center, radius, 255, -1, cv2.LINE_AA)
    reach = radius // 2
    ends = ((center[0] - reach, center[1] + reach), (center[0] + reach, center[1] - reach))
    cv2.line(color, *ends, tuple(255 - c for c in paint), max(2, radius // 6), cv2.LINE_AA)


def _write(
    color: np.ndarray, alpha: np.ndarray, text: str, at: tuple[int, int], size: float
) -> None:
    """White letters; where they soften, what is under them shows through."""
    letters = np.zeros_like(alpha)
    cv2.putText(letters, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 2, cv2.LINE_AA)
    share = cv2.merge([letters] * 3).astype(np.float32) / 255
    color[:] = np.rint(color * (1 - share) + 255 * share)
    np.maximum(alpha, letters, out=alpha)
