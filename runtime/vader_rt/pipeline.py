"""The main job: frames → virtual background → features → leak → un-mixing → result."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from vader_rt import provenance
from vader_rt.confidence import logistic, unmixed_terms
from vader_rt.device_memory import Binding
from vader_rt.engines import Engine, EngineName, load_engine
from vader_rt.errors import InputError, UsageError
from vader_rt.features import CallPlanes, InputPlanes, shrunk
from vader_rt.features_cuda import filler_for
from vader_rt.film import Film, LoopFinder
from vader_rt.look import first_look
from vader_rt.prefetch import prefetch
from vader_rt.restore import known_room, restore, restore_planes
from vader_rt.result import CLAIMED, Reconstruction
from vader_rt.samples import SpanSampler
from vader_rt.scenes import Scene, find_scene, split_scenes
from vader_rt.score import Scores, check_truth, score
from vader_rt.segmenter import Segmenter
from vader_rt.unmix import Copier, RoomEstimate, Unmixer, before_other
from vader_rt.video import FrameSource, open_source, read_gray, read_image
from vader_rt.virtual import (
    FrameSample,
    VirtualBackground,
    continued,
    estimate_virtual,
    given_virtual,
    library_virtual,
    loop_virtual,
    temporal_mode,
)

VISIBLE_LEVELS = 6
"""Difference from the virtual background, in levels, that compression alone does not make."""
DEFAULT_MODEL = Path(__file__).parent / "models" / "leaknet.onnx"
DEFAULT_RESTORATION = Path(__file__).parent / "models" / "restorenet.onnx"

Source = str | Path | Iterable[np.ndarray]


@dataclass(frozen=True)
class Options:
    """How to reconstruct; None means the default.

    model: a frame model of `export.to_onnx`; what a model that gives a similarity finds is copied,
    as the seed does. restoration: a model that corrects what was un-mixed. Both may be engines that
    are loaded already. restore: whether to.
    virtual_background: the virtual image, if it is known. virtual_library: a folder of pictures,
    to take it from if it is there. fill: continue the room into what was never seen, which stays
    marked as that. truth, mask: the real room and the true leak, for a score. threads: 0 = all
    cores. device_memory: see `load_engine`. cpu_features: make the features on the CPU even where
    OpenCV could on the GPU.
    """

    model: str | Path | Engine | None = None
    restoration: str | Path | Engine | None = None
    restore: bool = True
    engine: EngineName = "auto"
    virtual_background: str | Path | None = None
    virtual_library: str | Path | None = None
    fill: bool = False
    truth: str | Path | None = None
    mask: str | Path | None = None
    threads: int = 0
    device_memory: Binding | None = None
    cpu_features: bool = False


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
    _job: _Job | None = field(default=None, repr=False)

    def snapshot(self) -> Reconstruction | None:
        """What is recovered so far; None while the virtual background is not known yet."""
        if self.result is not None:
            return self.result
        return self._job.result(complete=False) if self._job is not None else None


def reconstruct(source: Source, **options: Any) -> Reconstruction:
    """Recover the real room from a call.

    Args:
        source: a video file, or an iterable of (H, W, 3) uint8 BGR frames.
        **options: see `Options`.

    Raises:
        InputError: the call, the model or an image cannot be read. EngineError: no engine runs.
    """
    result = None
    for progress in reconstruct_stream(source, **options):
        result = progress.result
    assert result is not None
    return result


def reconstruct_stream(source: Source, **options: Any) -> Iterator[Progress]:
    """Like `reconstruct`, but yield a `Progress` after every frame; the last one has the result."""
    settings = Options(**options)
    engine = _load(settings.model or DEFAULT_MODEL, "frame", settings)
    restoration = _load_restoration(engine, settings)
    segmenter = Segmenter(threads=settings.threads)
    clock = _Clock()
    with open_source(source) as frames:
        truth = _read_truth(settings, frames.size_wh)
        sample, loops = FrameSample.for_size(frames.size_wh), LoopFinder()
        for count in _scan(frames, sample, loops, segmenter, clock):
            yield Progress("scan", count, frames.frame_hint)
        total = sample.frames_seen
        scenes = _scenes(engine, settings, sample, clock)
        if scenes[0].virtual.kind == "moving" and scenes[0].given is None:
            period = loops.period()
            if period is not None:
                with clock.measure("virtual"):
                    film = Film(frames.size_wh, period)
                    film.learn(prefetch(frames.frames()), segmenter)
                scenes = [_film_scene(engine, sample, film, clock)]
        sampler = SpanSampler(engine.contract.size_wh, total) if restoration else None
        job = _Job(frames, settings, engine, restoration, sampler, scenes, clock, truth)
        del sample
        for count in job.run(segmenter):
            yield Progress("recover", count, total, _job=job)
        yield Progress("recover", total, total, job.result())


def call_planes(
    video: str | Path, engine: Engine, segmenter: Segmenter, count: int = 4
) -> Iterator[np.ndarray]:
    """Yield the network's input for `count` frames spread over a call, (1, C, H, W) float32."""
    with open_source(video) as frames:
        sample = FrameSample.for_size(frames.size_wh)
        for _ in _scan(frames, sample, LoopFinder(), segmenter, _Clock()):
            pass
    planes = _input_planes(engine, estimate_virtual(sample), sample)
    for index in np.linspace(0, len(sample.frames) - 1, count).round().astype(int):
        yield planes.fill(sample.frames[index], segmenter).copy()


class _Clock:
    """Seconds spent per stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = time.perf_counter()

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    @property
    def total(self) -> float:
        return time.perf_counter() - self._started


def _scan(
    frames: FrameSource,
    sample: FrameSample,
    loops: LoopFinder,
    segmenter: Segmenter,
    clock: _Clock,
) -> Iterator[int]:
    """Read the whole call once and keep frames spread over it, with their person masks."""
    with clock.measure("scan"):
        for count, frame in enumerate(prefetch(frames.frames()), start=1):
            loops.add(frame)
            if sample.wants_next():
                sample.add(frame, np.rint(segmenter(frame) * 255).astype(np.uint8))
            else:
                sample.skip()
            yield count


def _scenes(engine: Engine, settings: Options, sample: FrameSample, clock: _Clock) -> list[Scene]:
    """The call's virtual backgrounds, the main one first, each with the planes before it."""
    with clock.measure("virtual"):
        samples = split_scenes(sample)
        known = [_known_virtual(settings, part) for part in samples]
        images = _given_images(known, samples)
        virtuals = [estimate_virtual(*pair) for pair in zip(samples, images, strict=True)]
    scenes = []
    with clock.measure("look"):
        for part, virtual, path, image in zip(samples, virtuals, known, images, strict=True):
            given = None if image is None or path is None else Path(path).name
            scenes.append(Scene(virtual, _input_planes(engine, virtual, part), given))
    return scenes


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


def _film_scene(engine: Engine, sample: FrameSample, film: Film, clock: _Clock) -> Scene:
    """The one scene of a call before a film that runs in a loop."""
    with clock.measure("virtual"):
        behind = [film.at(index) for index in sample.indices]
        virtual = loop_virtual(sample, film.at(0), behind)
    with clock.measure("look"):
        return Scene(virtual, _input_planes(engine, virtual, sample, behind), film=film)


def _input_planes(
    engine: Engine,
    virtual: VirtualBackground,
    sample: FrameSample,
    behind: Sequence[np.ndarray] | None = None,
) -> InputPlanes:
    """The call's planes for the network, after a first look where it wants one.

    behind: the virtual background behind every frame of the sample, where it moves.
    """
    groups, size_wh = engine.contract.inputs, engine.contract.size_wh
    call = _call_planes(virtual)
    if "mode" in groups:
        call = replace(call, mode=temporal_mode(sample.frames))
    blank = InputPlanes(groups, size_wh, call)
    if "look" not in groups:
        return blank
    small, *frames = (shrunk(image, size_wh) for image in [virtual.image, *sample.frames])
    moving = None if behind is None else [shrunk(image, size_wh) for image in behind]
    look = first_look(engine, blank, small, frames, sample.masks(size_wh), moving)
    return InputPlanes(groups, size_wh, replace(call, look=look))


def _call_planes(virtual: VirtualBackground) -> CallPlanes:
    return CallPlanes(
        virtual=virtual.image,
        trace=virtual.trace,
        occupancy=virtual.occupancy,
        presence=virtual.presence,
        hidden=virtual.hidden,
    )


class _Job:
    """The second pass over a call: every frame through the network into the aggregator."""

    def __init__(
        self,
        source: FrameSource,
        options: Options,
        engine: Engine,
        restoration: Engine | None,
        sampler: SpanSampler | None,
        scenes: Sequence[Scene],
        clock: _Clock,
        truth: tuple[np.ndarray, np.ndarray] | None,
    ) -> None:
        self._source, self._options, self._engine = source, options, engine
        self._restoration, self._sampler = restoration, sampler
        self._scenes, self._virtual = scenes, scenes[0].virtual
        self._clock, self._truth = clock, truth
        self._timeline: list[float] = []
        self._filler = filler_for(engine, cpu=options.cpu_features)
        self._aggregator: Copier | Unmixer
        if engine.contract.outputs == ("similarity",):
            self._aggregator = Copier(source.size_wh)
        else:
            self._aggregator = Unmixer(
                self._virtual.image, engine.contract.unmix_power, engine.contract.matte_trust
            )

    def run(self, segmenter: Segmenter) -> Iterator[int]:
        for count, frame in enumerate(prefetch(self._source.frames()), start=1):
            index = find_scene(self._scenes, frame)
            leaking = 0.0
            if index is not None:
                leaking = self._take_in(frame, count - 1, self._scenes[index], segmenter)
            self._timeline.append(leaking)
            yield count

    def _take_in(self, frame: np.ndarray, index: int, scene: Scene, segmenter: Segmenter) -> float:
        """Add the frame of an index to what is known; returns the share of leaking pixels."""
        with self._clock.measure("features"):
            behind = scene.virtual.image
            if scene.film is not None:
                behind = scene.film.at(index)
                scene.planes.put_virtual(behind)
            tensor = self._filler.fill(scene.planes, frame, segmenter)
        with self._clock.measure("network"):
            outputs = self._engine.run(tensor)
        with self._clock.measure("unmix"):
            if behind is not self._virtual.image and isinstance(self._aggregator, Unmixer):
                frame = self._before_main(frame, outputs[0], behind)
            if self._sampler is not None:
                self._sampler.add(shrunk(frame, self._engine.contract.size_wh), *outputs)
            return self._aggregator.add(frame, *outputs)

    def _before_main(self, frame: np.ndarray, matte: np.ndarray, behind: np.ndarray) -> np.ndarray:
        """Trust the matte no more than un-mixing does, that the two agree."""
        matte = 1 - self._engine.contract.matte_trust * (1 - matte)
        return before_other(frame, matte, behind, self._virtual.image)

    def result(self, *, complete: bool = True) -> Reconstruction:
        estimate = self._aggregator.estimate()
        with self._clock.measure("restore"):
            room, certain = self._finished(estimate)
        result = Reconstruction(
            background=room,
            confidence=certain,
            estimate=estimate,
            virtual_background=self._virtual,
            timeline=list(self._timeline),
            scores=self._score(room, certain),
        )
        result.report.update(self._report(result), complete=complete)
        return result

    def _finished(self, estimate: RoomEstimate) -> tuple[np.ndarray, np.ndarray]:
        """Room and confidence, which is 0 where nothing was seen.

        There, the virtual background stands in the picture or, with `fill`, the room continued.
        """
        room, certain = estimate.room, estimate.leak
        if self._restoration is not None and self._sampler is not None:
            contract, call = self._restoration.contract, _call_planes(self._virtual)
            samples = self._sampler.samples()
            planes = restore_planes(estimate, samples, call, contract.size_wh, contract.inputs)
            room = known_room(estimate.room, estimate, self._virtual.image)
            room, certain = restore(room, planes, self._restoration)
        elif isinstance(self._aggregator, Unmixer):
            certain = logistic(unmixed_terms(estimate), self._engine.contract.confidence)
        seen = self._seen(estimate)
        if self._options.fill:
            room = continued(room, seen)
        else:
            room = np.where(seen[..., None], room, self._virtual.image)
        return room, np.where(seen, certain, 0).astype(np.float32)

    def _seen(self, estimate: RoomEstimate) -> np.ndarray:
        """Where something was seen; what does not differ from the virtual background is no leak."""
        seen = estimate.evidence > 0
        if isinstance(self._aggregator, Unmixer):
            seen &= cv2.absdiff(estimate.copy, self._virtual.image).max(axis=2) > VISIBLE_LEVELS
        return seen

    def _score(self, room: np.ndarray, certain: np.ndarray) -> Scores | None:
        if self._truth is None:
            return None
        truth, mask = self._truth
        return score(room, truth, mask, claimed=certain >= CLAIMED, virtual_bgr=self._virtual.image)

    def _models(self) -> list[dict[str, Any]]:
        models = [(self._options.model or DEFAULT_MODEL, self._engine)]
        if self._restoration is not None:
            path = self._options.restoration or DEFAULT_RESTORATION
            models.append((path, self._restoration))
        return [provenance.model(path, engine.contract) for path, engine in models]

    def _report(self, result: Reconstruction) -> dict[str, Any]:
        frames = len(self._timeline)
        fps = self._source.fps
        seconds = self._clock.total
        return {
            "input": {
                "name": self._source.name,
                "sha256": self._source.sha256(),
                "size_wh": list(self._source.size_wh),
                "frames": frames,
                "fps": fps or None,
                "duration_seconds": round(frames / fps, 3) if fps else None,
            },
            "coverage": result.coverage,
            "seen": float((result.confidence > 0).mean()),
            "leak_timeline": [round(share, 5) for share in self._timeline],
            "virtual_background": {
                "given": next((s.given for s in self._scenes if s.given), None),
                "trusted": float(self._virtual.trusted.mean()),
                "kind": self._virtual.kind if len(self._scenes) == 1 else "changing",
                "scenes": len(self._scenes),
            },
            "scores": asdict(result.scores) if result.scores else None,
            "engine": self._engine.name,
            "features": self._filler.name,
            "models": self._models(),
            "options": {k: _said(v) for k, v in vars(self._options).items()},
            "timings": {
                "total_seconds": round(seconds, 3),
                "seconds_per_frame": round(seconds / max(frames, 1), 5),
                "stages_seconds": {k: round(v, 3) for k, v in self._clock.seconds.items()},
            },
            "versions": provenance.versions(),
            "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }


def _load(model: str | Path | Engine, kind: str, options: Options) -> Engine:
    engine = model
    if isinstance(engine, str | Path):
        engine = load_engine(
            engine, options.engine, threads=options.threads, device_memory=options.device_memory
        )
    if engine.contract.kind != kind:
        raise InputError(
            f"{_said(model)}: is a {engine.contract.kind} model; a {kind} model is needed here"
        )
    return engine


def _said(option: Any) -> str | None:
    """An option as result.json says it; an engine that was handed over, by its name."""
    return option if option is None else str(option.name if hasattr(option, "run") else option)


def _known_virtual(options: Options, sample: FrameSample) -> str | Path | None:
    """The virtual image, if it was given or stands in the library."""
    if options.virtual_background is not None or options.virtual_library is None:
        return options.virtual_background
    return library_virtual(options.virtual_library, sample)


def _load_restoration(engine: Engine, options: Options) -> Engine | None:
    copies = engine.contract.outputs == ("similarity",)
    if options.restoration is not None and copies:
        raise UsageError("a restoration model works on what was un-mixed; this frame model copies")
    if not options.restore or copies:
        return None
    return _load(options.restoration or DEFAULT_RESTORATION, "restore", options)


def _read_truth(options: Options, size_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
    if options.truth is None or options.mask is None:
        return None
    truth, mask = read_image(options.truth), read_gray(options.mask)
    check_truth(truth, mask, size_wh)
    return truth, mask
