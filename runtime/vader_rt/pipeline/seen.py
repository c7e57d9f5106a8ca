"""What a first pass has seen of a call: its virtual backgrounds, and what a first look shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from vader_rt.engines.engine import Engine
from vader_rt.errors import InputError
from vader_rt.features.detail import VirtualDetail
from vader_rt.features.planes import StaticPlanes
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.frames import FrameView
from vader_rt.io.images import shrunk
from vader_rt.io.prefetch import prefetch
from vader_rt.io.timer import StageTimer
from vader_rt.origins.pictures import FramePictures
from vader_rt.pipeline.chosen import AllFrames, ChosenFrames
from vader_rt.room.first_look import first_look, looked_at
from vader_rt.sources.source import FrameSource
from vader_rt.sources.tiles import find_tiles
from vader_rt.virtual.bare_room import BareRoom, bare_room
from vader_rt.virtual.estimate import VirtualBackground, estimate_virtual, loop_virtual
from vader_rt.virtual.given import Given, given_virtual, library_virtual
from vader_rt.virtual.kept_frames import KeptFrames, Pictures, Spread, temporal_mode
from vader_rt.virtual.looping import LoopingVideo
from vader_rt.virtual.scenes import Scene, split_scenes
from vader_rt.virtual.shots import Cut
from vader_rt.virtual.unmasked import Unmasked, find_unmasked

_MASK_WH = (480, 270)
"""Size of the person masks of unmasked frames."""
_LOOKS_FOR_TILES = 8
_MOST_UNMASKED = 8
"""Unmasked frames of which the room is made, at most."""


@dataclass(frozen=True)
class Seen:
    """What a scan has seen by some moment.

    chosen: the frames that are to go through the network. cuts: in the recording. period: asks for
    that of a looping background, None where the recording cannot be read again. views: frames
    spread over it, by index.
    """

    source: FrameSource
    segmenter: Segmenter
    timer: StageTimer
    chosen: AllFrames | ChosenFrames
    cuts: Sequence[Cut]
    period: Callable[[], int | None] | None
    views: Mapping[int, FrameView]

    @cached_property
    def unmasked(self) -> Unmasked:
        """The frames that show the camera's picture."""
        with self.timer.measure("unmasked"):
            count, kept = self.chosen.total, self._all_kept
            return find_unmasked(self.cuts, count, kept, self.segmenter.mask, self.source.time)

    def bare_room(
        self, virtual: np.ndarray, person: Segmenter | None, pictures: FramePictures
    ) -> BareRoom | None:
        """The room as unmasked frames show it; None where there is none of them.

        virtual: the virtual background. person: of `vader_rt.pipeline.options.Models`. pictures:
        where the frames are added to.
        """

        def mask(frame: np.ndarray) -> np.ndarray:
            masks = [self.segmenter.mask(frame, _MASK_WH)]
            if person is not None:
                masks.append(person.mask(frame, _MASK_WH))
            return np.maximum.reduce(masks)

        if not self.unmasked.frames:
            return None
        with self.timer.measure("unmasked"):
            spread = Spread[int](_MOST_UNMASKED)
            for index in sorted(self.unmasked.frames):
                spread.offer(index)
            frames = self._frames(set(spread.kept.values()))
            for index, frame in frames.items():
                pictures.add_unmasked(index, frame)
            return bare_room(frames, mask, virtual) if frames else None

    def _frames(self, wanted: set[int]) -> dict[int, np.ndarray]:
        """Some frames by index; of what cannot be read again, those that are held."""
        live = self.source.live
        views = self.chosen.held().items() if live else enumerate(self.source.views())
        return {index: view.bgr() for index, view in views if index in wanted}

    @property
    def tiles(self) -> int:
        """How many tiles of a gallery the recording shows; 0 where it looks like one call."""
        frames = self._all_kept.frames
        step = max(1, len(frames) // _LOOKS_FOR_TILES)
        found = find_tiles([frames[i] for i in range(0, len(frames), step)]) if frames else []
        return len(found) if len(found) > 1 else 0

    @cached_property
    def kept(self) -> KeptFrames:
        """Masked frames spread over the call, with their person masks."""
        kept, unmasked = self._all_kept, self.unmasked.frames
        masked = [place for place, index in enumerate(kept.indices) if index not in unmasked]
        return kept if len(masked) == len(kept.indices) else kept.subset(masked)

    @cached_property
    def _all_kept(self) -> KeptFrames:
        """Frames spread over the call, with their person masks."""
        views = list(self.views.values())
        frames = Pictures(lambda index: views[index].bgr(), len(views))
        masks = [self.segmenter.mask(frame) for frame in frames]
        return KeptFrames(frames, masks, list(self.views))

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
        with self.timer.measure("virtual"):
            parts = split_scenes(self.kept)
            given = _given(parts, virtual_background, virtual_library)
            images = [None if one is None else one.picture.image for one in given]
            virtuals = [estimate_virtual(*pair) for pair in zip(parts, images, strict=True)]
            looping = (
                self._looping() if virtuals[0].kind == "moving" and images[0] is None else None
            )
        if looping is not None:
            return [self._looping_scene(engine, looping)]
        with self.timer.measure("look"):
            rows = zip(virtuals, parts, given, strict=True)
            return [_scene(engine, *row) for row in rows]

    def _looping(self) -> LoopingVideo | None:
        period = None if self.period is None else self.period()
        if period is None:
            return None
        looping = LoopingVideo(self.source.size_wh, period)
        looping.learn(prefetch(self.source.frames()), self.segmenter)
        return looping

    def _looping_scene(self, engine: Engine, looping: LoopingVideo) -> Scene:
        """The one scene of a call before a video that runs in a loop."""
        with self.timer.measure("virtual"):
            indices = self.kept.indices
            behind = Pictures(lambda at: looping.at(indices[at]), len(indices))
            virtual = loop_virtual(self.kept, looping.at(0), behind)
        with self.timer.measure("look"):
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
