"""Cases of each kind: what is damaged, and the arguments of the run that meets it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import onnx

from tests.campaigns.damage import damaged, damaged_json
from tests.campaigns.run import EXIT_CODES, run, seconds_of
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
    stdin: what the run reads there. codes: that it may end with. recovers: whether it is to write
    a result. writes: names of what else it may write.
    """

    arguments: tuple[str, ...]
    kill: tuple[int, float] | None = None
    frames: int | None = None
    stdin: Path = Path(os.devnull)
    codes: frozenset[int] = EXIT_CODES
    recovers: bool = True
    writes: tuple[str, ...] = ()


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

    @cached_property
    def result(self) -> Path:
        """A result of a recovery."""
        run((self.call, *_FAST, "-o", "out", "--quiet"), self._folder)
        return self._folder / "out"


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


def parts(material: Material, folder: Path, rng: np.random.Generator) -> Case:
    """A recording in two parts, one of them damaged, or the list of them."""
    names = ["one.mp4", "two.mp4"]
    for name in names:
        (folder / name).write_bytes(material.videos[0].read_bytes())
    path = folder / names[rng.integers(2)]
    path.write_bytes(damaged(path.read_bytes(), rng))
    if rng.random() < 0.5:
        return Case((*names, *_FAST), frames=2 * _FRAMES)
    text = "\n".join(["# parts", *names, ""]).encode()
    (folder / "parts.txt").write_bytes(damaged(text, rng) if rng.random() < 0.7 else text)
    return Case(("parts.txt", *_FAST))


def stream(material: Material, folder: Path, rng: np.random.Generator) -> Case:
    """A damaged recording on standard input."""
    path = folder / "stream"
    path.write_bytes(damaged(material.videos[_SUFFIXES.index(".ts")].read_bytes(), rng))
    return Case(("-", *_FAST), stdin=path)


def assertions(material: Material, folder: Path, rng: np.random.Generator) -> Case:
    """A damaged file of assertions, which a result is held to."""
    text = 'error = ["leak.mean < 50%", "unmasked.frames == 0"]\nwarn = ["claimed < 1%"]\n'
    (folder / "gate.toml").write_bytes(damaged(text.encode(), rng))
    words = ("gate", str(material.result), "--assert-file", "gate.toml", "--junit", "junit.xml")
    codes = frozenset({0, 2, 3, 6, 7})
    return Case(words, codes=codes, recovers=False, writes=("junit.xml",))


def manifest(material: Material, folder: Path, rng: np.random.Generator) -> Case:
    """A damaged list of recordings."""
    (folder / "call.mp4").write_bytes(material.videos[0].read_bytes())
    texts = {
        ".csv": "video,name,virtual_background\ncall.mp4,one,\ncall.mp4,two,none.png\n",
        ".jsonl": '{"video": "call.mp4"}\n{"video": "call.mp4", "name": "two"}\n',
    }
    suffix = str(rng.choice(list(texts)))
    (folder / f"calls{suffix}").write_bytes(damaged(texts[suffix].encode(), rng))
    words = ("batch", f"calls{suffix}", "-j", "1", *_FAST, "-o", "out", "--quiet")
    return Case(words, codes=frozenset({0, 1, 2, 3}), recovers=False)


def result(material: Material, folder: Path, rng: np.random.Generator) -> Case:
    """A result that says something odd, or whose files are damaged, and a command that reads it."""
    shutil.copytree(material.result, folder / "odd")
    path = folder / "odd" / str(rng.choice(["result.json", "result.json", "provenance.json"]))
    if rng.random() < 0.8:
        path.write_text(damaged_json(path.read_text(), rng), errors="replace")
    else:
        picture = folder / "odd" / str(rng.choice(["background.png", "leak.png", "virtual.png"]))
        picture.write_bytes(damaged(picture.read_bytes(), rng))
    commands = (
        ("report", "odd", "-o", "page.html"),
        ("gate", "odd", "--assert", "leak.mean<50%", "--metrics", "metrics.json"),
        ("compare", str(material.result), "odd"),
    )
    words, codes = commands[rng.integers(len(commands))], frozenset({0, 3, 6, 7})
    return Case(words, codes=codes, recovers=False, writes=("page.html", "metrics.json"))


def _models() -> list[tuple[str, Path]]:
    return [
        ("--model", Path(DEFAULT_MODEL)),
        ("--restoration", Path(DEFAULT_RESTORATION)),
        ("--judge", Path(DEFAULT_JUDGE)),
    ]


KINDS: dict[str, Callable[[Material, Path, np.random.Generator], Case]] = {
    case.__name__: case
    for case in (
        *(video, picture, model, contract, sidecar, interrupt),
        *(parts, stream, assertions, manifest, result),
    )
}
