"""Recordings whose frames tell their number."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from vader_rt.io.frames import FrameView
from vader_rt.io.video import VideoWriter

SIZE_WH = (128, 96)


def numbered(number: int, size_wh: tuple[int, int] = SIZE_WH) -> np.ndarray:
    """A grey picture, eight levels brighter for each number; its right half is black."""
    picture = np.full((size_wh[1], size_wh[0], 3), 40 + 8 * number, np.uint8)
    picture[:, size_wh[0] // 2 :] = 0
    return picture


def numbers(views: Iterable[FrameView]) -> list[int]:
    """The numbers that frames tell."""
    return [round((float(view.bgr()[:, :40].mean()) - 40) / 8) for view in views]


def write_video(path: Path, which: Iterable[int], size_wh: tuple[int, int] = SIZE_WH) -> Path:
    with VideoWriter(path, size_wh=size_wh, fps=10, crf=12) as writer:
        for number in which:
            writer.write(numbered(number, size_wh))
    return path


def write_pictures(folder: Path, which: Iterable[int], name: str = "frame-{}.png") -> Path:
    folder.mkdir(exist_ok=True)
    for number in which:
        cv2.imwrite(str(folder / name.format(number)), numbered(number))
    return folder
