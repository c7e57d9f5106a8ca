"""What training reads of calls, computed once and left in the folder `.cache` beside the calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from train.calls import Call
from train.data.augment import augmented, drawn_exchange
from train.data.decode import decoded, static_array
from train.data.judged_call import judged_array
from train.data.planes import FRAME_PLANES, STATIC_PLANES, to_static_planes
from train.data.second_pass import room_array
from vader_rt.engines.engine import Engine
from vader_rt.engines.load import load_engine
from vader_rt.errors import InputError
from vader_rt.io.files import file_sha256, whole_file
from vader_rt.room.first_look import first_look

CACHED_FRAMES = 32
"""Frames that are kept of a call, spread over it."""


@dataclass(frozen=True)
class SmallCall:
    """A call at the model's size, (h, w), read lazily from disk.

    stem: what its files in the cache are called after.
    frames: (N, h, w, C) uint8, see `FRAME_PLANES`. static: (h, w, C) uint8, see `STATIC_PLANES`.
    """

    stem: Path
    frames: np.ndarray
    static: np.ndarray


def small_call(call: Call, size_wh: tuple[int, int]) -> SmallCall:
    """A call as it is."""
    stem = _stem(call, size_wh)
    return _read(stem) or _kept(stem, *_decoded(call, size_wh))


def augmented_call(
    call: Call, size_wh: tuple[int, int], others: Sequence[Call], turn: int = 1
) -> SmallCall:
    """A call in the room or before the virtual background of others; see `train.data.augment`."""
    stem = _stem(call, size_wh)
    stem = stem.with_name(f"{stem.name}-augmented{turn}")
    found = _read(stem)
    if found is None:
        small = small_call(call, size_wh)
        exchange = drawn_exchange(call, others, turn)
        found = _kept(stem, *augmented(call, small.frames, small.static, exchange))
    return found


def look_planes(small: SmallCall, model: Path) -> np.ndarray:
    """The first look of a model at a call: (h, w, 6) uint8, see `LOOK_PLANES`."""
    path = small.stem.with_name(f"{small.stem.name}-look-{_digest(model)}.npy")
    if not path.is_file():
        engine = _engine(model, small.static.shape[1::-1])
        frames = np.ascontiguousarray(FRAME_PLANES.get(small.frames, "frame"))
        masks = FRAME_PLANES.get(small.frames, "mask")
        _save(path, first_look(engine, to_static_planes(small.static), frames, masks))
    return np.load(path)


def restore_arrays(
    call: Call, size_wh: tuple[int, int], model: Path, *, given: bool = False
) -> np.ndarray:
    """What a frame model finds in all frames of a call: (h, w, C) uint8, see `ROOM_PLANES`.

    given: the virtual image is known.
    """
    stem = _stem(call, size_wh)
    path = stem.with_name(f"{stem.name}-room-{_digest(model)}{'-given' * given}.npy")
    if not path.is_file():
        _save(path, room_array(call, size_wh, _engine(model, size_wh), given=given))
    return np.load(path, mmap_mode="r")


def judged_arrays(
    call: Call, size_wh: tuple[int, int], model: Path, restoration: Path, *, given: bool = False
) -> np.ndarray:
    """What the runtime finds in a call with two models: (h, w, C) uint8, see `JUDGE_PLANES`.

    given: the virtual image is known.
    """
    stem = _stem(call, size_wh)
    by = f"{_digest(model)}-{_digest(restoration)}"
    path = stem.with_name(f"{stem.name}-judge-{by}{'-given' * given}.npy")
    if not path.is_file():
        engines = (_engine(path, size_wh) for path in (model, restoration))
        _save(path, judged_array(call, *engines, given=given))
    return np.load(path, mmap_mode="r")


def _decoded(call: Call, size_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    frames, kept = decoded(call, size_wh)
    spread = np.linspace(0, len(frames) - 1, min(CACHED_FRAMES, len(frames))).round().astype(int)
    return np.stack([frames[i] for i in spread]), static_array(kept, call.read_room(), size_wh)


def _stem(call: Call, size_wh: tuple[int, int]) -> Path:
    return call.folder / ".cache" / f"{call.name.video}-{size_wh[0]}x{size_wh[1]}"


def _paths(stem: Path) -> list[Path]:
    return [stem.with_name(f"{stem.name}-{part}.npy") for part in ("frames", "planes")]


def _read(stem: Path) -> SmallCall | None:
    if not all(path.is_file() for path in _paths(stem)):
        return None
    found = SmallCall(stem, *(np.load(path, mmap_mode="r") for path in _paths(stem)))
    made_here = found.static.shape[2] == STATIC_PLANES.count  # and not by an older version
    return found if made_here else None


def _kept(stem: Path, frames: np.ndarray, static: np.ndarray) -> SmallCall:
    for path, array in zip(_paths(stem), (frames, static), strict=True):
        _save(path, array)
    return SmallCall(stem, frames, static)


def _save(path: Path, array: np.ndarray) -> None:
    with whole_file(path) as partial, partial.open("wb") as file:
        np.save(file, array)


@lru_cache(maxsize=2)
def _digest(model: Path) -> str:
    return file_sha256(model)[:8]


@lru_cache(maxsize=2)
def _engine(model: Path, size_wh: tuple[int, int]) -> Engine:
    """A model that works at the size of the training.

    Raises:
        InputError: it works at another.
    """
    engine = load_engine(model)
    if engine.contract.size_wh != tuple(size_wh):
        theirs, ours = ("×".join(map(str, wh)) for wh in (engine.contract.size_wh, size_wh))
        raise InputError(
            f"{model}: works at {theirs}, this training at {ours}; set data.init_args.size_wh and "
            "model.init_args.size_wh to the model's size"
        )
    return engine
