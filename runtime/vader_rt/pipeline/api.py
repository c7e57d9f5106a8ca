"""Reconstruct a call from Python: frames → virtual background → leak → room → report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from vader_rt.errors import InputError
from vader_rt.io.images import MAX_PIXELS
from vader_rt.io.memory import give_back
from vader_rt.io.timer import StageTimer
from vader_rt.origins.pictures import FramePictures
from vader_rt.pipeline.choose import LEAST_FRAMES, Chosen
from vader_rt.pipeline.finish import finish
from vader_rt.pipeline.options import Models, Options, Truth, load_models, read_truth
from vader_rt.pipeline.recover import Recovery
from vader_rt.pipeline.report import report
from vader_rt.pipeline.result import Reconstruction
from vader_rt.pipeline.scan import Scan
from vader_rt.pipeline.seen import Seen
from vader_rt.sources.grammar import Source, open_source
from vader_rt.sources.source import FrameSource


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


def reconstruct_stream(source: Source, **options: Any) -> Iterator[Progress]:
    """Like `reconstruct`, but yield a `Progress` after every frame; the last one has the result."""
    return _progress(source, Options(**options))


def _progress(source: Source, settings: Options) -> Iterator[Progress]:
    models, timer = load_models(settings), StageTimer()
    limit, most = settings.time_limit, settings.max_pixels or MAX_PIXELS
    with open_source(source, max_pixels=most, selection=settings.selection) as frames:
        job = _Job(frames, settings, models, timer, read_truth(settings, frames.size_wh))
        chooser = settings.chooser(models.frame.contract, frames)
        scan = Scan(frames, models.segmenter, timer, chooser)
        for count in _until(limit and limit / 2, timer, scan.run()):
            later = partial(job.later, scan) if frames.live else None
            yield Progress("scan", count, frames.frame_hint, _later=later)
        seen, to_the_end = scan.seen(), scan.complete
        del scan  # and the frames that it keeps, once `recovered` has let go of them
        yield from job.recovered(seen, to_the_end, limit)


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

    def recovered(
        self, seen: Seen, to_the_end: bool, limit: float | None = None
    ) -> Iterator[Progress]:
        """The second stage, from what was seen in the first. limit: seconds for the whole job."""
        options, models, timer = self.options, self.models, self.timer
        given = options.virtual_background, options.virtual_library
        scenes = seen.scenes(models.frame, *given)
        chosen, unmasked = seen.chosen, seen.unmasked
        pictures = FramePictures()
        bare = seen.bare_room(scenes[0].virtual.image, models.person, pictures)
        del seen
        give_back()
        recovery = Recovery(
            *(models, scenes, chosen.total, timer),
            unmasked=unmasked,
            bare=bare,
            pictures=pictures,
            cpu_features=options.cpu_features,
        )
        run = _Run(self, chosen, recovery, to_the_end)
        recovering = recovery.run(chosen.frames())
        for count in _until(limit, timer, recovering, at_least=LEAST_FRAMES):
            yield Progress("recover", count, chosen.count, _later=run.later)
        if not recovery.leaks:
            name = self.source.name
            raise InputError(f"{name}: no frame could be read a second time; did it change?")
        yield Progress("recover", chosen.count, chosen.count, run.result(last=True))

    def _at_once(self, seen: Seen) -> Reconstruction:
        result = None
        for progress in self.recovered(seen, to_the_end=False):
            result = progress.result
        assert result is not None
        return result


@dataclass(frozen=True)
class _Run:
    """What the end of a job and its report are made of. to_the_end: whether all was scanned."""

    job: _Job
    chosen: Chosen
    recovery: Recovery
    to_the_end: bool

    def later(self) -> Callable[[], Reconstruction]:
        """What is recovered by now; the next frame changes what it is made of."""
        result = self.result()
        return lambda: result

    def result(self, *, last: bool = False) -> Reconstruction:
        """What is recovered by now. last: see `Recovery.recovered`."""
        job, timeline = self.job, self._timeline()
        parts = (job.models, job.options, job.truth, job.timer)
        found = finish(self.recovery, timeline, *parts, last=last)
        said = report(
            found,
            source=job.source,
            options=job.options,
            models=job.models,
            recovery=self.recovery,
            timer=job.timer,
            complete=self.to_the_end and len(self.recovery.leaks) == self.chosen.count,
        )
        return replace(found, report=said)

    def _timeline(self) -> list[float]:
        """The leak of every frame; of one that is unmasked, all that is not the caller."""
        unmasked, leaks = self.recovery.unmasked.frames, self.recovery.leaks
        masked = {index: leak for index, leak in leaks.items() if index not in unmasked}
        timeline = self.chosen.timeline(masked or leaks)
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
