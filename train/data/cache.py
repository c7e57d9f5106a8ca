"""Calls at the model's size, as training reads them: decoded, remixed, looked at, and kept.

Everything is computed once and left in the folder `.cache` beside the calls.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from train.calls import Call, true_leak
from vader_rt.engines.engine import Engine
from vader_rt.engines.load import load_engine
from vader_rt.features.planes import CallPlanes, InputPlanes, VirtualDetail, shrunk
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.files import file_sha256
from vader_rt.io.video import open_video, read_image
from vader_rt.room.first_look import first_look
from vader_rt.room.restore import restore_planes
from vader_rt.room.time_bins import SpanSampler
from vader_rt.room.unmixing import Unmixer
from vader_rt.room.vote import Ballot, consistent_trust
from vader_rt.virtual.estimate import FrameSample, cover, estimate_virtual, temporal_mode

KEPT_FRAMES = 32
_SAMPLED_WH = (640, 360)
_KEEPS_ROOM, _KEEPS_VIRTUAL, _GIVEN = 0.5, 0.3, 0.3
"""Share of the remixed calls that keep their room, their virtual image, and where it is known."""
PLANES = 15
"""Planes of a `SmallCall`."""


@dataclass(frozen=True)
class SmallCall:
    """A call at the model's size, (h, w), read lazily from disk.

    stem: what its files in the cache are called after.
    frames: (N, h, w, 6) uint8: call (BGR), re-run person mask, true matte, true person.
    planes: (h, w, 15) uint8: virtual (BGR), trace (BGR), mode (BGR), occupancy, room (BGR),
    presence, hidden.
    """

    stem: Path
    frames: np.ndarray
    planes: np.ndarray

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.planes.shape[1], self.planes.shape[0]


def small_call(call: Call, size_wh: tuple[int, int]) -> SmallCall:
    """Decode a call to the model's size."""
    stem = _stem(call, size_wh)
    return _read(stem) or _kept(stem, *_decoded(call, size_wh))


def remixed_call(
    call: Call, size_wh: tuple[int, int], others: Sequence[Call], turn: int = 1
) -> SmallCall:
    """The same person and mask before the virtual background or in the room of other calls.

    call = m (a F + (1 − a) R) + (1 − m) V is linear in R and V, so both can be exchanged in a
    finished call; its compression stays what it was. A network that has seen the call itself does
    not know this one. Of some, the virtual image is given. Who is mixed with whom depends on the
    names and the turn alone.
    """
    stem = _stem(call, size_wh)
    stem = stem.with_name(f"{stem.name}-remix{turn}")
    found = _read(stem)
    if found is None:
        rng = np.random.default_rng(zlib.crc32(call.name.video.encode()) + turn - 1)
        virtual, room = (others[i] for i in rng.integers(len(others), size=2))
        room = call if rng.random() < _KEEPS_ROOM else room
        virtual = call if rng.random() < _KEEPS_VIRTUAL else virtual
        given = bool(rng.random() < _GIVEN)
        found = _kept(stem, *_remixed(small_call(call, size_wh), call, virtual, room, given))
    return found


def look_planes(small: SmallCall, model: Path) -> np.ndarray:
    """The first look of a model at a call, (h, w, 6) uint8."""
    path = small.stem.with_name(f"{small.stem.name}-look-{_digest(model)}.npy")
    if not path.is_file():
        engine = _load_engine(model)
        frames = [np.ascontiguousarray(frame) for frame in small.frames[..., :3]]
        virtual = np.ascontiguousarray(small.planes[..., :3])
        blank = InputPlanes(engine.contract.inputs, small.size_wh, call_planes(small.planes))
        _save(path, first_look(engine, blank, virtual, frames, small.frames[..., 3]))
    return np.load(path)


def restore_arrays(
    call: Call, size_wh: tuple[int, int], model: Path, *, given: bool = False
) -> np.ndarray:
    """What a frame model finds in all frames of a call, and the truth: (h, w, C + 4) uint8.

    Planes of `vader_rt.room.restore`, then the real room (RGB) and the true leak's maximum.
    given: the virtual image is known.
    """
    stem = _stem(call, size_wh)
    path = stem.with_name(f"{stem.name}-room-{_digest(model)}{'-given' * given}.npy")
    if not path.is_file():
        _save(path, _restore_arrays(call, size_wh, _load_engine(model), given=given))
    return np.load(path, mmap_mode="r")


def call_planes(planes: np.ndarray, look: np.ndarray | None = None) -> CallPlanes:
    """Planes of a `SmallCall` by name."""
    virtual, trace, mode = (planes[..., i : i + 3] for i in (0, 3, 6))
    return CallPlanes(
        virtual=virtual,
        trace=trace,
        mode=mode,
        occupancy=planes[..., 9],
        presence=planes[..., 13],
        hidden=planes[..., 14],
        look=look,
    )


def _decoded(call: Call, size_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    frames, sample = _all_frames(call, size_wh)
    kept = np.linspace(0, len(frames) - 1, min(KEPT_FRAMES, len(frames))).round().astype(int)
    return np.stack([frames[i] for i in kept]), _planes(sample, call.read_room(), size_wh)


def _all_frames(call: Call, size_wh: tuple[int, int]) -> tuple[list[np.ndarray], FrameSample]:
    """All frames as in `SmallCall`, and those that tell of the virtual background."""
    segmenter, sample = Segmenter(threads=1), FrameSample()
    frames: list[np.ndarray] = []
    for frame, truth in zip(open_video(call.video).frames(), call.truth_frames(), strict=False):
        mask = _mask(segmenter, frame)
        if sample.wants_next():
            sample.add(shrunk(frame, _SAMPLED_WH), mask)
        else:
            sample.skip()
        planes = [shrunk(frame, size_wh), cv2.resize(mask, size_wh)]
        frames.append(np.dstack([*planes, *(shrunk(plane, size_wh) for plane in truth)]))
    return frames, sample


def _restore_arrays(
    call: Call, size_wh: tuple[int, int], engine: Engine, *, given: bool
) -> np.ndarray:
    found, sample = _all_frames(call, size_wh)
    frames = [np.ascontiguousarray(frame[..., :3]) for frame in found]
    masks = [frame[..., 3] for frame in found]
    known = np.rint(_virtual(call, _SAMPLED_WH)).astype(np.uint8) if given else None
    planes = _planes(sample, call.read_room(), size_wh, known)
    virtual = np.ascontiguousarray(planes[..., :3])
    detail = VirtualDetail(virtual) if given else None
    about = call_planes(planes)
    blank = InputPlanes(engine.contract.inputs, size_wh, about)
    about = replace(about, look=first_look(engine, blank, virtual, frames, masks))
    inputs = InputPlanes(engine.contract.inputs, size_wh, about)
    unmixer = Unmixer(virtual, engine.contract.unmix_power, engine.contract.matte_trust)
    ballot, sampler = Ballot(size_wh), SpanSampler(size_wh, len(frames))
    for frame, mask in zip(frames, masks, strict=True):
        matte, leak = engine.run(inputs.fill_small(frame, mask))
        if detail is not None:
            matte = detail.corrected(matte, frame)
        for taker in (unmixer, ballot, sampler):
            taker.add(frame, matte, leak)
    samples = sampler.samples()
    voted = ballot.count(virtual, *consistent_trust(samples, virtual))
    leak = np.max([true_leak(frame[..., 4], frame[..., 5]) for frame in found], axis=0)
    truth = [planes[..., 12:9:-1], leak]
    return np.dstack([restore_planes(unmixer.estimate(), voted, samples, about, size_wh), *truth])


def _remixed(
    small: SmallCall, call: Call, virtual_of: Call, room_of: Call, given: bool
) -> tuple[np.ndarray, np.ndarray]:
    size_wh = small.size_wh
    segmenter, sample = Segmenter(threads=1), FrameSample()
    new_room = shrunk(room_of.read_room(), size_wh)
    virtual = _virtual(virtual_of, size_wh)
    virtual_shift = virtual - _virtual(call, size_wh)
    room_shift = new_room.astype(np.float32) - small.planes[..., 10:13]
    frames = np.array(small.frames)
    for frame in frames:
        matte, person = (frame[..., i, None].astype(np.float32) / 255 for i in (4, 5))
        shift = (1 - matte) * virtual_shift + matte * (1 - person) * room_shift
        frame[..., :3] = np.clip(np.rint(frame[..., :3] + shift), 0, 255)
        color = np.ascontiguousarray(frame[..., :3])
        mask = _mask(segmenter, color)
        frame[..., 3] = cv2.resize(mask, size_wh)
        sample.add(color, mask)
    known = np.rint(virtual).astype(np.uint8) if given else None
    return frames, _planes(sample, new_room, size_wh, known)


def _mask(segmenter: Segmenter, frame_bgr: np.ndarray) -> np.ndarray:
    return np.rint(segmenter(frame_bgr) * 255).astype(np.uint8)


def _virtual(call: Call, size_wh: tuple[int, int]) -> np.ndarray:
    """The true virtual image as the call shows it: (h, w, 3) float32."""
    width, height = call.read_room().shape[1::-1]
    return shrunk(cover(read_image(call.virtual), (width, height)), size_wh).astype(np.float32)


def _planes(
    sample: FrameSample,
    room: np.ndarray,
    size_wh: tuple[int, int],
    known: np.ndarray | None = None,
) -> np.ndarray:
    virtual = estimate_virtual(sample, known)
    mode = temporal_mode(sample.frames)
    parts = [virtual.image, virtual.trace, mode, virtual.occupancy, room]
    parts += [virtual.presence, virtual.hidden]
    return np.dstack([shrunk(part, size_wh) for part in parts])


def _stem(call: Call, size_wh: tuple[int, int]) -> Path:
    return call.folder / ".cache" / f"{call.name.video}-{size_wh[0]}x{size_wh[1]}"


def _paths(stem: Path) -> Iterable[Path]:
    return (stem.with_name(f"{stem.name}-{part}.npy") for part in ("frames", "planes"))


def _read(stem: Path) -> SmallCall | None:
    if not all(path.is_file() for path in _paths(stem)):
        return None
    found = SmallCall(stem, *(np.load(path, mmap_mode="r") for path in _paths(stem)))
    return found if found.planes.shape[2] == PLANES else None  # else an older version's


def _kept(stem: Path, *arrays: np.ndarray) -> SmallCall:
    for path, array in zip(_paths(stem), arrays, strict=True):
        _save(path, array)
    return SmallCall(stem, *arrays)


def _save(path: Path, array: np.ndarray) -> None:
    """Write an array so that another process sees it whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    with partial.open("wb") as file:
        np.save(file, array)
    partial.replace(path)


@lru_cache(maxsize=1)
def _digest(model: Path) -> str:
    return file_sha256(model)[:8]


@lru_cache(maxsize=1)
def _load_engine(model: Path) -> Engine:
    return load_engine(model)
