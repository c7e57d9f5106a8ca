"""Seconds per frame, stage by stage: `python -m bench.frame [VIDEO] -o FILE.json`.

The shipped model runs on a call, decoding included; beside it, in the same run, the seed's network
(full resolution, fresh weights: they do not change its cost) on the same frames and engine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from bench.speed import seed_model
from vader_rt import provenance
from vader_rt.cli.exit_codes import exit_code
from vader_rt.engines.load import load_engine
from vader_rt.io.files import write_text
from vader_rt.models import DEFAULT_MODEL
from vader_rt.pipeline.api import reconstruct

SAMPLE = Path("tests/data/sample/videos/astronaut_sway_study_waves_generous.mp4")
WARM_UP, REPEATS = 2, 10


def seconds(job: Callable[[], object]) -> float:
    """Median seconds of one run, after a warm-up."""
    times = []
    for _ in range(WARM_UP + REPEATS):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return median(times[WARM_UP:])


def network_seconds(model: Path) -> float:
    """Seconds of one run of a frame model on random planes."""
    engine = load_engine(model)
    planes = np.random.default_rng(0).random(engine.contract.input_shape, np.float32)
    return seconds(lambda: engine.run(planes))


def measure(video: Path) -> dict[str, object]:
    """All figures of this benchmark."""
    report = reconstruct(video, frames="all").report
    with tempfile.TemporaryDirectory() as folder:
        seed = network_seconds(seed_model(Path(folder)))
    return {
        "video": {k: report["input"][k] for k in ("name", "size_wh", "frames")},
        "seconds_per_frame": report["timings"]["seconds_per_frame"],
        "stages_seconds": report["timings"]["stages_seconds"],
        "network_seconds": network_seconds(DEFAULT_MODEL),
        "seed_network_seconds": seed,
        "engine": report["engine"],
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "versions": provenance.versions(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.frame")
    parser.add_argument("video", type=Path, nargs="?", default=SAMPLE)
    parser.add_argument("-o", "--output", type=Path, help="write the figures here as JSON")
    args = parser.parse_args(argv)
    return exit_code("bench.frame", lambda: _measure(args))


def _measure(args: argparse.Namespace) -> int:
    text = json.dumps(measure(args.video), indent=2)
    print(text)
    if args.output:
        write_text(args.output, text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
