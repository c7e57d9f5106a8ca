"""Masks, one a frame: a grey video, or a folder of pictures that are numbered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vader_rt.errors import InputError, reading
from vader_rt.io.images import IMAGE_SUFFIXES, read_gray
from vader_rt.io.video import VideoFile, open_video

_NUMBER = re.compile(r"(\d+)\D*$")
"""The last number in a name is that of the frame."""


@dataclass(frozen=True)
class Masks:
    """Masks of all frames, in their order: of a video, or pictures, their files."""

    path: Path
    pictures: tuple[Path, ...] = ()
    video: VideoFile | None = None

    @property
    def name(self) -> str:
        return self.path.name

    def losses(self) -> list[str]:
        """What of them could not be read so far, a sentence each."""
        return [] if self.video is None else self.video.losses()

    def planes(self) -> Iterator[np.ndarray]:
        """Yield (h, w) uint8, 255 = the person.

        Raises:
            InputError: one cannot be read.
        """
        if self.video is None:
            yield from map(read_gray, self.pictures)
            return
        for frame in self.video.frames():
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)

    def next_of(self, planes: Iterator[np.ndarray]) -> np.ndarray:
        """The next of its planes.

        Raises:
            InputError: there are no more.
        """
        plane = next(planes, None)
        if plane is None:
            raise InputError(f"{self.path}: has fewer masks than the camera has frames")
        return plane


def open_masks(path: Path) -> Masks:
    """A grey video, or a folder of pictures, whose names end in the number of their frame.

    Raises:
        InputError: it is neither, or a number is missing or there twice.
    """
    if not path.is_dir():
        return Masks(path, video=open_video(path))
    with reading(path):
        found = [p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES]
    if not found:
        raise InputError(f"{path}: has no pictures ({', '.join(sorted(IMAGE_SUFFIXES))})")
    numbered = sorted((_number(picture), picture) for picture in found)
    first = numbered[0][0]
    for place, (number, picture) in enumerate(numbered):
        if number < first + place:
            raise InputError(f"{picture}: is one of two masks of frame {number}; leave one there")
        if number > first + place:
            raise InputError(f"{path}: has no mask of frame {first + place}, but later ones")
    return Masks(path, tuple(picture for _, picture in numbered))


def _number(picture: Path) -> int:
    found = _NUMBER.search(picture.stem)
    if found is None:
        raise InputError(f"{picture}: its name has no number; give that of the frame, as 0017.png")
    return int(found[1])
