"""Reconstruct a call from Python: frames → virtual background → leak → room → report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from vader_rt.errors import InputError
from vader_rt.io.images import MAX_PIXELS
from vader_rt.io.memory import give_back
from vader_rt.io.timer import StageTimer
from vader_rt.pipeline.checkpoint import Checkpoint
from vader_rt.pipeline.choose import LEAST_FRAMES
from vader_rt.pipeline.finish import finish
from vader_rt.pipeline.keeper import Keeper, restore, restored
from vader_rt.pipeline.options import Models, Options, Truth, load_models, read_truth
from vader_rt.pipeline.prepared import Prepared
from vader_rt.pipeline.recover import Recovery
from vader_rt.pipeline.report import report
from vader_rt.pipeline.result import Reconstruction
from vader_rt.pipeline.scan import Scan
from vader_rt.pipeline.seen import Seen
from vader_rt.sources.grammar import Source, open_source
from vader_rt.sources.source import FrameSource

log = logging.getLogger(__name__)


@dataclass
class Progress:
    """Where a reconstruction stands. `result` is there at the end, `snapshot` at any time.

    Attributes:
        stage: `scan` looks for the virtual background, `recover` un-mixes.
        frame: frames done in this stage.
        total: frames in it, 0 while that is unknown.
        result: what was recovered, with the last frame; else None.
    """

    stage: Literal["scan", "recover"]
    frame: int
    total: int
    result: Reconstruction | None = None
    _later: Callable[[], Callable[[], Reconstruction]] | None = field(default=None, repr=False)

    def snapshot(self) -> Reconstruction | None:
        """What is recovered so far; None while the virtual background is not known yet."""
        later = self.later()
        return None if later is None else later()

    def later(self) -> Callable[[], Reconstruction] | None:
        """The same, but as what is still to be called for it, in another thread if need be.

        So a stream goes on in the meantime.
        """
        if self.result is not None:
            result = self.result
            return lambda: result
        return None if self._later is None else self._later()


def reconstruct(source: Source, **options: Any) -> Reconstruction:
    """Recover the real room from a call.

    Args:
        source: a video file, a list of files that are its parts, a folder of pictures (see
            `vader_rt.sources.grammar.expanded`), or an iterable of (H, W, 3) uint8 BGR frames.
        **options: see `Options`.

    Raises:
        InputError: the call, the model or an image cannot be read.
        EngineError: no engine runs.
        UsageError: an option makes no sense.
    """
    result = None
    for progress in reconstruct_stream(source, **options):
        result = progress.result
    assert result is not None
    return result


def reconstruct_stream(source: Source, **options: Any) -> Generator[Progress, None, None]:
    """Like `reconstruct`, but yield a `Progress` after every frame; the last one has the result."""
    return _progress(source, Options(**options))


def _progress(source: Source, settings: Options) -> Generator[Progress, None, None]:
    models, timer = load_models(settings), StageTimer()
    limit, most = settings.time_limit, settings.max_pixels or MAX_PIXELS
    with open_source(source, max_pixels=most, selection=settings.selection) as frames:
        job = _Job(frames, settings, models, timer, read_truth(settings, frames.size_wh))
        checkpoint = Checkpoint.of(settings, frames, models)
        if checkpoint is not None and checkpoint.found is not None:
            yield from job.gone_on(checkpoint, limit)
            return
        chooser = settings.chooser(models.frame.contract, frames)
        scan = Scan(frames, models.segmenter, timer, chooser)
        for count in _until(limit and limit / 2, timer, scan.run()):
            later = partial(job.later, scan) if frames.live else None
            yield Progress("scan", count, frames.frame_hint, _later=later)
        seen, to_the_end = scan.seen(), scan.complete
        del scan  # and the frames that it keeps, once `begun` has let go of them
        yield from job.begun(seen, to_the_end, checkpoint, limit)


@dataclass(frozen=True)
class _Job:
    """What all of a job needs."""

    source: FrameSource
    options: Options
    models: Models
    timer: StageTimer
    truth: Truth | None

    def later(self, scan: Scan) -> Callable[[], Reconstruction]:
        """Takes what a scan has seen by now, and gives what recovers the room from it."""
        return partial(self._at_once, scan.seen())

    def begun(
        self,
        seen: Seen,
        to_the_end: bool,
        checkpoint: Checkpoint | None = None,
        limit: float | None = None,
    ) -> Iterator[Progress]:
        """The second stage, from what was seen in the first. limit: seconds for the whole job."""
        given = self.options.virtual_background, self.options.virtual_library
        scenes = seen.scenes(self.models.frame, *given)
        prepared = Prepared.of(seen, scenes, self.models, to_the_end=to_the_end)
        del seen
        give_back()
        if checkpoint is not None and not to_the_end:
            log.warning("the time limit ended the first pass, of which no checkpoint is kept")
            checkpoint.remove()
            checkpoint = None
        run = self._run(prepared)
        yield from self._recovered(run, self._keeper(run, checkpoint), limit)

    def gone_on(self, checkpoint: Checkpoint, limit: float | None) -> Iterator[Progress]:
        """The second stage, from where an earlier run was ended."""
        with checkpoint.taken() as found:
            prepared = restored(found, self.source, self.models.frame)
            run = self._run(prepared)
            restore(run.recovery, self.timer, found)
        del found  # it is large, and the recovery gives it up at its end
        done = len(run.recovery.leaks)
        if done:
            yield Progress("recover", done, prepared.chosen.count, _later=run.later)
        yield from self._recovered(run, self._keeper(run, checkpoint), limit)

    def _recovered(
        self, run: _Run, keeper: Keeper | None, limit: float | None
    ) -> Iterator[Progress]:
        """The room, from the frames that are not done yet."""
        chosen, recovery = run.prepared.chosen, run.recovery
        recovering = recovery.run(chosen.frames(done=frozenset(recovery.leaks)))
        with keeper or nullcontext(), closing(recovering):
            for count in _until(limit, self.timer, recovering, at_least=LEAST_FRAMES):
                yield Progress("recover", count, chosen.count, _later=run.later)
                if keeper is not None:
                    keeper.keep()
        if not recovery.leaks:
            name = self.source.name
            raise InputError(f"{name}: no frame could be read a second time; did it change?")
        yield Progress("recover", chosen.count, chosen.count, run.result(last=True))

    def _keeper(self, run: _Run, checkpoint: Checkpoint | None) -> Keeper | None:
        if checkpoint is None:
            return None
        return Keeper(checkpoint, self.source, run.prepared, run.recovery, self.timer)

    def _run(self, prepared: Prepared) -> _Run:
        chosen = prepared.chosen
        recovery = Recovery(
            *(self.models, prepared.scenes, chosen.total, self.timer),
            unmasked=prepared.unmasked,
            bare=prepared.bare,
            pictures=prepared.pictures,
            cpu_features=self.options.cpu_features,
        )
        return _Run(self, prepared, recovery)

    def _at_once(self, seen: Seen) -> Reconstruction:
        result = None
        for progress in self.begun(seen, to_the_end=False):
            result = progress.result
        assert result is not None
        return result


@dataclass(frozen=True)
class _Run:
    """What the end of a job and its report are made of."""

    job: _Job
    prepared: Prepared
    recovery: Recovery

    def later(self) -> Callable[[], Reconstruction]:
        """What is recovered by now; the next frame changes what it is made of."""
        result = self.result()
        return lambda: result

    def result(self, *, last: bool = False) -> Reconstruction:
        """What is recovered by now. last: see `Recovery.recovered`."""
        job, timeline, chosen = self.job, self._timeline(), self.prepared.chosen
        whole = self.prepared.to_the_end and len(self.recovery.leaks) == chosen.count
        parts = (job.models, job.options, job.truth, job.timer)
        found = finish(self.recovery, timeline, *parts, last=last)
        said = report(
            found,
            source=job.source,
            options=job.options,
            models=job.models,
            recovery=self.recovery,
            timer=job.timer,
            notes=_notes(self.prepared),
            complete=whole,
        )
        return replace(found, report=said, whole=whole)

    def _timeline(self) -> list[float]:
        """The leak of every frame; of one that is unmasked, all that is not the caller."""
        unmasked, leaks = self.recovery.unmasked.frames, self.recovery.leaks
        masked = {index: leak for index, leak in leaks.items() if index not in unmasked}
        timeline = self.prepared.chosen.timeline(masked or leaks)
        presence = self.recovery.scenes[0].virtual.presence
        for index in unmasked:
            if index < len(timeline):
                timeline[index] = float(1 - presence.mean() / 255)
        return timeline


def _until(
    limit: float | None, timer: StageTimer, counts: Iterator[int], at_least: int = 1
) -> Iterator[int]:
    """The counts, until so many seconds are over; but as many as `at_least`, if there are."""
    for count in counts:
        yield count
        if limit is not None and timer.total > limit and count >= at_least:
            return


def _notes(prepared: Prepared) -> list[str]:
    if not prepared.tiles:
        return []
    return [
        f"it looks like a gallery of {prepared.tiles} tiles, and was taken for one call; "
        "choose one with --tile"
    ]
