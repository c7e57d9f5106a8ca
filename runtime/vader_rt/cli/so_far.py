"""What was recovered so far, written while the work goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from vader_rt.cli.streams import tell
from vader_rt.errors import explained

if TYPE_CHECKING:
    from vader_rt.pipeline.api import Progress
    from vader_rt.pipeline.result import Reconstruction

USUAL_SECONDS = 30.0


class SoFar:
    """Every so many seconds, writes what was recovered by then; in a thread, so a stream goes on.

    every: seconds; None writes nothing. write: takes a result. Where writing fails, that is told,
    each reason once, and the work goes on. What is done before the first time is written at its
    end: who asked for it finds it, or hears why not.
    """

    def __init__(self, every: float | None, write: Callable[[Reconstruction], object]) -> None:
        self._every, self._write = every, write
        self._due = time.monotonic() + (every or 0)
        self._thread: threading.Thread | None = None
        self._told = set[str]()

    def update(self, progress: Progress) -> None:
        """Write it, if it is time."""
        busy = self._thread is not None and self._thread.is_alive()
        is_last_chance = self._thread is None and progress.result is not None
        is_time = time.monotonic() >= self._due or is_last_chance
        if self._every is None or busy or not is_time:
            return
        later = progress.later()
        if later is None:
            return
        self._due = time.monotonic() + self._every
        self._thread = threading.Thread(target=self._work, args=(later,), daemon=True)
        self._thread.start()

    def __enter__(self) -> SoFar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._thread.join()

    def _work(self, later: Callable[[], Reconstruction]) -> None:
        try:
            self._write(later())
        except Exception as error:  # whatever it is, the end of the work may go well
            line = f"vader-rt: what was recovered so far is not written: {explained(error)}"
            if line not in self._told:
                tell(line)
            self._told.add(line)


def write_preview(path: Path, result: Reconstruction) -> None:
    """Write the room as a picture, whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    from vader_rt.io.files import write_bytes

    write_bytes(path, result.files()["background.png"])
