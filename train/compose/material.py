"""What calls are made from: matted people, rooms and virtual images, in folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vader_rt.errors import InputError
from vader_rt.io.images import IMAGE_SUFFIXES
from vader_rt.io.video import open_video


@dataclass(frozen=True)
class PersonClip:
    """A matted person: `color` (T, H, W, 3) BGR, not premultiplied; `alpha` (T, H, W); uint8.

    tone: (1, 256, 3) uint8 look-up table that changes the colours; None leaves them.
    """

    color: np.ndarray
    alpha: np.ndarray
    tone: np.ndarray | None = None

    def __post_init__(self) -> None:
        assert self.color.shape[:3] == self.alpha.shape, (self.color.shape, self.alpha.shape)

    def at(self, position: float) -> tuple[np.ndarray, np.ndarray]:
        """Colour and alpha at a position in frames; past its end the clip runs back and forth."""
        last = len(self.color) - 1
        index = round(position) % (2 * last) if last else 0
        index = min(index, 2 * last - index)
        color = self.color[index]
        return color if self.tone is None else cv2.LUT(color, self.tone), self.alpha[index]


@dataclass(frozen=True)
class Material:
    """Files by name. `people` holds (colour clip, alpha clip); names have no underscore."""

    people: dict[str, tuple[Path, Path]]
    rooms: dict[str, Path]
    virtuals: dict[str, Path]

    def without(self, held_out: Material) -> Material:
        """What remains when the people, rooms and virtual images of `held_out` are taken away."""
        return Material(
            *(
                {name: path for name, path in mine.items() if name not in theirs}
                for mine, theirs in zip(self._parts(), held_out._parts(), strict=True)
            )
        )

    def only(self, names: set[str]) -> Material:
        """The part of the material whose names are in `names`."""
        return Material(*({n: p for n, p in part.items() if n in names} for part in self._parts()))

    def _parts(self) -> tuple[dict, dict, dict]:
        return self.people, self.rooms, self.virtuals


def read_material(folder: str | Path) -> Material:
    """Find `people/<name>_color.mp4` with `<name>_alpha.mp4`, `rooms/*` and `virtual/*`.

    Raises:
        InputError: a folder is missing or empty, or a colour clip has no alpha clip.
    """
    folder = Path(folder)
    people = {}
    for color in sorted((folder / "people").glob("*_color.mp4")):
        alpha = color.with_name(color.name.replace("_color", "_alpha"))
        if not alpha.is_file():
            raise InputError(f"{alpha}: missing; every *_color.mp4 needs its *_alpha.mp4")
        people[_name(color.stem.removesuffix("_color"))] = (color, alpha)
    material = Material(people, _images(folder / "rooms"), _images(folder / "virtual"))
    for part, found in zip(("people", "rooms", "virtual"), material._parts(), strict=True):
        if not found:
            raise InputError(f"{folder / part}: nothing to compose from; see train/README.md")
    return material


def read_person(color: Path, alpha: Path) -> PersonClip:
    """Decode a matted clip wholly (a few seconds long)."""
    frames = list(open_video(color).frames())
    mattes = [cv2.cvtColor(f, cv2.COLOR_BGR2GRAY) for f in open_video(alpha).frames()]
    count = min(len(frames), len(mattes))
    return PersonClip(np.stack(frames[:count]), np.stack(mattes[:count]))


def _images(folder: Path) -> dict[str, Path]:
    return {
        _name(p.stem): p for p in sorted(folder.glob("*")) if p.suffix.lower() in IMAGE_SUFFIXES
    }


def _name(stem: str) -> str:
    return stem.replace("_", "-")
