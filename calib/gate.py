"""Is INT8 worth it? `python -m calib.gate MODEL.onnx MODEL.int8.onnx --calls CALLS [-o VERDICT]`.

INT8 is refused unless it is fast enough, loses next to nothing of the VADER score, and its outputs
keep to the tolerances of `vader_rt.doctor.tolerance`: a score alone may forgive a wrong scale. Both
models run here, in ONNX Runtime on this CPU, alternately and on real frames; the calls are scored
through the whole pipeline. The verdict is printed and written as JSON, with the CPUs that it holds
for: the speed on this kind, the accuracy on any, since a model that could saturate on some is
refused (`calib.saturation`). A CPU without int8 instructions (VNNI, AMX; on ARM dot products) gains
nothing: for a GPU, say `--least-speedup 0`, measure there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import onnx

from calib.collect import SAMPLE, collect
from calib.compare import (
    ComparisonRow,
    TensorDifference,
    calls_with_truth,
    compare,
    tensor_failures,
)
from calib.saturation import LARGEST_SUM, largest_pair_sum
from train.calls import Call
from vader_rt import provenance
from vader_rt.cli.exit_codes import exit_code
from vader_rt.contract import Precision
from vader_rt.doctor.tolerance import TOLERANCES
from vader_rt.engines.engine import Engine
from vader_rt.engines.onnx import load_onnx, read_contract
from vader_rt.errors import InputError, ParityError, UsageError
from vader_rt.io.files import file_sha256, write_text
from vader_rt.models import DEFAULT_MODEL

LEAST_SPEEDUP = 1.2
"""Below this the second file and its loss are not worth keeping."""
INPUTS = 4
REPEATS = 12
_INT8_FLAGS = ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp")


@dataclass(frozen=True)
class Limits:
    """What INT8 must keep to: the most of the mean score it may lose, the least it must gain."""

    most_loss: float = TOLERANCES["int8"].score
    least_speedup: float = LEAST_SPEEDUP


@dataclass(frozen=True)
class Speed:
    """Milliseconds of a run, medians, both models taking turns on this machine.

    instructions: what this CPU has for int8.
    """

    fp32_ms: float
    int8_ms: float
    instructions: tuple[str, ...]

    @property
    def gain(self) -> float:
        return self.fp32_ms / self.int8_ms

    @property
    def cpus(self) -> str:
        """The kind of CPU that this was measured on."""
        has = ", ".join(self.instructions)
        return f"CPUs with {has}" if has else "CPUs without int8 instructions"


@dataclass(frozen=True)
class Verdict:
    """The gate's decision on one INT8 model, and what it rests on.

    models: digests of the fp32 and the INT8 model. tensors: the outputs, compared.
    score, reference_score: mean challenge scores. largest_sum: see `calib.saturation`. reasons: why
    it is refused; empty where it is accepted.
    """

    models: dict[str, str]
    calls: tuple[str, ...]
    tensors: dict[str, TensorDifference]
    reference_score: float
    score: float
    speed: Speed
    largest_sum: int
    limits: Limits
    versions: dict[str, str]

    @property
    def holds_for(self) -> dict[str, str]:
        """The CPUs on which the accuracy (tensors, score) and the speed are as measured here."""
        accuracy = "any CPU" if self.largest_sum <= LARGEST_SUM else self.speed.cpus
        return {"accuracy": accuracy, "speed": self.speed.cpus}

    @property
    def reasons(self) -> list[str]:
        loss, gain = self.reference_score - self.score, self.speed.gain
        reasons = tensor_failures("int8", self.tensors)
        if not loss <= self.limits.most_loss:
            reasons.append(f"the score falls by {loss:.4f} (> {self.limits.most_loss})")
        if not gain >= self.limits.least_speedup:
            has = ", ".join(self.speed.instructions) or "no int8 instructions"
            least = self.limits.least_speedup
            reasons.append(f"it is {gain:.2f} times as fast (< {least}; this CPU has {has})")
        if not self.largest_sum <= LARGEST_SUM:
            reasons.append(
                f"without VNNI its sums saturate, {self.largest_sum} in 16 bits (> {LARGEST_SUM}); "
                "make it again with `python -m calib.quantize`, whose weights have seven bits"
            )
        return reasons

    def line(self) -> str:
        """The verdict in one line."""
        accuracy, speed = self.holds_for.values()
        figures = (
            f"score {self.reference_score:.4f} → {self.score:.4f} on {accuracy}, "
            f"{self.speed.fp32_ms:.1f} → {self.speed.int8_ms:.1f} ms on {speed}"
        )
        said = "; ".join(self.reasons)
        return f"int8 is refused: {said} ({figures})" if said else f"int8 is accepted: {figures}"

    def to_json(self) -> str:
        judged = {"accepted": not self.reasons, "reasons": self.reasons, "gain": self.speed.gain}
        entries = {**judged, "holds_for": self.holds_for, **asdict(self)}
        return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"

    def check(self) -> None:
        """Refuse the model.

        Raises:
            ParityError: it does not earn it.
        """
        if self.reasons:
            raise ParityError(self.line())


def judge(
    model: Path,
    int8: Path,
    planes: np.ndarray,
    row: ComparisonRow,
    calls: Sequence[str],
    limits: Limits | None = None,
) -> Verdict:
    """Measure the speed and judge, given what `calib.compare` found of the scores.

    planes: inputs (N, C, H, W) float32. row: INT8 against fp32. calls: the names of what is scored.
    """
    assert row.score is not None
    assert row.reference_score is not None
    return Verdict(
        models={path.name: file_sha256(path) for path in (model, int8)},
        calls=tuple(calls),
        tensors=row.tensors,
        reference_score=row.reference_score,
        score=row.score,
        speed=measured_speed(load_onnx(model, "onnx-cpu"), load_onnx(int8, "onnx-cpu"), planes),
        largest_sum=largest_pair_sum(onnx.load(int8)),
        limits=limits or Limits(),
        versions=provenance.versions(),
    )


def judged_calls(sources: Iterable[str | Path]) -> list[Call]:
    """The calls that INT8 is judged by; see `calls_with_truth`.

    Raises:
        UsageError: there is none.
    """
    calls = calls_with_truth(sources)
    if not calls:
        raise UsageError("int8 is judged by the score; give --calls folders in the VADER layout")
    return calls


def measured_speed(full: Engine, quick: Engine, planes: np.ndarray) -> Speed:
    """Time two engines in turns, so that what else the machine does falls on both alike."""
    times: dict[Engine, list[float]] = {full: [], quick: []}
    for index in range(1 + REPEATS):
        item = planes[index % len(planes)][None]
        for engine, its in times.items():
            its.append(_seconds(lambda engine=engine, item=item: engine.run(item)))  # type: ignore[misc]
    fp32_ms, int8_ms = (1000 * median(its[1:]) for its in times.values())
    return Speed(fp32_ms, int8_ms, int8_instructions())


def int8_instructions(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """What this CPU has for int8, by the names that Linux gives them; empty where unknown."""
    try:
        words = set(cpuinfo.read_text().split())
    except OSError:
        return ()
    return tuple(flag for flag in _INT8_FLAGS if flag in words)


def _seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m calib.gate")
    add = parser.add_argument
    add("model", type=Path, help="the fp32 model (.onnx)")
    add("int8", type=Path, help="the INT8 model that was made from it")
    add(
        "--calls",
        type=Path,
        nargs="+",
        default=[SAMPLE],
        help="folders in the VADER layout (default: the sample that comes with the project)",
    )
    add("-o", "--output", type=Path, metavar="FILE", help="default: beside the INT8 model, .json")
    add("--frame-model", type=Path, default=DEFAULT_MODEL, help="un-mixes for a restoration model")
    add_limits(parser)
    args = parser.parse_args(argv)
    return exit_code("calib.gate", lambda: _judge(args))


def add_limits(parser: argparse.ArgumentParser) -> None:
    """The options of the gate, shared with `export.to_trt`."""
    for name, default, text in (
        ("--most-loss", Limits.most_loss, "the most of the score that INT8 may lose"),
        ("--least-speedup", Limits.least_speedup, "how many times as fast INT8 must be here"),
    ):
        parser.add_argument(
            name, type=float, default=default, metavar="X", help=f"{text} (default: %(default)s)"
        )


def _judge(args: argparse.Namespace) -> int:
    full = load_onnx(args.model, "onnx-cpu")
    if read_contract(args.int8).source_sha256 != file_sha256(args.model):
        raise InputError(
            f"{args.int8}: was not made from {args.model}; make it with `python -m calib.quantize`"
        )
    options = {"frame_model": args.frame_model}
    calls = judged_calls(args.calls)
    planes = collect(args.model, args.calls, count=INPUTS, **options)
    engines: dict[Precision, Engine] = {"int8": load_onnx(args.int8, "onnx-cpu")}
    comparison = compare(full, engines, [item[None] for item in planes], calls, **options)
    names = [call.name.video for call in calls]
    limits = Limits(args.most_loss, args.least_speedup)
    verdict = judge(args.model, args.int8, planes, comparison.rows["int8"], names, limits)
    output = args.output or args.int8.with_suffix(".json")
    write_text(output, verdict.to_json())
    print(verdict.line())
    verdict.check()
    return 0


if __name__ == "__main__":
    sys.exit(main())
