"""A recording as pictures, one per frame."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from vader_rt.errors import InputError
from vader_rt.io.files import file_sha256, read_bytes
from vader_rt.io.frames import ArrayFrame, fit, same_shape
from vader_rt.io.images import decode_image
from vader_rt.io.video import USUAL_FPS, checked_size
from vader_rt.stateful import State

_NUMBER = re.compile(r"(.*?)(\d+)\D*")
"""What stands before the last number of a name, and that number."""


@dataclass
class _Found:
    """What was found whenever the pictures were read: names of those that were left out.

    reached: how many were come to, at most.
    """

    other_shape: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)
    reached: int = 0


@dataclass(frozen=True)
class Pictures:
    """Files of pictures in the order of the frames; see `VideoFile`.

    One that cannot be decoded is left out, as what is damaged of a video is.
    """

    paths: Sequence[Path]
    size_wh: tuple[int, int]
    fps: float = 0.0
    _found: _Found = field(default_factory=_Found, compare=False, repr=False)

    @classmethod
    def of(cls, paths: Sequence[Path], max_pixels: int) -> Pictures:
        """Pictures, of which the first that can be decoded says the size.

        Raises:
            InputError: one does not exist, none can be decoded, or the first is too small or too
            large.
        """
        for path in paths:
            if not path.is_file():
                raise InputError(f"{path}: does not exist; give an image file")
        for path in paths:
            image = _decoded(path)
            if image is not None:
                return cls(paths, checked_size(image, str(path), max_pixels))
        raise InputError(f"{paths[0]}: is no image that OpenCV can read, nor is any other picture")

    @property
    def name(self) -> str:
        return f"{self.paths[0].name} … {self.paths[-1].name}"

    @property
    def frame_hint(self) -> int:
        return len(self.paths)

    def frames(self) -> Iterator[np.ndarray]:
        for count, path in enumerate(self.paths, start=1):
            self._found.reached = max(count, self._found.reached)
            image = _decoded(path)
            if image is None:
                self._found.damaged.add(path.name)
            elif same_shape(image.shape[1::-1], self.size_wh):
                yield fit(image, self.size_wh)
            else:
                self._found.other_shape.add(path.name)

    def views(self) -> Iterator[ArrayFrame]:
        return (ArrayFrame(frame) for frame in self.frames())

    def sha256(self) -> str:
        digests = "".join(file_sha256(path) for path in self.paths)
        return hashlib.sha256(digests.encode()).hexdigest()

    def losses(self) -> list[str]:
        found = self._found
        lost = _said_missing(missing(self.paths[: found.reached]))
        kinds = {"cannot be decoded": found.damaged, "are of another shape": found.other_shape}
        return lost + [
            f"{len(names)} of the pictures {what}, left out: {min(names)} is the first"
            for what, names in kinds.items()
            if names
        ]

    def notes(self) -> list[str]:
        return []

    def seconds(self) -> None:
        return None

    def times(self) -> list[float | None]:
        return []

    def time(self, index: int) -> float:
        return index / USUAL_FPS

    @property
    def live(self) -> bool:
        return False

    def parts(self) -> None:
        return None

    def state(self) -> State:
        found = self._found
        return {
            "other_shape": sorted(found.other_shape),
            "damaged": sorted(found.damaged),
            "reached": found.reached,
        }

    def restore(self, state: State) -> None:
        found = self._found
        found.other_shape, found.damaged = set(state["other_shape"]), set(state["damaged"])
        found.reached = state["reached"]

    def facts(self) -> None:
        return None


def missing(paths: Sequence[Path]) -> list[tuple[Path, Path, int]]:
    """Where numbers are left out in the names of pictures: between which two, and how many.

    Numbers may count in steps, which then most of the pictures keep; else nothing is missing.
    """
    steps = list(_steps(paths))
    usual, count = Counter(step for *_, step in steps).most_common(1)[0] if steps else (0, 0)
    if usual < 1 or 2 * count <= len(steps):
        return []
    return [(before, path, step // usual - 1) for before, path, step in steps if step // usual > 1]


def _steps(paths: Sequence[Path]) -> Iterator[tuple[Path, Path, int]]:
    """Neighbours whose names differ in their last number, and by how much."""
    for before, path in pairwise(paths):
        one, other = _NUMBER.fullmatch(before.stem), _NUMBER.fullmatch(path.stem)
        if one and other and before.parent == path.parent and one[1] == other[1]:
            yield before, path, int(other[2]) - int(one[2])


def _said_missing(holes: Sequence[tuple[Path, Path, int]]) -> list[str]:
    if not holes:
        return []
    before, path, _ = holes[0]
    total = sum(count for *_, count in holes)
    said = "1 picture is missing" if total == 1 else f"{total} pictures are missing"
    places = "" if len(holes) == 1 else f" in {len(holes)} places, the first"
    return [f"{said}{places} between {before.name} and {path.name}"]


def _decoded(path: Path) -> np.ndarray | None:
    """A picture; None if it is damaged.

    Raises:
        InputError: the system does not give the file.
    """
    data = read_bytes(path, "an image file")
    try:
        return decode_image(data, str(path))
    except InputError:
        return None
