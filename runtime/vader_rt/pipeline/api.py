"""The main job: frames → virtual background → features → leak → un-mixing → vote → result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from vader_rt import provenance
from vader_rt.engines.engine import Engine, EngineName
from vader_rt.engines.load import load_engine
from vader_rt.engines.trt.memory import Binding
from vader_rt.errors import InputError, UsageError
from vader_rt.features.opencv_cuda import filler_for
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.prefetch import prefetch
from vader_rt.io.video import FrameSource, open_source, read_gray, read_image
from vader_rt.models import DEFAULT_MODEL, DEFAULT_RESTORATION
from vader_rt.pipeline.result import CLAIMED, Reconstruction
from vader_rt.pipeline.scan import FirstPass
from vader_rt.pipeline.timer import Clock
from vader_rt.room.accumulate import Recovered, Recovery
from vader_rt.room.confidence import logistic, restored_terms, voted_terms
from vader_rt.room.restore import restore, restore_planes
from vader_rt.room.unmixing import Copier, RoomEstimate
from vader_rt.score import Scores, check_truth, score
from vader_rt.virtual.estimate import continued
from vader_rt.virtual.scenes import Scene, find_scene

VISIBLE_LEVELS = 6
"""Difference from the virtual background, in levels, that compression alone does not make."""

Source = str | Path | Iterable[np.ndarray]


@dataclass(frozen=True)
class Options:
    """How to reconstruct; None means the default.

    model: a frame model of `export.to_onnx`; what a model that gives a similarity finds is copied,
    as the seed does. restoration: a model that corrects the room by vote. Both may be engines that
    are loaded already. restore: whether to; a `restoration` of one's own is used in any case.
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
    clock = Clock()
    with open_source(source) as frames:
        truth = _read_truth(settings, frames.size_wh)
        first = FirstPass(frames, segmenter, clock)
        for count in first.scan():
            yield Progress("scan", count, frames.frame_hint)
        total = first.sample.frames_seen
        scenes = first.scenes(engine, settings.virtual_background, settings.virtual_library)
        del first
        job = _Job(frames, settings, engine, restoration, total, scenes, clock, truth)
        for count in job.run(segmenter):
            yield Progress("recover", count, total, _job=job)
        yield Progress("recover", total, total, job.result())


def call_planes(
    video: str | Path, engine: Engine, segmenter: Segmenter, count: int = 4
) -> Iterator[np.ndarray]:
    """Yield the network's input for `count` frames spread over a call, (1, C, H, W) float32."""
    with open_source(video) as frames:
        first = FirstPass(frames, segmenter, Clock())
        for _ in first.scan():
            pass
        planes = first.scenes(engine)[0].planes
    kept = first.sample.frames
    for index in np.linspace(0, len(kept) - 1, count).round().astype(int):
        yield planes.fill(kept[index], segmenter).copy()


class _Job:
    """The second pass over a call: every frame through the network into the aggregator."""

    def __init__(
        self,
        source: FrameSource,
        options: Options,
        engine: Engine,
        restoration: Engine | None,
        total: int,
        scenes: Sequence[Scene],
        clock: Clock,
        truth: tuple[np.ndarray, np.ndarray] | None,
    ) -> None:
        self._source, self._options, self._engine = source, options, engine
        self._restoration = restoration
        self._scenes, self._virtual = scenes, scenes[0].virtual
        self._clock, self._truth = clock, truth
        self._timeline: list[float] = []
        self._filler = filler_for(engine, cpu=options.cpu_features)
        self._aggregator: Copier | Recovery
        if engine.contract.outputs == ("similarity",):
            self._aggregator = Copier(source.size_wh)
        else:
            self._aggregator = Recovery(self._virtual.image, engine.contract, total)

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
            if isinstance(self._aggregator, Copier):
                return self._aggregator.add(frame, *outputs)
            matte, leak = outputs
            return self._aggregator.add(frame, matte, leak, scene, behind)

    def result(self, *, complete: bool = True) -> Reconstruction:
        recovered: Recovered | None = None
        with self._clock.measure("vote"):
            if isinstance(self._aggregator, Recovery):
                recovered = self._aggregator.result()
                estimate = recovered.estimate
            else:
                estimate = self._aggregator.estimate()
        with self._clock.measure("restore"):
            room, certain = self._finished(estimate, recovered)
        result = Reconstruction(
            background=room,
            confidence=certain,
            estimate=estimate,
            voted=recovered.voted if recovered else None,
            virtual_background=self._virtual,
            timeline=list(self._timeline),
            scores=self._score(room, certain),
        )
        result.report.update(self._report(result), complete=complete)
        return result

    def _finished(
        self, estimate: RoomEstimate, recovered: Recovered | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Room and confidence, which is 0 where nothing was seen.

        There, the virtual background stands in the picture or, with `fill`, the room continued.
        """
        room, certain = estimate.room, estimate.leak
        if recovered is not None:
            room, certain = self._corrected(recovered)
        seen = self._seen(estimate, room)
        if self._options.fill:
            room = continued(room, seen)
        else:
            room = np.where(seen[..., None], room, self._virtual.image)
        return room, np.where(seen, certain, 0).astype(np.float32)

    def _corrected(self, recovered: Recovered) -> tuple[np.ndarray, np.ndarray]:
        """The room by vote and its confidence, restored where that was asked for."""
        voted, virtual = recovered.voted, self._virtual
        if self._restoration is None:
            terms = voted_terms(voted, virtual.hidden)
            return voted.room, logistic(terms, self._engine.contract.confidence)
        contract, call = self._restoration.contract, virtual.planes()
        planes = restore_planes(
            recovered.estimate, voted, recovered.samples, call, contract.size_wh, contract.inputs
        )
        room, sure = restore(voted.room, planes, self._restoration)
        return room, logistic(restored_terms(sure, voted, virtual.hidden), contract.confidence)

    def _seen(self, estimate: RoomEstimate, room: np.ndarray) -> np.ndarray:
        """Where something was seen; a room that is the virtual background is no leak of another."""
        seen = estimate.evidence > 0
        if isinstance(self._aggregator, Recovery):
            seen &= cv2.absdiff(room, self._virtual.image).max(axis=2) > VISIBLE_LEVELS
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
            "matte_trust": result.voted.trust if result.voted else None,
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


def _load_restoration(engine: Engine, options: Options) -> Engine | None:
    copies = engine.contract.outputs == ("similarity",)
    if options.restoration is not None and copies:
        raise UsageError("a restoration model works on what was un-mixed; this frame model copies")
    if copies or not (options.restore or options.restoration):
        return None
    return _load(options.restoration or DEFAULT_RESTORATION, "restore", options)


def _read_truth(options: Options, size_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
    if options.truth is None or options.mask is None:
        return None
    truth, mask = read_image(options.truth), read_gray(options.mask)
    check_truth(truth, mask, size_wh)
    return truth, mask
