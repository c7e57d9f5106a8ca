"""What a budget costs and gains: `python -m bench.budget CALLS [-o FILE.json] [--plot FILE.png]`.

Calls with truth are reconstructed with several budgets (`vader-rt --frames`) and, with all frames
and the default budget, by several frame models, as of another size or precision. Printed are, of
each, seconds of a call, the mean challenge score, and how it differs from that of the first model
on all frames: on average, and on the call that loses most.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from matplotlib.figure import Figure

from train.calls import Call, read_calls
from vader_rt import provenance
from vader_rt.cli.exit_codes import exit_code
from vader_rt.engines.load import load_engine
from vader_rt.errors import InputError
from vader_rt.io.files import write_text
from vader_rt.models import DEFAULT_MODEL
from vader_rt.pipeline.api import reconstruct
from vader_rt.pipeline.choose import AUTO_FRAMES

BUDGETS = (16, 32, 48, 64, 80, 96)


@dataclass(frozen=True)
class Row:
    """One budget and frame model over all calls.

    frames: the budget, None for all. seconds: of a call, mean. inferred: frames that went through
    the network, mean. score: mean. change, worst: of the score from that of the first model on all
    frames, the mean and the most negative of any call.
    """

    model: str
    size_wh: tuple[int, int]
    precision: str
    frames: int | None
    seconds: float
    inferred: float
    score: float
    change: float
    worst: float

    @property
    def label(self) -> str:
        """The model, as a plot names it."""
        width, height = self.size_wh
        return f"{width}×{height}, {self.precision}"

    def line(self) -> str:
        """The row as a person reads it."""
        return (
            f"{self.label}, {self.frames or 'all'} frames: {self.seconds:.2f} s, score "
            f"{self.score:.4f} ({self.change:+.4f}, worst {self.worst:+.4f})"
        )


def measure(calls: Sequence[Call], models: Sequence[Path], budgets: Sequence[int]) -> Iterator[Row]:
    """A row for every budget with the first model, and for the default budget and all of each."""
    reference: list[float] = []
    for model in models:
        engine = load_engine(model)
        asked = list(budgets) if model == models[0] else [AUTO_FRAMES]
        for frames in (None, *asked):
            scores, seconds, inferred = [], [], []
            for call in calls:
                start = time.perf_counter()
                result = reconstruct(
                    call.video,
                    model=engine,
                    truth=call.room,
                    mask=call.mask,
                    frames=frames or "all",
                )
                seconds.append(time.perf_counter() - start)
                assert result.scores is not None
                scores.append(result.scores.challenge)
                inferred.append(len(result.report["inferred_frames"]))
            reference = reference or scores
            changes = [a - b for a, b in zip(scores, reference, strict=True)]
            yield Row(
                model.name,
                engine.contract.size_wh,
                engine.contract.precision,
                frames,
                fmean(seconds),
                fmean(inferred),
                fmean(scores),
                fmean(changes),
                min(changes),
            )


def plot(rows: Sequence[Row], path: Path) -> None:
    """Score against seconds, a line per model; each point is a budget."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="seconds of a call", ylabel="challenge score, mean")
    for label in dict.fromkeys(row.label for row in rows):
        points = sorted((r.seconds, r.score, r.frames) for r in rows if r.label == label)
        axes.plot([p[0] for p in points], [p[1] for p in points], "o-", label=label)
        for seconds, score, frames in points:
            axes.annotate(
                str(frames or "all"), (seconds, score), (4, -10), textcoords="offset points"
            )
    axes.legend(title="network")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.budget")
    add = parser.add_argument
    add("calls", type=Path, nargs="+", help="folders in the VADER layout")
    add("--most", type=int, metavar="N", help="take N calls of each folder, spread over it")
    add("--models", type=Path, nargs="+", default=[DEFAULT_MODEL], help="frame models (.onnx)")
    add("--frames", type=int, nargs="+", default=BUDGETS, help="budgets beside all frames")
    add("-o", "--output", type=Path, metavar="FILE", help="write the figures here as JSON")
    add("--plot", type=Path, metavar="FILE", help="draw them here (.png)")
    args = parser.parse_args(argv)
    return exit_code("bench.budget", lambda: _measure(args))


def _measure(args: argparse.Namespace) -> int:
    calls = [call for folder in args.calls for call in _some(read_calls(folder), args.most)]
    if not calls:
        raise InputError("no calls with truth were given; give folders in the VADER layout")
    rows = []
    for row in measure(calls, args.models, args.frames):
        print(row.line(), flush=True)
        rows.append(row)
    if args.output:
        about = {"calls": [call.name.video for call in calls], "versions": provenance.versions()}
        figures = {**about, "rows": [asdict(row) for row in rows]}
        write_text(args.output, json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    if args.plot:
        plot(rows, args.plot)
    return 0


def _some(calls: Sequence[Call], most: int | None) -> Sequence[Call]:
    return calls if most is None else calls[:: max(1, len(calls) // most)][:most]


if __name__ == "__main__":
    sys.exit(main())
