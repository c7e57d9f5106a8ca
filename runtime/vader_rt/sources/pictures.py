"""A recording as pictures, one per frame."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vader_rt.io.files import file_sha256
from vader_rt.io.frames import ArrayFrame, fit, same_shape
from vader_rt.io.images import read_image
from vader_rt.io.video import USUAL_FPS, checked_size
from vader_rt.stateful import State


@dataclass(frozen=True)
class Pictures:
    """Files of pictures in the order of the frames; see `VideoFile`."""

    paths: Sequence[Path]
    size_wh: tuple[int, int]
    fps: float = 0.0
    _left_out: set[str] = field(default_factory=set, compare=False, repr=False)

    @classmethod
    def of(cls, paths: Sequence[Path], max_pixels: int) -> Pictures:
        """Pictures, of which the first says the size.

        Raises:
            InputError: it cannot be read, is too small or too large.
        """
        return cls(paths, checked_size(read_image(paths[0]), str(paths[0]), max_pixels))

    @property
    def name(self) -> str:
        return f"{self.paths[0].name} … {self.paths[-1].name}"

    @property
    def frame_hint(self) -> int:
        return len(self.paths)

    def frames(self) -> Iterator[np.ndarray]:
        for path in self.paths:
            image = read_image(path)
            if same_shape(image.shape[1::-1], self.size_wh):
                yield fit(image, self.size_wh)
            else:
                self._left_out.add(path.name)

    def views(self) -> Iterator[ArrayFrame]:
        return (ArrayFrame(frame) for frame in self.frames())

    def sha256(self) -> str:
        digests = "".join(file_sha256(path) for path in self.paths)
        return hashlib.sha256(digests.encode()).hexdigest()

    def losses(self) -> list[str]:
        if not self._left_out:
            return []
        first, count = min(self._left_out), len(self._left_out)
        return [f"{count} of the pictures are of another shape, left out: {first} is the first"]

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
        return {"left_out": sorted(self._left_out)}

    def restore(self, state: State) -> None:
        self._left_out.clear()
        self._left_out.update(state["left_out"])

    def facts(self) -> None:
        return None
