"""`vader-rt doctor`: what is installed here, what runs, whether it is right, and how fast it is.

Nothing heavy is imported before its own check, so that what cannot be imported is reported.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vader_rt.doctor.environment import (
    OPTIONAL,
    REQUIRED,
    SHARED_FOLDERS,
    FailedError,
    Found,
    SkippedError,
    Work,
    cuda_versions,
    gpu,
    one_line,
    opencv_cuda,
    side_by_side,
    system,
    try_import,
)
from vader_rt.errors import VaderError

if TYPE_CHECKING:
    from vader_rt.engines.engine import EngineName
    from vader_rt.engines.load import Candidate
    from vader_rt.engines.trt.memory import MemoryPackage

FRAMES, SECONDS = 100, 6.0
"""Frames in each of the two rounds, and after how many seconds a round ends on a slow machine."""
State = Literal["ok", "skipped", "failed"]


@dataclass(frozen=True)
class Check:
    """One check: `skipped` means that there was nothing to check, and why."""

    name: str
    state: State
    detail: str
    data: dict[str, Any] = field(default_factory=dict)


def examine(
    *,
    models: list[Path] | None = None,
    frames: int = FRAMES,
    seconds: float = SECONDS,
    threads: int = 0,
    device_memory: MemoryPackage | None = None,
) -> Iterator[Check]:
    """Check one thing after the other.

    models: instead of those in the package; they must be copies of these in another precision, or
    engines of them. frames, seconds: see `FRAMES`. threads, device_memory: see `load_engine`.
    """
    yield _checked("system", system)
    imports = [_checked(f"import {name}", partial(try_import, name)) for name in REQUIRED]
    yield from imports
    for name in OPTIONAL:
        yield _checked(f"import {name}", partial(try_import, name))
    for name in SHARED_FOLDERS:
        yield _checked(f"alone {name}", partial(side_by_side, name))
    yield _checked("gpu", gpu)
    yield _checked("cuda versions", cuda_versions)
    broken = [check.name for check in imports if check.state == "failed"]
    if broken:
        yield Check("runtime", "failed", f"not checked further, since {broken[0]} failed")
        return
    yield _checked("opencv-cuda", opencv_cuda)
    yield _checked("features", _features)
    patient = _Engines(models, frames, seconds, threads, device_memory)
    yield _checked("auto order", patient.order)
    for candidate in patient.candidates:
        yield _checked(f"engine {candidate.name}", partial(patient.trial, candidate))
    yield _checked("steady", patient.steady)
    yield _checked("whole job", patient.whole_job)


def _checked(name: str, work: Work) -> Check:
    """Whatever goes wrong in a check is its result."""
    try:
        return Check(name, "ok", *work())
    except SkippedError as reason:
        return Check(name, "skipped", str(reason))
    except (FailedError, VaderError) as error:
        return Check(name, "failed", str(error))
    except Exception as error:  # a broken installation can raise anything, and that is to be told
        return Check(name, "failed", f"{type(error).__name__}: {one_line(str(error))}")


def _features() -> Found:
    from vader_rt.doctor.golden import DOG_LEVELS, EDGE_SHARE, read_golden

    edge, dog = read_golden().features.difference()
    text = f"edge differs in {edge:.2%} of the pixels, DoG by {dog} levels"
    if edge > EDGE_SHARE or dog > DOG_LEVELS:
        raise FailedError(f"{text}; allowed are {EDGE_SHARE:.1%} and {DOG_LEVELS}")
    return text, {"edge_share": edge, "dog_levels": dog}


class _Engines:
    """The engines of this machine, in the order of `auto`; the first that passes is kept."""

    def __init__(
        self,
        models: list[Path] | None,
        frames: int,
        seconds: float,
        threads: int,
        device_memory: MemoryPackage | None,
    ) -> None:
        from vader_rt.models import SHIPPED

        self._models = models or list(SHIPPED)
        self._frames, self._seconds = frames, seconds
        self._threads, self._device_memory = threads, device_memory
        self._passed: EngineName | None = None
        self._options: dict[str, Path] = {}
        self.candidates: list[Candidate] = []

    def order(self) -> Found:
        from vader_rt.engines.load import auto_order

        self.candidates = auto_order()
        data = {c.name: c.hindrance for c in self.candidates}
        words = [f"{name} (no)" if why else name for name, why in data.items()]
        return f"{' → '.join(words)}; why not: see below", {"order": data}

    def trial(self, candidate: Candidate) -> Found:
        """Load every model, which builds TensorRT's engines; compare with the golden outputs."""
        if candidate.hindrance is not None:
            raise SkippedError(candidate.hindrance)
        results = [self._trial(candidate.name, model) for model in self._models]
        words = [
            f"{r['model']} {r['precision']} off by {r['largest']:.1e} (≤ {r['largest_allowed']}), "
            f"{1000 * r['seconds']:.1f} ms"
            for r in results
        ]
        if not all(r["holds"] for r in results):
            raise FailedError("; ".join(words))
        if self._passed is None:
            self._passed = candidate.name
        return "; ".join(words), {"models": results}

    def _trial(self, name: EngineName, model: Path) -> dict[str, Any]:
        import numpy as np

        from vader_rt.doctor.engine_tests import golden_difference
        from vader_rt.doctor.golden import read_golden
        from vader_rt.pipeline.options import OPTION_OF

        start = time.perf_counter()
        engine = self._load(name, model)
        loading = time.perf_counter() - start
        found = golden_difference(engine, model, read_golden())
        self._options[OPTION_OF[engine.contract.kind]] = model
        planes = np.zeros(engine.contract.input_shape, np.float32)
        start = time.perf_counter()
        engine.run(planes)
        return {
            "model": model.name,
            "precision": engine.contract.precision,
            **asdict(found),
            "holds": found.holds,
            "load_seconds": loading,
            "seconds": time.perf_counter() - start,
        }

    def steady(self) -> Found:
        from vader_rt.doctor.engine_tests import MEGABYTE, golden_of, steadiness
        from vader_rt.doctor.golden import read_golden

        name = self._taken()
        model = self._options.get("model", self._models[0])
        engine = self._load(name, model)
        vectors = golden_of(engine.contract, model, read_golden())
        planes = vectors.tensor(engine.contract.input_shape)
        found = steadiness(engine, planes, frames=self._frames, seconds=self._seconds)
        grown, on_gpu = (
            "unknown" if b is None else f"{b / MEGABYTE:+.1f} MiB"
            for b in (found.grown, found.gpu_grown)
        )
        same = "identical" if found.identical else "NOT identical"
        text = (
            f"{name}: 2 × {found.frames} frames, {same}, memory {grown}, on the GPU {on_gpu}, "
            f"{1000 * found.seconds:.1f} ms a frame"
        )
        if not found.holds:
            raise FailedError(text)
        return text, {"engine": name, **asdict(found)}

    def whole_job(self) -> Found:
        from vader_rt.doctor.engine_tests import CALL_FRAMES, CALL_WH, made_call, stage_seconds
        from vader_rt.doctor.golden import read_golden

        name = self._taken()
        stages = stage_seconds(made_call(read_golden()), name, self._threads, **self._options)
        listed = ", ".join(f"{stage} {1000 * s:.0f}" for stage, s in stages.items())
        size = "×".join(map(str, CALL_WH))
        return f"{name}, {CALL_FRAMES} frames of {size}, ms: {listed}", {"stages_seconds": stages}

    def _taken(self) -> EngineName:
        if self._passed is None:
            raise SkippedError("no engine has passed")
        return self._passed

    def _load(self, name: EngineName, model: Path) -> Any:
        from vader_rt.engines.load import load_engine

        return load_engine(model, name, threads=self._threads, device_memory=self._device_memory)
