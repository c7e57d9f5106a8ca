"""Make the bundled sample call: `python -m train.compose.sample_call -o tests/data/sample`.

The caller is the astronaut Eileen Collins (NASA, public domain, from scikit-image), swaying; the
room and the virtual background are drawn here. It is a demonstration and a test, not part of
training.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from train.calls import CallName
from train.compose.camera import SIZE_WH, CallRecipe
from train.compose.clients import STYLES, Client
from train.compose.material import PersonClip
from train.compose.writer import write_call
from vader_rt.cli.exit_codes import exit_code
from vader_rt.features.segmenter import Segmenter

NAME = CallName("astronaut", "sway", "study", "waves", "generous")
FRAMES = 120


def astronaut() -> PersonClip:
    """The portrait with an alpha from the selfie segmenter, (1, 512, 512)."""
    from skimage.data import astronaut as portrait

    image = cv2.cvtColor(portrait(), cv2.COLOR_RGB2BGR)
    mask = cv2.resize(
        Segmenter(threads=1)(image), image.shape[1::-1], interpolation=cv2.INTER_CUBIC
    )
    alpha = np.clip((mask - 0.5) * 4 + 0.5, 0, 1)
    return PersonClip(image[None], (alpha * 255).astype(np.uint8)[None])


def draw_room(size_wh: tuple[int, int] = SIZE_WH) -> np.ndarray:
    """A study: wall, window, shelves of books, picture and lamp. (H, W, 3) uint8 BGR."""
    width, height = SIZE_WH  # drawn in these pixels, scaled at the end
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    shade = 1 - 0.25 * np.hypot(x / width - 0.25, y / height - 0.3)
    room = np.array((176, 190, 198), np.float32) * shade[..., None]
    cv2.rectangle(room, (0, 640), (width, height), (70, 96, 128), -1)
    _window(room, (60, 70, 330, 400))
    _picture(room, (430, 90, 590, 290))
    for top in (150, 330, 510):
        _shelf(room, (790, top, 1230), seed=top)
    cv2.line(room, (700, 640), (700, 360), (60, 60, 66), 8)
    cv2.fillPoly(
        room,
        [np.array([(650, 360), (750, 360), (730, 270), (670, 270)], np.int32)],
        (120, 214, 250),
    )
    drawn = np.clip(cv2.GaussianBlur(room, (3, 3), 0), 0, 255).astype(np.uint8)
    return cv2.resize(drawn, size_wh, interpolation=cv2.INTER_AREA)


def draw_virtual(size_wh: tuple[int, int] = SIZE_WH) -> np.ndarray:
    """Soft waves of colour. (H, W, 3) uint8 BGR."""
    width, height = size_wh
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wave = y / height + 0.08 * np.sin(x / 170) + 0.05 * np.sin(x / 67 + 1)
    bands = 0.5 + 0.5 * np.sin(9 * wave)
    image = np.array((150, 92, 38), np.float32) * (1 - bands[..., None])
    image += np.array((206, 178, 96), np.float32) * bands[..., None]
    return np.clip(image * (0.75 + 0.35 * x / width)[..., None], 0, 255).astype(np.uint8)


def _window(room: np.ndarray, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    sky = np.linspace(0, 1, bottom - top, dtype=np.float32)[:, None, None]
    room[top:bottom, left:right] = (1 - sky) * (232, 190, 128) + sky * (238, 228, 210)
    cv2.circle(room[top:bottom, left:right], (190, bottom - top), 90, (92, 138, 84), -1)
    for a, b in (((left, top), (right, bottom)), ((left, top), ((left + right) // 2, bottom))):
        cv2.rectangle(room, a, b, (240, 244, 246), 12)


def _picture(room: np.ndarray, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    cv2.rectangle(room, (left, top), (right, bottom), (210, 226, 232), -1)
    for i, color in enumerate(((60, 76, 190), (92, 160, 60), (180, 110, 60))):
        cv2.circle(room, (left + 50 + 30 * i, top + 60 + 45 * i), 34, color, -1)
    cv2.rectangle(room, (left, top), (right, bottom), (40, 52, 70), 8)


def _shelf(room: np.ndarray, place: tuple[int, int, int], seed: int) -> None:
    left, top, right = place
    rng = np.random.default_rng(seed)
    x = left + 12
    while x < right - 30:
        wide, high = int(rng.integers(16, 34)), int(rng.integers(80, 122))
        color = tuple(int(c) for c in rng.integers(40, 220, 3))
        cv2.rectangle(room, (x, top + 130 - high), (x + wide, top + 130), color, -1)
        cv2.line(room, (x + wide, top + 130 - high), (x + wide, top + 130), (40, 44, 52), 2)
        x += wide + 3
    cv2.rectangle(room, (left, top + 130), (right, top + 146), (62, 88, 122), -1)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m train.compose.sample_call"
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args(argv)
    return exit_code("train.compose.sample_call", lambda: _write(args.output))


def _write(folder: Path) -> int:
    recipe = CallRecipe(
        astronaut(), draw_room(), draw_virtual(), height=0.92, x=0.5, sway_px=120, sway_period=90
    )
    client = Client(Segmenter(threads=1), STYLES["generous"])
    print(write_call(folder, NAME, recipe, client, frames=FRAMES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
