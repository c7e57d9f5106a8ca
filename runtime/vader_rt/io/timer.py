"""Where the time goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

from vader_rt.stateful import State


class StageTimer:
    """Seconds spent per stage, since it was `started`.

    runs: how many processes did the work, one after the other.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.started, self.runs = datetime.now(timezone.utc), 1
        self._start, self._before = time.perf_counter(), 0.0

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    @property
    def total(self) -> float:
        """Seconds of this run."""
        return time.perf_counter() - self._start

    @property
    def worked(self) -> float:
        """Seconds of all runs."""
        return self._before + self.total

    def state(self) -> State:
        """What `restore` takes, in another process."""
        started = self.started.isoformat()
        return {
            "seconds": dict(self.seconds),
            "worked": self.worked,
            "started": started,
            "runs": self.runs,
        }

    def restore(self, state: State) -> None:
        """Count on from where an earlier run was ended."""
        self.seconds, self._before = state["seconds"], state["worked"]
        self.started, self.runs = datetime.fromisoformat(state["started"]), state["runs"] + 1
