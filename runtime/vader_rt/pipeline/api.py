"""Reconstruct a call from Python: frames → virtual background → leak → room → report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from vader_rt.errors import InputError
from vader_rt.io.images import MAX_PIXELS
from vader_rt.io.memory import give_back
from vader_rt.pipeline.choose import LEAST_FRAMES, Chosen
from vader_rt.pipeline.finish import finish
from vader_rt.pipeline.options import Models, Options, Truth, load_models, read_truth
from vader_rt.pipeline.recover import Recovery
from vader_rt.pipeline.report import report
from vader_rt.pipeline.result import Reconstruction
from vader_rt.pipeline.scan import Scan
from vader_rt.pipeline.timer import StageTimer
from vader_rt.sources.grammar import Source, open_source
from vader_rt.sources.source import FrameSource


@dataclass
class Progress:
    """Where a reconstruction stands. `result` is there at the end, `snapshot` at any time.

    stage: `scan` looks for the virtual background, `recover` un-mixes.
    frame: frames done in this stage; total: frames in it, 0 while that is unknown.
    """

    stage: Literal["scan", "recover"]
    frame: int
    total: int
    result: Reconstruction | None = None
    _result_so_far: Callable[[], Reconstruction] | None = field(default=None, repr=False)

    def snapshot(self) -> Reconstruction | None:
        """What is recovered so far; None while the virtual background is not known yet."""
        if self.result is not None or self._result_so_far is None:
            return self.result
        return self._result_so_far()


def reconstruct(source: Source, **options: Any) -> Reconstruction:
    """Recover the real room from a call.

    Args:
        source: a video file, a list of files that are its parts, a folder of pictures (see
            `vader_rt.sources.grammar.expanded`), or an iterable of (H, W, 3) uint8 BGR frames.
        **options: see `Options`.

    Raises:
        InputError: the call, the model or an image cannot be read. EngineError: no engine runs.
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
    limit = settings.time_limit
    most = settings.max_pixels or MAX_PIXELS
    with open_source(source, max_pixels=most, selection=settings.selection) as frames:
        truth = read_truth(settings, frames.size_wh)
        scan = Scan(frames, models.segmenter, timer, settings.chooser(models.frame.contract))
        for count in _until(limit and limit / 2, timer, scan.run()):
            yield Progress("scan", count, frames.frame_hint)
        given = settings.virtual_background, settings.virtual_library
        scenes = scan.scenes(models.frame, *given)
        chosen, to_the_end, unmasked = scan.chosen(), scan.complete, scan.unmasked
        bare = scan.bare_room(scenes[0].virtual.image, models.person)
        del scan  # and the frames that it keeps
        give_back()
        recovery = Recovery(
            *(models, scenes, chosen.total, timer),
            unmasked=unmasked,
            bare=bare,
            cpu_features=settings.cpu_features,
        )
        run = _Run(frames, settings, models, timer, truth, chosen, recovery, to_the_end)
        recovering = recovery.run(chosen.frames())
        for count in _until(limit, timer, recovering, at_least=LEAST_FRAMES):
            yield Progress("recover", count, chosen.count, _result_so_far=run.result)
        if not recovery.leaks:
            raise InputError(f"{frames.name}: no frame could be read a second time; did it change?")
        yield Progress("recover", chosen.count, chosen.count, run.result(last=True))


@dataclass(frozen=True)
class _Run:
    """What the end of a job and its report are made of. to_the_end: whether all was scanned."""

    source: FrameSource
    options: Options
    models: Models
    timer: StageTimer
    truth: Truth | None
    chosen: Chosen
    recovery: Recovery
    to_the_end: bool

    def result(self, *, last: bool = False) -> Reconstruction:
        """What is recovered by now. last: see `Recovery.recovered`."""
        timeline = self._timeline()
        parts = (self.models, self.options, self.truth, self.timer)
        found = finish(self.recovery, timeline, *parts, last=last)
        said = report(
            found,
            source=self.source,
            options=self.options,
            models=self.models,
            recovery=self.recovery,
            timer=self.timer,
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
