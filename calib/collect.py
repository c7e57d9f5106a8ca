"""Representative inputs of a network: `python -m calib.collect CALLS… [--model M] -o PLANES.npz`.

CALLS are videos, or folders of them (the VADER layout too). What is collected is what the runtime
itself gives to the network: for a frame model the planes of frames spread over each call, before
and after the first look; for a restoration model and a judge what was found in each call by several
moments. Near-duplicates are left out; which of the rest are taken is drawn from a seed.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import cv2
import numpy as np

from vader_rt.cli.exit_codes import exit_code
from vader_rt.contract import Contract
from vader_rt.engines.engine import Engine
from vader_rt.engines.onnx import load_onnx
from vader_rt.errors import InputError
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.files import whole_file
from vader_rt.io.video import open_video
from vader_rt.models import DEFAULT_MODEL
from vader_rt.pipeline.api import reconstruct_stream
from vader_rt.pipeline.options import OPTION_OF
from vader_rt.pipeline.scan import network_inputs
from vader_rt.virtual.kept_frames import Spread

SAMPLE = Path(__file__).parent.parent / "tests" / "data" / "sample"
"""The call that comes with the project."""
VIDEO_SUFFIXES = frozenset({".avi", ".mkv", ".mov", ".mp4", ".webm"})
COUNT = 24
"""Inputs to collect by default; more change the measured ranges of the shipped models little."""
SAME = 1 / 255
"""Two inputs are the same where they differ by less than a level in the mean."""
_CANDIDATES = 2
_FRAMES = 48
_LOOKS = 4
_THUMBNAIL_WH = (40, 24)


class Recorder:
    """An engine that keeps what it is given, (1, C, H, W) float32 each.

    every: keep every n-th input only. most: keep no more than the last so many; None keeps all.
    """

    def __init__(self, engine: Engine, every: int = 1, most: int | None = None) -> None:
        self._engine, self._every = engine, every
        self._runs = 0
        self.contract: Contract = engine.contract
        self.planes: deque[np.ndarray] = deque(maxlen=most)

    @property
    def name(self) -> str:
        return self._engine.name

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        """See `Engine.run`."""
        if self._runs % self._every == 0:
            self.planes.append(planes.copy())
        self._runs += 1
        return self._engine.run(planes)


def collect(
    model: str | Path,
    sources: Iterable[str | Path],
    *,
    count: int = COUNT,
    seed: int = 0,
    frame_model: str | Path = DEFAULT_MODEL,
) -> np.ndarray:
    """Collect at most `count` inputs of a model from calls: (N, C, H, W) float32 in [0, 1].

    sources: see `find_videos`. frame_model: what un-mixes the calls for a restoration model.

    Raises:
        InputError: a model or a call cannot be read, or there is no call.
    """
    videos = find_videos(sources)
    engine = load_onnx(model, "onnx-cpu")
    rng = np.random.default_rng(seed)
    shares = [len(part) for part in np.array_split(np.arange(max(count, len(videos))), len(videos))]
    chosen: list[np.ndarray] = []
    for video, share in zip(videos, shares, strict=True):
        different = distinct(_candidates(video, engine, share, frame_model, rng), chosen)
        chosen += drawn(different, share, rng)
    return np.concatenate(chosen[:count])


def inputs_from(model: str | Path, sources: Sequence[str | Path], **options: Any) -> np.ndarray:
    """Inputs of a model: from one file of `python -m calib.collect`, or collected from calls.

    options: see `collect`.
    """
    if len(sources) == 1 and Path(sources[0]).suffix == ".npz":
        return read_planes(Path(sources[0]), load_onnx(model, "onnx-cpu").contract)
    return collect(model, sources, **options)


def find_videos(sources: Iterable[str | Path]) -> list[Path]:
    """The videos that are named, those in the folders that are named, and in their `videos/`.

    Raises:
        InputError: there is none.
    """
    found: list[Path] = []
    for source in map(Path, sources):
        folder = source / "videos" if (source / "videos").is_dir() else source
        inside = sorted(p for p in folder.glob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
        if folder.is_dir() and not inside:
            raise InputError(f"{source}: has no videos ({', '.join(sorted(VIDEO_SUFFIXES))})")
        found += inside if folder.is_dir() else [source]
    if not found:
        raise InputError("no calls were given; give videos, or folders of them")
    return found


def distinct(candidates: Iterable[np.ndarray], known: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Those of the candidates, (1, C, H, W) each, that differ from each other and the known."""
    kept: list[np.ndarray] = []
    thumbnails = [_thumbnail(planes) for planes in known]
    for planes in candidates:
        thumbnail = _thumbnail(planes)
        if all(np.abs(thumbnail - other).mean() >= SAME for other in thumbnails):
            thumbnails.append(thumbnail)
            kept.append(planes)
    return kept


def drawn(items: Sequence[np.ndarray], count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """One item from each of `count` equal stretches, so that what is drawn stays spread."""
    if len(items) <= count:
        return list(items)
    return [items[rng.choice(part)] for part in np.array_split(np.arange(len(items)), count)]


def spread_frames(video: str | Path, capacity: int = 24) -> list[np.ndarray]:
    """At most `capacity` frames spread over a call, (H, W, 3) uint8 BGR."""
    kept = Spread[np.ndarray](capacity)
    for frame in open_video(video).frames():
        kept.offer(frame)
    return list(kept.even.values())


def read_planes(path: Path, contract: Contract) -> np.ndarray:
    """Read what `python -m calib.collect -o` wrote.

    Raises:
        InputError: it is no such file, or of a model with other inputs.
    """
    try:
        planes = np.load(path, allow_pickle=False)["planes"]
    except (OSError, ValueError, KeyError, IndexError, BadZipFile):
        raise InputError(f"{path}: is not what `python -m calib.collect -o` writes") from None
    if planes.ndim != 4 or planes.shape[1:] != contract.input_shape[1:] or not len(planes):
        raise InputError(
            f"{path}: holds planes {planes.shape[1:]}, the model wants {contract.input_shape[1:]}; "
            "collect them with --model"
        )
    return planes.astype(np.float32)


def _candidates(
    video: Path, engine: Engine, share: int, frame_model: str | Path, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    if engine.contract.kind != "frame":
        return _rooms(video, engine, load_onnx(frame_model, "onnx-cpu"), share, rng)
    return _frames(video, engine, share)


def _frames(video: Path, engine: Engine, share: int) -> Iterator[np.ndarray]:
    """Planes of a call's frames, then a few of the first look, which knows of no look yet."""
    recorder = Recorder(engine, every=_LOOKS)
    yield from network_inputs(video, recorder, Segmenter(), min(_CANDIDATES * share, _FRAMES))
    yield from recorder.planes


def _rooms(
    video: Path, engine: Engine, frame_engine: Engine, share: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """What a network that runs once per call is given at several moments, the end among them."""
    recorder = Recorder(engine)
    frames = spread_frames(video)
    moments = set(rng.permutation(len(frames))[: _CANDIDATES * share].tolist())
    options = {"model": frame_engine, OPTION_OF[engine.contract.kind]: recorder}
    for progress in reconstruct_stream(frames, **options):
        if progress.stage == "recover" and progress.frame in moments and progress.result is None:
            progress.snapshot()
    yield from recorder.planes


def _thumbnail(planes: np.ndarray) -> np.ndarray:
    """(1, C, H, W) → (h, w, C), small."""
    small = [cv2.resize(p, _THUMBNAIL_WH, interpolation=cv2.INTER_AREA) for p in planes[0]]
    return np.dstack(small)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of collecting, shared with `calib.quantize`."""
    add = parser.add_argument
    add("--count", type=_positive, default=COUNT, help="inputs in all (default: %(default)s)")
    add("--seed", type=int, default=0, help="for what is drawn (default: %(default)s)")
    add(
        "--frame-model",
        type=Path,
        default=DEFAULT_MODEL,
        metavar="FILE",
        help="un-mixes the calls for a restoration model (default: the shipped one)",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, 1 or more")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m calib.collect")
    add = parser.add_argument
    add("calls", type=Path, nargs="+", help="videos, or folders of them")
    add("--model", type=Path, default=DEFAULT_MODEL, help="default: the shipped frame model")
    add("-o", "--output", type=Path, required=True, metavar="FILE.npz")
    add_options(parser)
    args = parser.parse_args(argv)
    return exit_code("calib.collect", lambda: _collect(args))


def _collect(args: argparse.Namespace) -> int:
    planes = collect(
        args.model, args.calls, count=args.count, seed=args.seed, frame_model=args.frame_model
    )
    with whole_file(args.output) as partial, partial.open("wb") as file:
        np.savez_compressed(file, planes=planes)
    print(f"{args.output}: {len(planes)} inputs {planes.shape[1:]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
