"""The first pass over a call: every frame at a small size, and some of them kept."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from vader_rt.engines.engine import Engine
from vader_rt.features.planes import InputPlanes
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.frames import FrameView
from vader_rt.io.images import shrunk
from vader_rt.io.prefetch import prefetch
from vader_rt.io.timer import StageTimer
from vader_rt.pipeline.choose import THUMBNAIL_WH, Chooser
from vader_rt.pipeline.chosen import AllFrames, ChosenFrames
from vader_rt.pipeline.seen import Seen
from vader_rt.pipeline.timeline import CheapLeak
from vader_rt.sources.grammar import open_source
from vader_rt.sources.source import FrameSource
from vader_rt.virtual.kept_frames import Spread, kept_capacity
from vader_rt.virtual.looping import LoopFinder
from vader_rt.virtual.shots import SKETCH_WH, CutFinder, look_size

_STREAM_PATIENCE = 1.0
"""Seconds that the end of a job waits for a stream."""


class Scan:
    """Reads a call once: looks at every frame at a small size, and keeps some.

    While `run` goes on and after it, `seen` tells what was seen by then.

    chooser: of the frames that are to go through the network; None takes all.
    complete: whether the call was read to its end.
    """

    def __init__(
        self,
        source: FrameSource,
        segmenter: Segmenter,
        timer: StageTimer,
        chooser: Chooser | None = None,
    ) -> None:
        self._source, self._segmenter, self._timer = source, segmenter, timer
        self._views = Spread[FrameView](kept_capacity(source.size_wh))
        self._loops = LoopFinder()
        self._chooser = chooser
        self._leaks, self.complete = CheapLeak(), False
        self._cuts = CutFinder()

    def run(self) -> Iterator[int]:
        """Yield the number of frames read, after each."""
        with self._timer.measure("scan"):
            patience = _STREAM_PATIENCE if self._source.live else None
            looked_at = enumerate(prefetch(self._looked_at(), patience=patience), start=1)
            for count, (view, thumbnail, sketch) in looked_at:
                self._loops.add(thumbnail)
                self._cuts.add(sketch, partial(self._small, view))
                self._views.offer(view)
                if self._chooser is not None:
                    self._chooser.add(view, thumbnail)
                    self._leaks.add(thumbnail)
                yield count
        self.complete = True

    def seen(self) -> Seen:
        """What was seen by now; it stays as it is while the scan goes on."""
        count = self._views.seen
        if self._chooser is None:
            chosen: AllFrames | ChosenFrames = AllFrames(self._source, count)
        else:
            leaks = self._leaks if self.complete else self._leaks.copy()
            views = {candidate.index: candidate.view for candidate in self._chooser.chosen()}
            chosen = ChosenFrames(self._source, views, leaks, count)
        period = None if self._source.live else self._loops.period
        return Seen(
            source=self._source,
            segmenter=self._segmenter,
            timer=self._timer,
            chosen=chosen,
            cuts=self._cuts.cuts(),
            period=period,
            views=dict(self._views.even),
        )

    def _looked_at(self) -> Iterator[tuple[FrameView, np.ndarray, np.ndarray]]:
        """Frames with their thumbnails and sketches, which are made where frames are decoded."""
        for view in self._source.views():
            yield view, view.luma(THUMBNAIL_WH), view.sketch(SKETCH_WH)

    def _small(self, view: FrameView) -> np.ndarray:
        return shrunk(view.bgr(), look_size(self._source.size_wh))


def network_inputs(
    video: str | Path, engine: Engine, segmenter: Segmenter, count: int = 4
) -> Iterator[np.ndarray]:
    """Yield the frame network's input for `count` frames spread over a call, (1, C, H, W) float32.

    It is what `vader_rt.pipeline.recover` gives to the network before the main scene, where that
    is a picture.
    """
    with open_source(video) as frames:
        scan = Scan(frames, segmenter, StageTimer())
        for _ in scan.run():
            pass
        seen = scan.seen()
        static = seen.scenes(engine)[0].planes
    kept, size_wh = seen.kept.frames, engine.contract.size_wh
    planes = InputPlanes(engine.contract.inputs, size_wh, static)
    for index in np.linspace(0, len(kept) - 1, count).round().astype(int):
        mask = segmenter.mask(kept[index], size_wh) if "person" in planes.slices else None
        yield planes.fill(shrunk(kept[index], size_wh), mask).copy()
