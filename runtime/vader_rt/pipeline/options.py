"""What a user may ask for, and the models that it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np

from vader_rt.contract import Contract
from vader_rt.engines.engine import Engine, EngineName
from vader_rt.engines.load import load_engine
from vader_rt.engines.trt.memory import MEMORY_PACKAGES, MemoryPackage
from vader_rt.entries import shown
from vader_rt.errors import InputError, OptionError, UsageError
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.cpus import threads_for
from vader_rt.io.images import read_gray, read_image
from vader_rt.models import DEFAULT_JUDGE, DEFAULT_MODEL, DEFAULT_RESTORATION, PERSON_MODEL
from vader_rt.pipeline.choose import LEAST_FRAMES, AutoChooser, Chooser, FrameChooser, StreamChooser
from vader_rt.score import check_truth
from vader_rt.sources.rectangle import Rectangle
from vader_rt.sources.selection import Selection
from vader_rt.sources.source import FrameSource
from vader_rt.sources.tiles import Tile

Model = str | Path | Engine
"""The file of a model, or an engine that is loaded already."""
OPTION_OF = {"frame": "model", "restore": "restoration", "judge": "judge"}
"""Which of the `Options` takes a model of a kind."""


@dataclass(frozen=True)
class Options:
    """How to reconstruct; None means the default.

    Attributes:
        model: a frame model of `export.to_onnx`; what a model that gives a similarity finds is
            copied, as the seed does.
        restoration: a model that corrects the room by vote.
        restore: whether to; a `restoration` of one's own is used in any case.
        judge: a model that says how likely what was restored is right; that of the package knows
            the package's restoration, and is used with no other.
        person_model: a person segmenter, see `vader_rt.features.segmenter.Segmenter`, that tells
            the judge where the caller is likely.
        engine: what runs the models; `auto` takes TensorRT, ONNX Runtime with CUDA, OpenVINO or
            ONNX Runtime on the CPU, the first that runs.
        virtual_background: the virtual image, if it is known.
        virtual_library: a folder of pictures, to take it from if it is there.
        fill: continue the room into what was never seen, which stays marked as that.
        truth: picture of the real room, for a score.
        mask: picture of the true leak, for a score.
        threads: 0 = all cores.
        device_memory: `cuda-python` or `pycuda`, for TensorRT.
        cpu_features: make the features on the CPU even where OpenCV could on the GPU.
        frames: how many frames go through the network, chosen all over the call; `auto` takes 80
            to 400, but every one for a model whose pixels are copied; `all` every one.
        time_limit: seconds after which the work ends with what there is by then. Half of it is left
            for recovery, which takes in eight frames at any rate.
        max_pixels: how many a frame of the call may have; None is 16 million.
        start: in seconds; frames before it are left out.
        end: in seconds; frames from then on are left out.
        roi: x, y, width and height of the part of the picture that shows the call, in pixels, as of
            one tile of a gallery.
        tile: the number of that tile, from 1 in the order of reading, or `auto` for the one in
            which somebody moves, where it is the only one or clearly the largest.
        case: name of the case, which the report repeats.
        examiner: who examines it, which the report repeats.
        full_paths: whether the report says where files lie, in place of their names.
        checkpoint: a file from which the same job goes on if it was ended before; it stays until it
            is deleted.
        every: seconds between two states of the checkpoint.
    """

    model: Model | None = None
    restoration: Model | None = None
    restore: bool = True
    judge: Model | None = None
    person_model: str | Path | None = None
    engine: EngineName = "auto"
    virtual_background: str | Path | None = None
    virtual_library: str | Path | None = None
    fill: bool = False
    truth: str | Path | None = None
    mask: str | Path | None = None
    threads: int = 0
    device_memory: MemoryPackage | None = None
    cpu_features: bool = False
    frames: int | Literal["auto", "all"] = "auto"
    time_limit: float | None = None
    max_pixels: int | None = None
    start: float = 0.0
    end: float | None = None
    roi: Sequence[int] | None = None
    tile: Tile | None = None
    case: str | None = None
    examiner: str | None = None
    full_paths: bool = False
    checkpoint: str | Path | None = None
    every: float | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense, before anything is loaded.

        Raises:
            UsageError: it says which option, what it is and what it may be.
        """
        for option, (fits, wanted) in _RULES.items():
            value = getattr(self, option)
            if not fits(value):
                raise OptionError(f"{option}: {shown(value)} is not {wanted}", option)
        if (self.truth is None) != (self.mask is None):
            line = "truth and mask belong together: give the other, too"
            raise OptionError(line, "truth", "mask")
        if self.virtual_background is not None and self.virtual_library is not None:
            names = "virtual_background", "virtual_library"
            raise OptionError(f"{' and '.join(names)}: give one of them", *names)
        if self.roi is not None and self.tile is not None:
            raise OptionError("roi and tile: give one of them", "roi", "tile")
        if self.end is not None and self.end <= self.start:
            line = f"end: {self.end:g} s is not after start, {self.start:g} s"
            raise OptionError(line, "end", "start")

    @property
    def selection(self) -> Selection:
        """What is taken of the recording."""
        roi = None if self.roi is None else Rectangle(*map(int, self.roi))
        end = math.inf if self.end is None else self.end
        return Selection(self.start, end, roi, self.tile)

    def chooser(self, contract: Contract, source: FrameSource) -> Chooser | None:
        """What chooses the frames of a source that go through the network; None for all.

        contract: of the frame model. One sample of a pixel is all that is copied, and of all frames
        the best one: there every frame counts, as it did for the seed. Frames of a stream have to
        be held, as it cannot be read again.
        """
        if source.live:
            return StreamChooser(
                source.size_wh, None if isinstance(self.frames, str) else self.frames
            )
        if self.frames == "all" or (self.frames == "auto" and contract.copies):
            return None
        return AutoChooser() if self.frames == "auto" else FrameChooser(int(self.frames))


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def _is_path(value: Any) -> bool:
    return isinstance(value, str | Path) and str(value) != "" and "\0" not in str(value)


def _is_model(value: Any) -> bool:
    return _is_path(value) or (hasattr(value, "run") and hasattr(value, "contract"))


def _is_seconds(value: Any) -> bool:
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    with suppress(OverflowError):  # a whole number may be too large
        return 0 < float(value) < math.inf
    return False


def _is_moment(value: Any) -> bool:
    return value == 0 or _is_seconds(value)


def _is_rectangle(value: Any) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 4:
        return False
    return all(map(_is_whole, value, (0, 0, 1, 1)))


def _is_tile(value: Any) -> bool:
    return _is_whole(value, 1) or (isinstance(value, str) and value == "auto")


def _is_frames(value: Any) -> bool:
    return _is_whole(value, LEAST_FRAMES) or (isinstance(value, str) and value in ("auto", "all"))


def _one_of(names: Sequence[str]) -> _Rule:
    return lambda value: isinstance(value, str) and value in names, f"one of {', '.join(names)}"


def _or_none(rule: _Rule) -> _Rule:
    fits, wanted = rule
    return lambda value: value is None or fits(value), f"{wanted}, or None"


_Rule = tuple[Callable[[Any], bool], str]
"""Whether a value fits, and what would."""
_MODEL: _Rule = _or_none((_is_model, "a model's path or a loaded engine"))
_PATH: _Rule = _or_none((_is_path, "a path"))
_TEXT: _Rule = _or_none(((lambda value: isinstance(value, str)), "a text"))
_SWITCH: _Rule = (lambda value: isinstance(value, bool | np.bool_)), "True or False"
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(("model", "restoration", "judge"), _MODEL),
    **dict.fromkeys(
        ("person_model", "virtual_background", "virtual_library", "truth", "mask", "checkpoint"),
        _PATH,
    ),
    **dict.fromkeys(("restore", "fill", "cpu_features", "full_paths"), _SWITCH),
    **dict.fromkeys(("case", "examiner"), _TEXT),
    "engine": _one_of(get_args(EngineName)),
    "device_memory": _or_none(_one_of(MEMORY_PACKAGES)),
    "threads": (lambda value: _is_whole(value, 0), "a number of threads, 0 or more"),
    "frames": (_is_frames, f"`auto`, `all` or {LEAST_FRAMES} frames or more"),
    **dict.fromkeys(
        ("time_limit", "every"), _or_none((_is_seconds, "a number of seconds above 0"))
    ),
    "start": (_is_moment, "a number of seconds, 0 or more"),
    "end": _or_none((_is_seconds, "a number of seconds above 0")),
    "roi": _or_none((_is_rectangle, "x, y, width and height in pixels")),
    "tile": _or_none((_is_tile, "`auto` or the number of a tile, from 1")),
    "max_pixels": _or_none((lambda value: _is_whole(value, 1), "a number of pixels, 1 or more")),
}


@dataclass(frozen=True)
class Models:
    """The networks of one job.

    segmenter: re-run, as the client would. restoration, judge: None where it was not asked for.
    person: tells the judge where the caller is likely; None without one.
    """

    frame: Engine
    restoration: Engine | None
    segmenter: Segmenter
    judge: Engine | None = None
    person: Segmenter | None = None


@dataclass(frozen=True)
class Truth:
    """room: (H, W, 3) uint8 BGR, the real one. leak: (H, W) uint8, its maximum over time."""

    room: np.ndarray
    leak: np.ndarray


def load_models(options: Options) -> Models:
    """Load the models that the options ask for.

    Raises:
        InputError: a model cannot be read or is of another kind. EngineError: no engine runs.
        UsageError: a model is given that would have nothing to do.
    """
    threads = threads_for(options.threads)
    cv2.setNumThreads(threads)  # by itself it knows nothing of a container's quota
    options = replace(options, threads=threads)
    frame = _load(options.model or DEFAULT_MODEL, "frame", options)
    restoration = _load_restoration(frame, options)
    models = Models(frame, restoration, Segmenter(threads=threads))
    if restoration is None and options.judge is not None:
        raise UsageError("a judge judges what was restored, and nothing is restored here")
    judge = options.judge or (None if options.restoration else DEFAULT_JUDGE)
    if restoration is None or judge is None:
        if options.person_model is not None:
            raise UsageError("a person model is for the judge, and there is none here")
        return models
    person = Segmenter(options.person_model or PERSON_MODEL, letterbox=True, threads=threads)
    return replace(models, judge=_load(judge, "judge", options), person=person)


def read_truth(options: Options, size_wh: tuple[int, int]) -> Truth | None:
    """Read the truth that a score needs, if it was given.

    Raises:
        InputError: it cannot be read, or has another size than the call.
    """
    if options.truth is None or options.mask is None:
        return None
    truth = Truth(read_image(options.truth), read_gray(options.mask))
    check_truth(truth.room, truth.leak, size_wh)
    return truth


def said(option: Any, *, full_paths: bool = True) -> str | int | float | list[int] | None:
    """An option as JSON has it; an engine that was handed over, by its name.

    full_paths: else, of a path that begins at the root, its last part alone is said.
    """
    if option is None or isinstance(option, bool | int | float):
        return option
    if isinstance(option, Sequence) and not isinstance(option, str):
        return [int(number) for number in option]
    text = str(option.name if hasattr(option, "run") else option)
    return text if full_paths else without_folders(text)


def without_folders(word: str) -> str:
    """A word of a command line; of a path that begins at the root or at home, the last part."""
    option, equals, value = word.rpartition("=") if word.startswith("-") else ("", "", word)
    path = Path(value)
    return option + equals + (path.name if path.is_absolute() or value.startswith("~/") else value)


def _load(model: Model, kind: str, options: Options) -> Engine:
    engine = model
    if isinstance(engine, str | Path):
        engine = load_engine(
            engine, options.engine, threads=options.threads, device_memory=options.device_memory
        )
    if engine.contract.kind != kind:
        raise InputError(
            f"{said(model)}: is a {engine.contract.kind} model; a {kind} model is needed here"
        )
    return engine


def _load_restoration(frame: Engine, options: Options) -> Engine | None:
    if options.restoration is not None and frame.contract.copies:
        raise UsageError("a restoration model works on what was un-mixed; this frame model copies")
    if frame.contract.copies or not (options.restore or options.restoration):
        return None
    return _load(options.restoration or DEFAULT_RESTORATION, "restore", options)
