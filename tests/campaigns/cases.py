"""Cases of each kind: what is damaged, and the arguments of the run that meets it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import onnx

from tests.campaigns.damage import damaged, damaged_json
from tests.campaigns.run import seconds_of
from vader_rt.contract import METADATA_KEY
from vader_rt.io.video import VideoWriter, open_video
from vader_rt.models import DEFAULT_JUDGE, DEFAULT_MODEL, DEFAULT_RESTORATION

_CALL = Path(__file__).parent.parent / "data" / "sample"
_WH, _FRAMES = (160, 90), 10
_SUFFIXES = (".mp4", ".mkv", ".avi", ".ts", ".mov", ".flv")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FAST = ("--no-restore", "--frames", "8")


@dataclass(frozen=True)
class Case:
    """Arguments of a run, and the signal that it gets after so many seconds.

    frames: how many the recording had when it was whole; fewer are a loss, which has to be said.
    """

    arguments: tuple[str, ...]
    kill: tuple[int, float] | None = None
    frames: int | None = None


class Material:
    """Whole files, of which the cases are damaged copies."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        (source,) = (_CALL / "videos").glob("*.mp4")
        every = len(list(open_video(source).frames())) // _FRAMES
        frames = [
            cv2.resize(frame, _WH, interpolation=cv2.INTER_AREA)
            for frame in islice(open_video(source).frames(), 0, every * _FRAMES, every)
        ]
        self.videos = [self._video(frames, suffix) for suffix in _SUFFIXES]
        self.picture = folder / "picture.png"
        cv2.imwrite(str(self.picture), frames[0])
        self._seconds: float | None = None

    def _video(self, frames: list[np.ndarray], suffix: str) -> Path:
        path = self._folder / f"call{suffix}"
        with VideoWriter(path, size_wh=_WH) as writer:
            for frame in frames:
                writer.write(frame)
        return path

    @property
    def call(self) -> str:
        return str(self.videos[0])

    def seconds(self, folder: Path) -> float:
        """How long an undisturbed run takes."""
        if self._seconds is None:
            self._seconds = seconds_of((self.call, "--no-restore"), folder)
        return self._seconds


def video(material: Material, folder: Path, rng: np.random.Generator) -> Case:
    """A damaged recording."""
    whole = material.videos[rng.integers(len(material.videos))]
    path = folder / f"damaged{whole.suffix}"
    path.write_bytes(damaged(whole.read_bytes(), rng))
    knows_its_end = whole.suffix != ".ts"
    return Case((str(path), *_FAST), frames=_FRAMES if knows_its_end else None)


def picture(material: Material, folder: Path, rng: np.random.Generator) -> Case:
    """A damaged picture, as virtual image, room or mask."""
    path = folder / "damaged.png"
    path.write_bytes(damaged(material.picture.read_bytes(), rng))
    options = (
        ("--virtual-background", str(path)),
        ("--truth", str(path), "--mask", str(material.picture)),
        ("--truth", str(material.picture), "--mask", str(path)),
    )
    return Case((material.call, *_FAST, *options[rng.integers(len(options))]))


def model(material: Material, folder: Path, rng: np.random.Generator) -> Case:
    """A damaged model."""
    option, whole = _models()[rng.integers(3)]
    path = folder / "damaged.onnx"
    path.write_bytes(damaged(whole.read_bytes(), rng))
    return Case((material.call, "--frames", "8", option, str(path)))


def contract(material: Material, folder: Path, rng: np.random.Generator) -> Case:
    """A whole model that says something odd of itself."""
    option, whole = _models()[rng.integers(3)]
    network = onnx.load(whole)
    (text,) = (entry.value for entry in network.metadata_props if entry.key == METADATA_KEY)
    onnx.helper.set_model_props(network, {METADATA_KEY: damaged_json(text, rng)})
    path = folder / "odd.onnx"
    onnx.save(network, path)
    return Case((material.call, "--frames", "8", option, str(path)))


def sidecar(material: Material, folder: Path, rng: np.random.Generator) -> Case:
    """An engine of TensorRT whose sidecar says something odd."""
    path = folder / "network.engine"
    path.write_bytes(rng.bytes(64))
    text = '{"format": 1, "contract": {}, "engine_sha256": "", "tensorrt": "10.3", "device": {}}'
    Path(f"{path}.json").write_text(damaged_json(text, rng), errors="replace")
    return Case((material.call, "--model", str(path)))


def interrupt(material: Material, folder: Path, rng: np.random.Generator) -> Case:
    """A signal at any moment of a run."""
    moment = float(rng.uniform(0, 1.1)) * material.seconds(folder)
    return Case(
        (material.call, "--no-restore"), (int(_SIGNALS[rng.integers(len(_SIGNALS))]), moment)
    )


def _models() -> list[tuple[str, Path]]:
    return [
        ("--model", Path(DEFAULT_MODEL)),
        ("--restoration", Path(DEFAULT_RESTORATION)),
        ("--judge", Path(DEFAULT_JUDGE)),
    ]


KINDS: dict[str, Callable[[Material, Path, np.random.Generator], Case]] = {
    case.__name__: case for case in (video, picture, model, contract, sidecar, interrupt)
}
