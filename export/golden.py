"""Golden vectors of the shipped models: `python -m export.golden`, whenever one of them changes.

The inputs are those that the models get on a call, kept at a quarter of their size; the outputs are
those of ONNX Runtime on the CPU. The features' vectors stay as they are, unless `--features`: they
pin the definition.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np

from vader_rt.doctor.golden import (
    PLANES_STRIDE,
    Golden,
    GoldenFeatures,
    GoldenModel,
    kept,
    read_golden,
)
from vader_rt.engines.engine import Engine
from vader_rt.engines.load import load_engine
from vader_rt.errors import VaderError
from vader_rt.features.planes import dog_plane, edge_plane
from vader_rt.io.files import file_sha256
from vader_rt.io.video import open_video
from vader_rt.models import GOLDEN
from vader_rt.pipeline import api as pipeline

SAMPLE = Path("tests/data/sample/videos/astronaut_sway_study_waves_generous.mp4")
EVERY = 6
"""Frames of the call between two that are used: what the models see need not be all of it."""
FEATURES_WH = (320, 192)


class _Recorder:
    """An engine that keeps the last input that it was given."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.contract, self.name = engine, engine.contract, engine.name
        self.seen: np.ndarray | None = None

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        self.seen = planes.copy()
        return self.engine.run(planes)


def golden_models(video: Path) -> dict[str, GoldenModel]:
    """Run the shipped models on a call and keep what they got last, and what they give for it."""
    recorders: dict[Path, _Recorder] = {}

    def load(path: str | Path, *_: Any, **__: Any) -> Engine:
        return recorders.setdefault(Path(path), _Recorder(load_engine(path, "onnx-cpu")))

    with patch.object(pipeline, "load_engine", load):
        frames = list(islice(open_video(video).frames(), 0, None, EVERY))
        pipeline.reconstruct(frames)
    return {path.stem: _golden_model(path, recorder) for path, recorder in recorders.items()}


def _golden_model(path: Path, recorder: _Recorder) -> GoldenModel:
    assert recorder.seen is not None, "every model is run on a call"
    small = recorder.seen[0, :, ::PLANES_STRIDE, ::PLANES_STRIDE]
    planes = np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8)
    model = GoldenModel(file_sha256(path), planes, {})
    outputs = recorder.engine.run(model.tensor(recorder.contract.input_shape))
    named = zip(recorder.contract.outputs, map(kept, outputs), strict=True)
    return GoldenModel(model.sha256, planes, dict(named))


def golden_features(video: Path) -> GoldenFeatures:
    """The features of a call's first frame."""
    frame = next(iter(open_video(video).frames()))
    frame = cv2.resize(frame, FEATURES_WH, interpolation=cv2.INTER_AREA)
    return GoldenFeatures(frame, edge_plane(frame), dog_plane(frame))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m export.golden")
    parser.add_argument("--video", type=Path, default=SAMPLE, help="default: %(default)s")
    parser.add_argument("--features", action="store_true", help="pin the features anew")
    parser.add_argument("-o", "--output", type=Path, default=GOLDEN, help="default: %(default)s")
    args = parser.parse_args()
    try:
        features = golden_features(args.video) if args.features else read_golden().features
        Golden(features, golden_models(args.video)).write(args.output)
    except VaderError as error:
        raise SystemExit(f"export.golden: {error}") from None
    print(args.output)


if __name__ == "__main__":
    main()
