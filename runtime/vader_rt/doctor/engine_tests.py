"""Tests of the engines on the machine that is to run them: right, steady, and how fast."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vader_rt.contract import Contract
from vader_rt.doctor.golden import Golden, GoldenModel
from vader_rt.doctor.tolerance import TOLERANCES
from vader_rt.engines.engine import Engine, EngineName
from vader_rt.engines.trt.driver import free_memory
from vader_rt.engines.trt.sidecar import ENGINE_SUFFIX, read_sidecar
from vader_rt.errors import EngineError, InputError
from vader_rt.io.files import file_sha256
from vader_rt.pipeline.api import reconstruct

CALL_FRAMES, CALL_WH = 6, (1280, 720)
MEGABYTE = 1 << 20
SLACK = 8 * MEGABYTE
"""What a process may grow by after it has run once: an allocator's slack, far below one tensor of
input per frame, which is 19 MB."""


@dataclass(frozen=True)
class GoldenDifference:
    """How far an engine is off the golden outputs of its model, and how far it may be."""

    largest: float
    mean: float
    largest_allowed: float
    mean_allowed: float

    @property
    def holds(self) -> bool:
        return self.largest <= self.largest_allowed and self.mean <= self.mean_allowed


def golden_difference(engine: Engine, model: Path, golden: Golden) -> GoldenDifference:
    """Compare an engine with the golden outputs of the fp32 model that it comes from.

    Raises:
        InputError: there are none for it.
    """
    vectors = golden_of(engine.contract, model, golden)
    outputs = engine.run(vectors.tensor(engine.contract.input_shape))
    gpu = engine.name in ("tensorrt", "onnx-cuda")
    kind = engine.contract.precision
    # a GPU may round products to TF32, which has 11 bits as fp16 has
    allowed = TOLERANCES["fp16" if kind == "fp32" and gpu else kind]
    found = vectors.difference(engine.contract.outputs, outputs)
    return GoldenDifference(*found, allowed.largest, allowed.mean)


def golden_of(contract: Contract, model: Path, golden: Golden) -> GoldenModel:
    """The golden vectors of a model, of a copy in lower precision, or of an engine.

    Raises:
        InputError: there are none for it.
    """
    digest = contract.source_sha256
    if not digest:
        engine_file = model.suffix == ENGINE_SUFFIX
        digest = read_sidecar(model).onnx_sha256 if engine_file else file_sha256(model)
    vectors = golden.of(digest)
    if vectors is None:
        raise InputError(
            f"{model}: there are no golden outputs of this model; they are written by "
            "`python -m export.golden` for the models in the package"
        )
    return vectors


@dataclass(frozen=True)
class Steadiness:
    """Two rounds over the same frames.

    frames: in each round. identical: the same outputs, bit by bit. grown, gpu_grown: bytes that the
    process and the GPU's memory grew by in the second round, None where that cannot be told.
    seconds: per frame, in the second round.
    """

    frames: int
    identical: bool
    grown: int | None
    gpu_grown: int | None
    seconds: float

    @property
    def holds(self) -> bool:
        flat = all(bytes_ is None or bytes_ <= SLACK for bytes_ in (self.grown, self.gpu_grown))
        return self.identical and flat


def steadiness(engine: Engine, planes: np.ndarray, *, frames: int, seconds: float) -> Steadiness:
    """Run an engine over up to so many frames twice; a round ends after so many seconds."""
    first, count, _ = _round(engine, planes, frames, seconds)
    before, gpu_before = resident_bytes(), free_gpu_bytes()
    second, _, taken = _round(engine, planes, count, float("inf"))
    after, gpu_after = resident_bytes(), free_gpu_bytes()
    return Steadiness(
        frames=count,
        identical=first == second,
        grown=None if before is None or after is None else after - before,
        gpu_grown=None if gpu_before is None or gpu_after is None else gpu_before - gpu_after,
        seconds=taken / count,
    )


def _round(
    engine: Engine, planes: np.ndarray, frames: int, seconds: float
) -> tuple[str, int, float]:
    """Digest of all outputs, frames done, and seconds in the engine; the frames move sideways."""
    digest, start, taken, count = hashlib.sha256(), time.perf_counter(), 0.0, 0
    moved = np.empty_like(planes)
    while count < frames and (count < 2 or time.perf_counter() - start < seconds):
        shift = 1 + count % (planes.shape[3] - 1)
        moved[..., shift:], moved[..., :shift] = planes[..., :-shift], planes[..., -shift:]
        began = time.perf_counter()
        outputs = engine.run(moved)
        taken += time.perf_counter() - began
        for output in outputs:
            digest.update(np.ascontiguousarray(output).data)
        count += 1
    return digest.hexdigest(), count, taken


def resident_bytes() -> int | None:
    """Memory of this process, where Linux tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def free_gpu_bytes() -> int | None:
    """Free memory of the first GPU, None where there is none."""
    try:
        return free_memory()[0]
    except EngineError:
        return None


def stage_seconds(
    frames: Sequence[np.ndarray], engine: EngineName, threads: int = 0, **models: Path
) -> dict[str, float]:
    """Seconds per stage of the whole job on a call of (H, W, 3) uint8 BGR frames.

    Per frame for what runs on every frame, per call for the rest; decoding is not in them.
    models: `model`, `restoration`, see `vader_rt.pipeline.api.Options`.
    """
    report = reconstruct(list(frames), engine=engine, threads=threads, **models).report
    stages = report["timings"]["stages_seconds"]
    per_frame = ("features", "network", "unmix")
    return {s: t / len(frames) if s in per_frame else t for s, t in stages.items()}


def made_call(golden: Golden) -> list[np.ndarray]:
    """Frames that show the golden frame, enlarged, moving sideways: (H, W, 3) uint8 BGR."""
    frame = golden.features.frame
    width, height = CALL_WH
    rows = np.arange(height) * frame.shape[0] // height
    columns = np.arange(width) * frame.shape[1] // width
    large = frame[rows][:, columns]
    return [np.roll(large, 8 * index, axis=1) for index in range(CALL_FRAMES)]
