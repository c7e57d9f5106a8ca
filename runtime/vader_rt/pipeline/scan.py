"""The first pass over a call: its virtual backgrounds, and what a first look shows before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from vader_rt.engines.engine import Engine
from vader_rt.errors import InputError
from vader_rt.features.detail import VirtualDetail
from vader_rt.features.planes import InputPlanes, StaticPlanes
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.frames import FrameView
from vader_rt.io.images import shrunk
from vader_rt.io.prefetch import prefetch
from vader_rt.pipeline.choose import THUMBNAIL_WH, AllFrames, Chooser, Chosen, ChosenFrames
from vader_rt.pipeline.timeline import CheapLeak
from vader_rt.pipeline.timer import StageTimer
from vader_rt.room.first_look import first_look, looked_at
from vader_rt.sources.grammar import open_source
from vader_rt.sources.source import FrameSource
from vader_rt.virtual.estimate import VirtualBackground, estimate_virtual, loop_virtual
from vader_rt.virtual.given import Given, given_virtual, library_virtual
from vader_rt.virtual.kept_frames import (
    KeptFrames,
    Pictures,
    Spread,
    kept_capacity,
    temporal_mode,
)
from vader_rt.virtual.looping import LoopFinder, LoopingVideo
from vader_rt.virtual.scenes import Scene, split_scenes
from vader_rt.virtual.shots import SKETCH_WH, CutFinder
from vader_rt.virtual.unmasked import BareRoom, Unmasked, bare_room, find_unmasked, look_size

_MASK_WH = (480, 270)
"""Size of the person masks of unmasked frames."""
_MOST_UNMASKED = 8
"""Unmasked frames of which the room is made, at most."""


class Scan:
    """Reads a call once: looks at every frame at a small size, and keeps some.

    `run` comes first; then `scenes` tells what is behind the caller.

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
            looked_at = enumerate(prefetch(self._looked_at()), start=1)
            for count, (view, thumbnail, sketch) in looked_at:
                self._loops.add(thumbnail)
                self._cuts.add(sketch, partial(self._small, view))
                self._views.offer(view)
                if self._chooser is not None:
                    self._chooser.add(view, thumbnail)
                    self._leaks.add(thumbnail)
                yield count
        self.complete = True

    def chosen(self) -> Chosen:
        """The frames that are to go through the network."""
        if self._chooser is None:
            return AllFrames(self._source, self._views.seen)
        chosen = self._chooser.chosen()
        return ChosenFrames(self._source, chosen, self._leaks, self._views.seen)

    def _looked_at(self) -> Iterator[tuple[FrameView, np.ndarray, np.ndarray]]:
        """Frames with their thumbnails and sketches, which are made where frames are decoded."""
        for view in self._source.views():
            yield view, view.luma(THUMBNAIL_WH), view.sketch(SKETCH_WH)

    def _small(self, view: FrameView) -> np.ndarray:
        return shrunk(view.bgr(), look_size(self._source.size_wh))

    @cached_property
    def unmasked(self) -> Unmasked:
        """The frames that show the camera's picture."""
        with self._timer.measure("unmasked"):
            cuts, mask = self._cuts.cuts(), self._segmenter.mask
            return find_unmasked(cuts, self._cuts.frames, self._all_kept, mask, self._source.time)

    def bare_room(self, virtual: np.ndarray, person: Segmenter | None) -> BareRoom | None:
        """The room as unmasked frames show it; None where there is none of them.

        virtual: the virtual background. person: see `scenes`.
        """

        def mask(frame: np.ndarray) -> np.ndarray:
            masks = [self._segmenter.mask(frame, _MASK_WH)]
            if person is not None:
                masks.append(person.mask(frame, _MASK_WH))
            return np.maximum.reduce(masks)

        if not self.unmasked.frames:
            return None
        with self._timer.measure("unmasked"):
            spread = Spread[int](_MOST_UNMASKED)
            for index in sorted(self.unmasked.frames):
                spread.offer(index)
            wanted = set(spread.kept.values())
            views = enumerate(self._source.views())
            frames = [view.bgr() for index, view in views if index in wanted]
            return bare_room(frames, mask, virtual) if frames else None

    @cached_property
    def kept(self) -> KeptFrames:
        """Masked frames spread over the call, with their person masks."""
        kept, unmasked = self._all_kept, self.unmasked.frames
        masked = [place for place, index in enumerate(kept.indices) if index not in unmasked]
        return kept if len(masked) == len(kept.indices) else kept.subset(masked)

    @cached_property
    def _all_kept(self) -> KeptFrames:
        """Frames spread over the call, with their person masks."""
        views = list(self._views.even.values())
        frames = Pictures(lambda index: views[index].bgr(), len(views))
        masks = [self._segmenter.mask(frame) for frame in frames]
        return KeptFrames(frames, masks, list(self._views.even))

    def scenes(
        self,
        engine: Engine,
        virtual_background: str | Path | None = None,
        virtual_library: str | Path | None = None,
    ) -> list[Scene]:
        """The call's virtual backgrounds, the main one first, each with the network's planes.

        virtual_background, virtual_library: see `vader_rt.pipeline.options.Options`.

        Raises:
            InputError: an image cannot be read, or is in none of the scenes.
        """
        with self._timer.measure("virtual"):
            parts = split_scenes(self.kept)
            given = _given(parts, virtual_background, virtual_library)
            images = [None if one is None else one.picture.image for one in given]
            virtuals = [estimate_virtual(*pair) for pair in zip(parts, images, strict=True)]
            looping = (
                self._looping() if virtuals[0].kind == "moving" and images[0] is None else None
            )
        if looping is not None:
            return [self._looping_scene(engine, looping)]
        with self._timer.measure("look"):
            rows = zip(virtuals, parts, given, strict=True)
            return [_scene(engine, *row) for row in rows]

    def _looping(self) -> LoopingVideo | None:
        period = self._loops.period()
        if period is None:
            return None
        looping = LoopingVideo(self._source.size_wh, period)
        looping.learn(prefetch(self._source.frames()), self._segmenter)
        return looping

    def _looping_scene(self, engine: Engine, looping: LoopingVideo) -> Scene:
        """The one scene of a call before a video that runs in a loop."""
        with self._timer.measure("virtual"):
            indices = self.kept.indices
            behind = Pictures(lambda at: looping.at(indices[at]), len(indices))
            virtual = loop_virtual(self.kept, looping.at(0), behind)
        with self._timer.measure("look"):
            planes = static_planes(engine, virtual, self.kept, behind)
            return Scene(virtual, planes, looping=looping)


def static_planes(
    engine: Engine,
    virtual: VirtualBackground,
    kept: KeptFrames,
    behind: Sequence[np.ndarray] | None = None,
) -> StaticPlanes:
    """What the frame network is told of a call, after a first look where it wants one.

    behind: the virtual background behind every kept frame, where it moves.
    """
    groups, size_wh = engine.contract.inputs, engine.contract.size_wh
    static = virtual.planes()
    if "mode" in groups:
        static = replace(static, mode=temporal_mode(kept.frames))
    if "look" not in groups:
        return static
    looked = looked_at(len(kept.frames))
    kept = kept.subset(looked)
    frames = [shrunk(frame, size_wh) for frame in kept.frames]
    moving = None if behind is None else [shrunk(behind[i], size_wh) for i in looked]
    look = first_look(engine, static, frames, kept.masks(size_wh), moving)
    return replace(static, look=look)


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
        static = scan.scenes(engine)[0].planes
    kept, size_wh = scan.kept.frames, engine.contract.size_wh
    planes = InputPlanes(engine.contract.inputs, size_wh, static)
    for index in np.linspace(0, len(kept) - 1, count).round().astype(int):
        mask = segmenter.mask(kept[index], size_wh) if "person" in planes.slices else None
        yield planes.fill(shrunk(kept[index], size_wh), mask).copy()


def _scene(
    engine: Engine, virtual: VirtualBackground, part: KeptFrames, given: Given | None
) -> Scene:
    """A scene before a picture; given: what it was taken from, if it was given."""
    planes = static_planes(engine, virtual, part)
    if given is None:
        return Scene(virtual, planes)
    detail = VirtualDetail(shrunk(virtual.image, engine.contract.size_wh))
    return Scene(virtual, planes, given, detail)


def _given(
    parts: Sequence[KeptFrames], path: str | Path | None, library: str | Path | None
) -> list[Given | None]:
    """The known virtual images of the scenes; one that is given has to be in one scene at least.

    Raises:
        InputError: an image cannot be read, or is in none of the scenes.
    """
    if path is None:
        return [library_virtual(library, part) if library else None for part in parts]
    given: list[Given | None] = []
    refused: list[InputError] = []
    for part in parts:
        try:
            given.append(given_virtual(path, part))
        except InputError as error:
            refused.append(error)
            given.append(None)
    if len(refused) == len(parts):
        raise refused[0]
    return given
