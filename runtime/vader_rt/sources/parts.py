"""A recording in several files, one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vader_rt.io.frames import FrameView
from vader_rt.io.video import VideoFile
from vader_rt.stateful import State


@dataclass(frozen=True)
class Parts:
    """Video files as one recording; frames of the later ones are brought to the first one's size.

    Times go on from part to part.
    """

    files: Sequence[VideoFile]

    @classmethod
    def of(cls, files: Sequence[VideoFile]) -> Parts:
        """Files, of which the first says the size."""
        return cls([replace(file, size_wh=files[0].size_wh) for file in files])

    @property
    def name(self) -> str:
        return " + ".join(file.name for file in self.files)

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.files[0].size_wh

    @property
    def fps(self) -> float:
        return self.files[0].fps

    @property
    def frame_hint(self) -> int:
        return sum(file.frame_hint for file in self.files)

    def frames(self) -> Iterator[np.ndarray]:
        return (view.bgr() for view in self.views())

    def views(self) -> Iterator[FrameView]:
        for file in self.files:
            yield from file.views()

    def sha256(self) -> str | None:
        digests = "".join(str(file.sha256()) for file in self.files)
        return hashlib.sha256(digests.encode()).hexdigest()

    def losses(self) -> list[str]:
        return [f"{file.name}: {sentence}" for file in self.files for sentence in file.losses()]

    def notes(self) -> list[str]:
        return [f"{file.name}: {sentence}" for file in self.files for sentence in file.notes()]

    def seconds(self) -> float | None:
        lengths = [length for file in self.files if (length := file.seconds()) is not None]
        return sum(lengths) if len(lengths) == len(self.files) else None

    def times(self) -> list[float | None]:
        return [
            time if time is None else start + time
            for file, start in self._starts()
            for time in file.times()
        ]

    def time(self, index: int) -> float:
        last = 0.0
        for file, start in self._starts():
            count = len(file.times())
            if index < count:
                return start + file.time(index)
            index, last = index - count, start + (file.seconds() or 0.0)
        return last + index / (self.fps or 1.0)

    @property
    def live(self) -> bool:
        return False

    def parts(self) -> Sequence[VideoFile]:
        return self.files

    def state(self) -> State:
        return {"files": [file.state() for file in self.files]}

    def restore(self, state: State) -> None:
        for file, of_file in zip(self.files, state["files"], strict=True):
            file.restore(of_file)

    def facts(self) -> None:
        return None

    def _starts(self) -> Iterator[tuple[VideoFile, float]]:
        start = 0.0
        for file in self.files:
            yield file, start
            start += file.seconds() or 0.0
