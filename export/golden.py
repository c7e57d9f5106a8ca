"""Golden vectors and digests of the shipped models: `python -m export.golden`, if one changes.

The inputs are those that the models get on a call, kept at a quarter of their size; the outputs are
those of ONNX Runtime on the CPU. The features' vectors stay as they are, unless `--features`: they
pin the definition.
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from calib.collect import SAMPLE, Recorder, find_videos
from vader_rt.cli.exit_codes import exit_code
from vader_rt.doctor.golden import (
    PLANES_STRIDE,
    Golden,
    GoldenFeatures,
    GoldenModel,
    kept,
    read_golden,
)
from vader_rt.engines.load import load_engine
from vader_rt.features.planes import dog_plane, edge_plane, gray_plane
from vader_rt.io.files import file_sha256, write_text
from vader_rt.io.video import open_video
from vader_rt.models import GOLDEN, SHIPPED, SUMS, shipped_sums
from vader_rt.pipeline.api import reconstruct
from vader_rt.pipeline.options import OPTION_OF

EVERY = 6
"""Frames of the call between two that are used: what the models see need not be all of it."""
FEATURES_WH = (320, 192)


def golden_models(video: Path) -> dict[str, GoldenModel]:
    """Run the shipped models on a call and keep what they got last, and what they give for it."""
    frames = list(islice(open_video(video).frames(), 0, None, EVERY))
    recorders = {path: Recorder(load_engine(path, "onnx-cpu"), most=1) for path in SHIPPED}
    reconstruct(frames, **{OPTION_OF[r.contract.kind]: r for r in recorders.values()})
    return {path.stem: _golden_model(path, recorder) for path, recorder in recorders.items()}


def _golden_model(path: Path, recorder: Recorder) -> GoldenModel:
    (seen,) = recorder.planes
    small = seen[0, :, ::PLANES_STRIDE, ::PLANES_STRIDE]
    planes = np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8)
    model = GoldenModel(file_sha256(path), planes, {})
    outputs = recorder.run(model.tensor(recorder.contract.input_shape))
    named = zip(recorder.contract.outputs, map(kept, outputs), strict=True)
    return GoldenModel(model.sha256, planes, dict(named))


def golden_features(video: Path) -> GoldenFeatures:
    """The features of a call's first frame."""
    frame = next(iter(open_video(video).frames()))
    frame = cv2.resize(frame, FEATURES_WH, interpolation=cv2.INTER_AREA)
    gray = gray_plane(frame)
    return GoldenFeatures(frame, edge_plane(gray), dog_plane(gray))


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m export.golden")
    add = parser.add_argument
    add("--video", type=Path, default=SAMPLE, help="or a folder of one (default: the sample call)")
    add("--features", action="store_true", help="pin the features anew")
    add("-o", "--output", type=Path, default=GOLDEN, help="default: %(default)s")
    args = parser.parse_args()
    return exit_code("export.golden", lambda: _write(args))


def write_sums(path: Path = SUMS) -> None:
    """Write the digests of the models in the folder of `SUMS`, as `sha256sum` does."""
    models = sorted(SUMS.parent.glob("*.onnx"))
    write_text(path, "".join(f"{file_sha256(model)}  {model.name}\n" for model in models))
    shipped_sums.cache_clear()


def _write(args: argparse.Namespace) -> int:
    if args.output == GOLDEN:
        write_sums()  # before they are loaded, which their digests must allow
    video = find_videos([args.video])[0]
    features = golden_features(video) if args.features else read_golden().features
    Golden(features, golden_models(video)).write(args.output)
    print(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
