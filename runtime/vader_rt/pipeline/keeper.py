"""Keeps what there is of a second pass in a checkpoint, and makes it of one again."""

from __future__ import annotations

import logging
from types import TracebackType

from vader_rt.engines.engine import Engine
from vader_rt.io.timer import StageTimer
from vader_rt.pipeline.checkpoint import Checkpoint
from vader_rt.pipeline.chosen import restored_choice
from vader_rt.pipeline.prepared import Prepared
from vader_rt.pipeline.recover import Recovery
from vader_rt.sources.source import FrameSource
from vader_rt.stateful import State

log = logging.getLogger(__name__)


class Keeper:
    """Saves a second pass: at its beginning, when it is due, and at its end, whatever ends it.

    source: as the first pass left it.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        source: FrameSource,
        prepared: Prepared,
        recovery: Recovery,
        timer: StageTimer,
    ) -> None:
        self._checkpoint, self._recovery, self._timer = checkpoint, recovery, timer
        self._begin = {"source": source.state(), "prepared": prepared.state()}
        self._saved = len(recovery.leaks)

    def keep(self) -> None:
        """Save it, if it is due; between two frames."""
        if self._checkpoint.is_due:
            self._save()

    def __enter__(self) -> Keeper:
        if not self._recovery.leaks:
            self._save()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._recovery.is_whole and len(self._recovery.leaks) > self._saved:
            self._save()

    def _save(self) -> None:
        try:
            self._try_to_save()
        except KeyboardInterrupt:  # it has its way as soon as nothing can be lost
            self._try_to_save()
            raise

    def _try_to_save(self) -> None:
        """Empty accumulators are large, and need not be saved."""
        count = len(self._recovery.leaks)
        recovery = self._recovery.state() if count else None
        state = {**self._begin, "recovery": recovery, "timer": self._timer.state()}
        if self._checkpoint.save(state):
            self._saved = count


def restored(found: State, source: FrameSource, engine: Engine) -> Prepared:
    """What the second pass began with, of a state that a `Keeper` saved.

    Raises:
        KeyError, ValueError, TypeError: it is none.
    """
    recovery = found["recovery"]
    done = frozenset(recovery["leaks"]) if recovery else frozenset()
    source.restore(found["source"])
    chosen = restored_choice(source, found["prepared"]["chosen"], done)
    source.restore(found["source"])  # to hold frames again is no reading of the job
    log.info("goes on after %d of %d frames", len(done), chosen.count)
    return Prepared.restored(found["prepared"], chosen, engine)


def restore(recovery: Recovery, timer: StageTimer, found: State) -> None:
    """Put back what the frames that are done told.

    Raises:
        KeyError, ValueError, TypeError: the state is of something else.
    """
    timer.restore(found["timer"])
    if found["recovery"] is not None:
        recovery.restore(found["recovery"])
