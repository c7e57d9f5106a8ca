"""How long a call takes, and how much memory: `python -m bench.speed [-o FILE.json]`.

Calls of several lengths and sizes are made (`bench.long_call`), and each goes through the whole
program in a process of its own. Beside it, in the same run, on the same video and with as many
threads: decoding alone, every frame once to BGR at full size; and the seed's algorithm, its network
on every frame in ONNX Runtime, measured on some frames and multiplied.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any

import torch

from bench.long_call import FPS, make_call
from export.to_onnx import to_onnx
from train.module import LeakModule
from vader_rt import provenance
from vader_rt.cli.exit_codes import exit_code
from vader_rt.engines import openvino
from vader_rt.io.cpus import usable_cpus
from vader_rt.io.files import write_text
from vader_rt.io.video import open_video

SIZES = {720: (1280, 720), 1080: (1920, 1080)}
SEED_FRAMES = 24
_BEGIN = """
import json, sys, time
start = time.perf_counter()
import vader_rt

stream = vader_rt.reconstruct_stream(sys.argv[1], **json.loads(sys.argv[2]))
"""
_JOB = """
def peak_rss_kb():  # getrusage counts what the parent had before the process began
    return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM"))

for progress in stream:
    pass
report = progress.result.report
print(json.dumps({
    "size_wh": report["input"]["size_wh"],
    "frames": report["input"]["frames"],
    "seconds": time.perf_counter() - start,
    "inferred_frames": len(report["inferred_frames"]),
    "stages_seconds": report["timings"]["stages_seconds"],
    "engine": report["engine"],
    "peak_rss_mb": peak_rss_kb() // 1024,
}))
"""
_FIRST_PICTURE = """
for progress in stream:
    if progress.stage == "recover" and progress.frame >= 8:
        break
progress.snapshot()
print(json.dumps({"first_picture_seconds": time.perf_counter() - start}))
"""


def run(video: Path, **options: Any) -> dict[str, Any]:
    """Seconds, memory and stages of a whole job, and when its first picture could be seen.

    Each in a process of its own: the picture of some frames takes memory that the job does not.
    """
    figures: dict[str, Any] = {}
    for script in (_JOB, _FIRST_PICTURE):
        command = [sys.executable, "-c", _BEGIN + script, str(video), json.dumps(options)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures |= json.loads(done.stdout.splitlines()[-1])
    return figures


def decode_seconds(video: Path) -> tuple[int, float]:
    """Frames of a video, and seconds of decoding each of them once to BGR, at full size."""
    start = time.perf_counter()
    count = sum(1 for _ in open_video(video).frames())
    return count, time.perf_counter() - start


def seed_model(folder: Path) -> Path:
    """The seed's U-Net with fresh weights, exported: they do not change what it costs."""
    module = LeakModule("unet", ["frame", "edge", "dog"], (1280, 720), loss="mse")
    checkpoint = folder / "seed.ckpt"
    torch.save(
        {"state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams)}, checkpoint
    )
    return to_onnx(checkpoint, folder / "seed.onnx")


def seed_seconds_per_frame(video: Path, model: Path) -> float:
    """Seconds of the seed's network and aggregation on a frame, without decoding."""
    import vader_rt

    frames = list(islice(open_video(video).frames(), SEED_FRAMES))
    report = vader_rt.reconstruct(frames, model=model, frames="all", engine="onnx-cpu").report
    stages = report["timings"]["stages_seconds"]
    return sum(stages[name] for name in ("features", "network", "unmix")) / SEED_FRAMES


def yardsticks(video: Path, seed: Path) -> dict[str, float]:
    """Seconds of decoding a call, and of the seed's way, whose network is given."""
    frames, decoding = decode_seconds(video)
    of_seed = seed_seconds_per_frame(video, seed) * frames + decoding
    return {"decode_seconds": decoding, "seed_seconds": of_seed}


def ratios(seconds: float, beside: dict[str, float]) -> dict[str, float]:
    """How a job's seconds compare with the yardsticks."""
    return {
        "of_decoding": beside["decode_seconds"] / seconds,
        "times_the_seed": beside["seed_seconds"] / seconds,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.speed")
    add = parser.add_argument
    add("--seconds", type=int, nargs="+", default=[10, 60, 600, 3600], help="lengths of the calls")
    add("--heights", type=int, nargs="+", choices=SIZES, default=[720, 1080])
    engines = ["onnx-cpu", *(["openvino"] if openvino.is_installed() else [])]
    add("--engines", nargs="+", default=engines, help="default: those of a CPU that are here")
    add("--frames", nargs="+", default=["auto"], help="see `vader-rt --frames`; default: auto")
    add("--calls", type=Path, default=Path("runs/bench"), help="where the calls are kept")
    add("-o", "--output", type=Path, metavar="FILE", help="write the figures here as JSON")
    args = parser.parse_args(argv)
    return exit_code("bench.speed", lambda: _measure(args))


def _measure(args: argparse.Namespace) -> int:
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        seed = seed_model(Path(scratch))
        for height, length, frames in product(args.heights, args.seconds, args.frames):
            path = args.calls / f"call-{height}-{length}.mp4"
            video = make_call(path, SIZES[height], length * FPS)
            budget = int(frames) if frames.isdecimal() else frames
            beside = yardsticks(video, seed)
            for engine in args.engines:
                row = {"budget": frames, "fps": FPS, **run(video, engine=engine, frames=budget)}
                rows.append(row | beside | ratios(row["seconds"], beside))
                print(json.dumps(rows[-1]), flush=True)
    if args.output:
        about = {"cpu": provenance.cpu_name(), "cpus": usable_cpus()}
        figures = {**about, "versions": provenance.versions(), "calls": rows}
        write_text(args.output, json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
