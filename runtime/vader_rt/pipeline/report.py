"""What result.json says: figures, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from vader_rt import provenance
from vader_rt.contract import Contract
from vader_rt.io.files import file_sha256
from vader_rt.io.timer import StageTimer
from vader_rt.models import DEFAULT_JUDGE, DEFAULT_MODEL, DEFAULT_RESTORATION
from vader_rt.pipeline.options import Model, Models, Options, said
from vader_rt.pipeline.recover import Recovery
from vader_rt.pipeline.result import Reconstruction
from vader_rt.schemas import RESULT_VERSION
from vader_rt.sources.source import FrameSource
from vader_rt.virtual.unmasked import Interval, Unmasked

_OF_KEEPING = ("checkpoint", "every")
_ON_CPU = ("onnx-cpu", "openvino")


def report(
    result: Reconstruction,
    *,
    source: FrameSource,
    options: Options,
    models: Models,
    recovery: Recovery,
    timer: StageTimer,
    notes: Sequence[str],
    complete: bool,
) -> dict[str, Any]:
    """The report on a result.

    notes: what else is to be known, a sentence each. complete: False for what there was when a job
    was interrupted. It is also False in the report if the input is damaged.
    """
    losses, times = source.losses(), source.times()
    return {
        "schema_version": RESULT_VERSION,
        "case": options.case,
        "examiner": options.examiner,
        "command_line": None,
        "input": {**_input(source, len(result.timeline)), "damaged": bool(losses)},
        "warnings": [*losses, *source.notes(), *notes],
        "unmasked": _unmasked(recovery.unmasked, source),
        "coverage": result.coverage,
        "shown": float(result.shown.mean()),
        "seen": float((result.confidence > 0).mean()),
        "leak_timeline": [round(share, 5) for share in result.timeline],
        "frame_times": [t if t is None else round(t, 4) for t in times],
        "inferred_frames": sorted(recovery.leaks),
        "virtual_background": _virtual(recovery),
        "matte_trust": result.voted.matte_confidence if result.voted else None,
        "client": None if recovery.client is None else recovery.client.report(),
        "scores": asdict(result.scores) if result.scores else None,
        "engine": models.frame.name,
        "features": recovery.features,
        "models": _models(options, models),
        "options": _options(options),
        "timings": _timings(timer, len(result.timeline)),
        "versions": {**provenance.versions(), "ffmpeg": provenance.ffmpeg_versions()},
        "host": provenance.host(gpu=models.frame.name not in _ON_CPU),
        "started": _when(timer.started),
        "finished": _when(datetime.now(timezone.utc)),
        "complete": complete and not losses,
    }


def _input(source: FrameSource, frames: int) -> dict[str, Any]:
    parts = source.parts()
    return {
        "name": source.name,
        "sha256": source.sha256(),
        "size_wh": list(source.size_wh),
        "frames": frames,
        "fps": source.fps or None,
        "duration_seconds": _rounded(source.seconds() or (source.fps and frames / source.fps)),
        "file": source.facts(),
        "parts": None if parts is None else [_part(part) for part in parts],
    }


def _part(source: FrameSource) -> dict[str, Any]:
    return {"name": source.name, "sha256": source.sha256(), "file": source.facts()}


def _options(options: Options) -> dict[str, Any]:
    """The options, but for those that say how the work is kept, and not what it is."""
    named = {name: value for name, value in vars(options).items() if name not in _OF_KEEPING}
    return {name: said(value, full_paths=options.full_paths) for name, value in named.items()}


def _when(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _rounded(seconds: float) -> float | None:
    return round(seconds, 3) or None


def _unmasked(unmasked: Unmasked, source: FrameSource) -> dict[str, Any]:
    def said(intervals: Sequence[Interval]) -> list[dict[str, Any]]:
        return [
            {
                "start": interval.start,
                "stop": interval.stop,
                "seconds": [round(source.time(i), 3) for i in (interval.start, interval.stop)],
            }
            for interval in intervals
        ]

    return {
        "frames": len(unmasked.frames),
        "intervals": said(unmasked.shown),
        "suspected_frames": sum(map(len, unmasked.suspected)),
        "suspected": said(unmasked.suspected),
    }


def _virtual(recovery: Recovery) -> dict[str, Any]:
    scenes, main = recovery.scenes, recovery.scenes[0].virtual
    given = next((s.given for s in scenes if s.given), None)
    return {
        "given": given and given.name,
        "fit": given and given.report(),
        "trusted": float(main.clear.mean()),
        "kind": main.kind if len(scenes) == 1 else "changing",
        "scenes": len(scenes),
    }


def _models(options: Options, models: Models) -> list[dict[str, Any]]:
    used = [(options.model or DEFAULT_MODEL, models.frame)]
    if models.restoration is not None:
        used.append((options.restoration or DEFAULT_RESTORATION, models.restoration))
    if models.judge is not None:
        used.append((options.judge or DEFAULT_JUDGE, models.judge))
    return [_model(source, engine.contract) for source, engine in used]


def _model(source: Model, contract: Contract) -> dict[str, Any]:
    """Name, digest (None for an engine that was handed over) and origin of a model."""
    name, digest = getattr(source, "name", None), None
    if isinstance(source, str | Path):
        name, digest = Path(source).name, file_sha256(Path(source))
    return {
        "name": name,
        "sha256": digest,
        "checkpoint_sha256": contract.checkpoint_sha256,
        "training": contract.training,
        "inputs": list(contract.inputs),
        "outputs": list(contract.outputs),
    }


def _timings(timer: StageTimer, frames: int) -> dict[str, Any]:
    seconds = timer.worked
    return {
        "total_seconds": round(seconds, 3),
        "seconds_per_frame": round(seconds / max(frames, 1), 5),
        "stages_seconds": {k: round(v, 3) for k, v in dict(timer.seconds).items()},
        "runs": timer.runs,
    }
