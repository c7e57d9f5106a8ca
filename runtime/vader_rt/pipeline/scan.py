"""The first pass over a call: its virtual backgrounds, and what a first look shows before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vader_rt.engines.engine import Engine
from vader_rt.errors import InputError
from vader_rt.features.planes import InputPlanes, VirtualDetail, shrunk
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.prefetch import prefetch
from vader_rt.io.video import FrameSource
from vader_rt.pipeline.timer import Clock
from vader_rt.room.first_look import first_look
from vader_rt.virtual.estimate import (
    FrameSample,
    VirtualBackground,
    estimate_virtual,
    given_virtual,
    library_virtual,
    loop_virtual,
    temporal_mode,
)
from vader_rt.virtual.looping import Film, LoopFinder
from vader_rt.virtual.scenes import Scene, split_scenes


class FirstPass:
    """Reads a call once and keeps frames spread over it, with their person masks.

    `scan` comes first; then `scenes` tells what is behind the caller. sample: what was kept.
    """

    def __init__(self, source: FrameSource, segmenter: Segmenter, clock: Clock) -> None:
        self._source, self._segmenter, self._clock = source, segmenter, clock
        self.sample, self._loops = FrameSample.for_size(source.size_wh), LoopFinder()

    def scan(self) -> Iterator[int]:
        """Yield the number of frames read, after each."""
        with self._clock.measure("scan"):
            for count, frame in enumerate(prefetch(self._source.frames()), start=1):
                self._loops.add(frame)
                if self.sample.wants_next():
                    mask = np.rint(self._segmenter(frame) * 255).astype(np.uint8)
                    self.sample.add(frame, mask)
                else:
                    self.sample.skip()
                yield count

    def scenes(
        self,
        engine: Engine,
        virtual_background: str | Path | None = None,
        virtual_library: str | Path | None = None,
    ) -> list[Scene]:
        """The call's virtual backgrounds, the main one first, each with the network's planes.

        virtual_background, virtual_library: see `vader_rt.pipeline.api.Options`.

        Raises:
            InputError: an image cannot be read, or is in none of the scenes.
        """
        with self._clock.measure("virtual"):
            samples = split_scenes(self.sample)
            paths = [_path_of(part, virtual_background, virtual_library) for part in samples]
            images = _given_images(paths, samples)
            virtuals = [estimate_virtual(*pair) for pair in zip(samples, images, strict=True)]
            film = self._film() if virtuals[0].kind == "moving" and images[0] is None else None
        if film is not None:
            return [self._film_scene(engine, film)]
        scenes = []
        with self._clock.measure("look"):
            for part, virtual, path, image in zip(samples, virtuals, paths, images, strict=True):
                given = detail = None
                if image is not None and path is not None:
                    given = Path(path).name
                    detail = VirtualDetail(shrunk(image, engine.contract.size_wh))
                scenes.append(Scene(virtual, input_planes(engine, virtual, part), given, detail))
        return scenes

    def _film(self) -> Film | None:
        period = self._loops.period()
        if period is None:
            return None
        film = Film(self._source.size_wh, period)
        film.learn(prefetch(self._source.frames()), self._segmenter)
        return film

    def _film_scene(self, engine: Engine, film: Film) -> Scene:
        """The one scene of a call before a film that runs in a loop."""
        with self._clock.measure("virtual"):
            behind = [film.at(index) for index in self.sample.indices]
            virtual = loop_virtual(self.sample, film.at(0), behind)
        with self._clock.measure("look"):
            return Scene(virtual, input_planes(engine, virtual, self.sample, behind), film=film)


def input_planes(
    engine: Engine,
    virtual: VirtualBackground,
    sample: FrameSample,
    behind: Sequence[np.ndarray] | None = None,
) -> InputPlanes:
    """The call's planes for the network, after a first look where it wants one.

    behind: the virtual background behind every frame of the sample, where it moves.
    """
    groups, size_wh = engine.contract.inputs, engine.contract.size_wh
    call = virtual.planes()
    if "mode" in groups:
        call = replace(call, mode=temporal_mode(sample.frames))
    blank = InputPlanes(groups, size_wh, call)
    if "look" not in groups:
        return blank
    small, *frames = (shrunk(image, size_wh) for image in [virtual.image, *sample.frames])
    moving = None if behind is None else [shrunk(image, size_wh) for image in behind]
    look = first_look(engine, blank, small, frames, sample.masks(size_wh), moving)
    return InputPlanes(groups, size_wh, replace(call, look=look))


def _given_images(
    paths: Sequence[str | Path | None], samples: Sequence[FrameSample]
) -> list[np.ndarray | None]:
    """The known virtual images of the scenes; one that is given has to be in one scene at least.

    Raises:
        InputError: an image cannot be read, or is in none of the scenes.
    """
    images: list[np.ndarray | None] = []
    refused: list[InputError] = []
    for path, sample in zip(paths, samples, strict=True):
        try:
            images.append(None if path is None else given_virtual(path, sample))
        except InputError as error:
            refused.append(error)
            images.append(None)
    if refused and len(refused) == len(samples):
        raise refused[0]
    return images


def _path_of(
    sample: FrameSample, given: str | Path | None, library: str | Path | None
) -> str | Path | None:
    """The virtual image, if it was given or stands in the library."""
    if given is not None or library is None:
        return given
    return library_virtual(library, sample)
