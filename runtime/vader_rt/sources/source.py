"""What a recording is to all that comes after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from vader_rt.io.frames import FrameView
from vader_rt.stateful import State


class FrameSource(Protocol):
    """A recording. It can be read from its start as often as needed, unless it is `live`."""

    @property
    def name(self) -> str: ...

    @property
    def size_wh(self) -> tuple[int, int]: ...

    @property
    def live(self) -> bool:
        """Whether it can be read only once, as it comes, and may have no end."""
        ...

    @property
    def fps(self) -> float:
        """Frames per second; 0 if unknown."""
        ...

    @property
    def frame_hint(self) -> int:
        """Number of frames that the container promises; 0 if none. Never trusted."""
        ...

    def frames(self) -> Iterator[np.ndarray]:
        """Yield (H, W, 3) uint8 BGR frames, all of `size_wh`."""
        ...

    def views(self) -> Iterator[FrameView]:
        """Yield the same frames, unconverted."""
        ...

    def sha256(self) -> str | None:
        """Digest of the file, None for frames that never were a file."""
        ...

    def losses(self) -> list[str]:
        """What of it could not be read so far, a sentence each."""
        ...

    def notes(self) -> list[str]:
        """What else is to be known of its picture, a sentence each."""
        ...

    def seconds(self) -> float | None:
        """How long what was read so far is shown, None if that is not known."""
        ...

    def times(self) -> list[float | None]:
        """When each frame read so far is shown, in seconds; None where the file does not say."""
        ...

    def time(self, index: int) -> float:
        """When a frame is shown, or would be, in seconds; by the rate where that is not known."""
        ...

    def parts(self) -> Sequence[FrameSource] | None:
        """The recordings that it is put together from, None if it is one."""
        ...

    def state(self) -> State | None:
        """What was found at the readings so far; None if no other process could read it again."""
        ...

    def restore(self, state: State) -> None:
        """Let the readings so far be those of another process."""
        ...

    def facts(self) -> dict[str, Any] | None:
        """What the file says of itself, and `counts` of what was read; None if it is none."""
        ...
