"""Calls in the VADER layout: found and checked.

backgrounds/<room>.png
videos/<person>_<gesture>_<room>_<virtual>_<tool>.mp4
masks/<person>_<gesture>_<room>_<tool>.png
truth/<video stem>_matte.mp4, <video stem>_person.mp4, <virtual>.jpg      (optional)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vader_rt.errors import InputError
from vader_rt.io.images import read_gray, read_image
from vader_rt.io.video import open_video

PERSON_FREE = 4
"""A pixel is free of the person where its true alpha is at most this, of 255."""


@dataclass(frozen=True)
class CallName:
    """The parts of a call's file names; none may hold an underscore."""

    person: str
    gesture: str
    room: str
    virtual: str
    tool: str

    @classmethod
    def parse(cls, video: Path) -> CallName:
        parts = video.stem.split("_")
        if len(parts) != 5 or not all(parts):
            raise InputError(
                f"{video.name}: is not named <person>_<gesture>_<room>_<virtual>_<tool>.mp4"
            )
        return cls(*parts)

    @property
    def video(self) -> str:
        return "_".join((self.person, self.gesture, self.room, self.virtual, self.tool))

    @property
    def mask(self) -> str:
        return "_".join((self.person, self.gesture, self.room, self.tool))


@dataclass(frozen=True)
class Call:
    """One call of a folder in the VADER layout."""

    folder: Path
    name: CallName

    @property
    def video(self) -> Path:
        return self.folder / "videos" / f"{self.name.video}.mp4"

    @property
    def room(self) -> Path:
        return self.folder / "backgrounds" / f"{self.name.room}.png"

    @property
    def mask(self) -> Path:
        return self.folder / "masks" / f"{self.name.mask}.png"

    @property
    def virtual(self) -> Path:
        return self.folder / "truth" / f"{self.name.virtual}.jpg"

    def truth(self, kind: str) -> Path:
        """The true `matte` or `person` video."""
        return self.folder / "truth" / f"{self.name.video}_{kind}.mp4"

    @property
    def has_truth(self) -> bool:
        return self.truth("matte").is_file() and self.truth("person").is_file()

    def read_room(self) -> np.ndarray:
        """The real room, (H, W, 3) uint8 BGR."""
        return read_image(self.room)

    def read_mask(self) -> np.ndarray:
        """The leak's maximum over time, (H, W) uint8: the weight in the score."""
        return read_gray(self.mask)

    def truth_frames(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """True matte and person of every frame, (h, w) uint8 each, at the truth's own size."""
        videos = (open_video(self.truth(kind)).frames() for kind in ("matte", "person"))
        for matte, person in zip(*videos, strict=True):
            yield cv2.cvtColor(matte, cv2.COLOR_BGR2GRAY), cv2.cvtColor(person, cv2.COLOR_BGR2GRAY)


def read_calls(folder: str | Path) -> list[Call]:
    """List the calls of a folder, sorted by name.

    Raises:
        InputError: the folder has no videos, a video is misnamed, or its room or mask is missing.
    """
    folder = Path(folder)
    videos = sorted((folder / "videos").glob("*.mp4"))
    if not videos:
        raise InputError(f"{folder}: no videos/*.mp4; a folder in the VADER layout is expected")
    calls = [Call(folder, CallName.parse(video)) for video in videos]
    for call in calls:
        for needed in (call.room, call.mask):
            if not needed.is_file():
                raise InputError(f"{call.video.name}: {needed} is missing")
    return calls


def true_leak(matte: np.ndarray, person: np.ndarray) -> np.ndarray:
    """The leak: the matte where the person is not. (…, H, W) uint8 each, 255 = 1."""
    return np.where(person <= PERSON_FREE, matte, 0)


def read_true_calls(folder: str | Path) -> list[Call]:
    """The calls of a folder whose true matte and person are known; see `read_calls`."""
    return [call for call in read_calls(folder) if call.has_truth]
