"""Training frames: calls decoded once to the model's size, then drawn and varied without end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import cv2
import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from train import targets
from train.calls import Call, read_calls
from vader_rt.engines import Engine, load_engine
from vader_rt.features import CallPlanes, InputPlanes, shrunk
from vader_rt.look import first_look
from vader_rt.segmenter import Segmenter
from vader_rt.video import file_sha256, open_video
from vader_rt.virtual import FrameSample, estimate_virtual, temporal_mode

KEPT_FRAMES = 32
_SAMPLED_WH = (640, 360)
_BLANK_SHARE = 0.25
"""Share of the items without a first look, from which the network learns to do it."""


@dataclass(frozen=True)
class SmallCall:
    """A call at the model's size, (h, w), read lazily from disk.

    frames: (N, h, w, 6) uint8: call (BGR), re-run person mask, true matte, true person.
    planes: (h, w, 13) uint8: virtual (BGR), trace (BGR), mode (BGR), occupancy, room (BGR).
    """

    frames: np.ndarray
    planes: np.ndarray


def small_call(call: Call, size_wh: tuple[int, int]) -> SmallCall:
    """Decode a call to the model's size, or take what an earlier run left in its `.cache`."""
    folder = call.folder / ".cache"
    stem = f"{call.name.video}-{size_wh[0]}x{size_wh[1]}"
    paths = [folder / f"{stem}-{part}.npy" for part in ("frames", "planes")]
    if not all(path.is_file() for path in paths):
        for path, array in zip(paths, _decode_small(call, size_wh), strict=True):
            _save(path, array)
    return SmallCall(*(np.load(path, mmap_mode="r") for path in paths))


def _decode_small(call: Call, size_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    segmenter, sample = Segmenter(threads=1), FrameSample()
    frames: list[np.ndarray] = []
    for frame, truth in zip(open_video(call.video).frames(), call.truth_frames(), strict=False):
        mask = np.rint(segmenter(frame) * 255).astype(np.uint8)
        if sample.wants_next():
            sample.add(shrunk(frame, _SAMPLED_WH), mask)
        else:
            sample.skip()
        planes = [shrunk(frame, size_wh), cv2.resize(mask, size_wh)]
        frames.append(np.dstack([*planes, *(shrunk(plane, size_wh) for plane in truth)]))
    virtual = estimate_virtual(sample)
    parts = [virtual.image, virtual.trace, temporal_mode(sample.frames), virtual.occupancy]
    call_planes = np.dstack([shrunk(p, size_wh) for p in [*parts, call.read_room()]])
    kept = np.linspace(0, len(frames) - 1, min(KEPT_FRAMES, len(frames))).round().astype(int)
    return np.stack([frames[i] for i in kept]), call_planes


def look_planes(call: Call, size_wh: tuple[int, int], model: Path) -> np.ndarray:
    """The first look of a model at a call, (h, w, 6) uint8; kept in the call's `.cache`."""
    path = call.folder / ".cache" / f"{call.name.video}-look-{_digest(model)}.npy"
    if not path.is_file():
        small = small_call(call, size_wh)
        frames = [np.ascontiguousarray(frame) for frame in small.frames[..., :3]]
        virtual = np.ascontiguousarray(small.planes[..., :3])
        engine = _load_engine(model)
        blank = InputPlanes(engine.contract.inputs, size_wh, _call_planes(small.planes))
        _save(path, first_look(engine, blank, virtual, frames, small.frames[..., 3]))
    return np.load(path)


@lru_cache(maxsize=1)
def _digest(model: Path) -> str:
    return file_sha256(model)[:8]


@lru_cache(maxsize=1)
def _load_engine(model: Path) -> Engine:
    return load_engine(model)


def _call_planes(planes: np.ndarray, look: np.ndarray | None = None) -> CallPlanes:
    """Planes of a `SmallCall` by name."""
    virtual, trace, mode = (planes[..., i : i + 3] for i in (0, 3, 6))
    return CallPlanes(virtual=virtual, trace=trace, mode=mode, occupancy=planes[..., 9], look=look)


def _save(path: Path, array: np.ndarray) -> None:
    """Write an array so that another process sees it whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    with partial.open("wb") as file:
        np.save(file, array)
    partial.replace(path)


class FrameDataset(Dataset):
    """One random, varied frame of a call per item: planes (C, H, W) and target (K, H, W).

    outputs: `("matte", "leak")`, or `("similarity",)` for the seed's networks.
    look_model: the model of an earlier training whose first look is given to this one in most
    items; in the others, and without it, the network learns to do that first look itself.
    varied: mirror the frame, change gains and exchange colour channels; the mixing equation holds
    for the result too. crop_wh: then give a part of the planes, which the room leaks into.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        *,
        inputs: Sequence[str],
        outputs: Sequence[str],
        size_wh: tuple[int, int],
        similarity: str = "lab",
        crop_wh: tuple[int, int] | None = None,
        frames_per_call: int = 8,
        look_model: Path | None = None,
        varied: bool = True,
    ) -> None:
        self._calls, self._inputs, self._outputs = list(calls), list(inputs), tuple(outputs)
        self._size_wh, self._similarity = size_wh, targets.SIMILARITIES[similarity]
        self._crop_wh = crop_wh if varied else None
        self._frames_per_call, self._varied = frames_per_call, varied
        self._look_model = look_model

    def __len__(self) -> int:
        return len(self._calls) * self._frames_per_call

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        call, turn = self._calls[index // self._frames_per_call], index % self._frames_per_call
        small = small_call(call, self._size_wh)
        rng = np.random.default_rng() if self._varied else None
        which = turn * len(small.frames) // self._frames_per_call
        if rng is not None:
            which = int(rng.integers(len(small.frames)))
        frame, planes = np.array(small.frames[which]), self._planes(call, small, rng)
        if rng is not None:
            frame, planes = _vary(frame, planes, rng)
        where = self._crop(targets.leak(frame[..., 4], frame[..., 5]))
        inputs, target = self._input(frame, planes)[where], self._target(frame, planes)[where]
        return torch.from_numpy(inputs.copy()), torch.from_numpy(target.copy())

    def _planes(self, call: Call, small: SmallCall, rng: np.random.Generator | None) -> np.ndarray:
        """The call's planes, and the first look behind them, if there is one this time."""
        looks = rng is None or rng.random() > _BLANK_SHARE
        if self._look_model is None or not looks:
            return np.array(small.planes)
        return np.dstack([small.planes, look_planes(call, self._size_wh, self._look_model)])

    def _crop(self, leak: np.ndarray) -> tuple[slice, ...]:
        """Where to cut (K, H, W) planes: around a pixel that was drawn by its leak."""
        if self._crop_wh is None:
            return (slice(None),) * 3
        rng = np.random.default_rng()
        weight = leak[::4, ::4].astype(np.float64) + 1e-4
        drawn = rng.choice(weight.size, p=(weight / weight.sum()).ravel())
        center = np.array(divmod(int(drawn), weight.shape[1])) * 4
        size = np.array(self._crop_wh[::-1])
        corner = np.clip(center - rng.integers(0, size), 0, np.array(leak.shape) - size)
        return (slice(None), *(slice(c, c + s) for c, s in zip(corner, size, strict=True)))

    def _input(self, frame: np.ndarray, planes: np.ndarray) -> np.ndarray:
        look = planes[..., 13:] if planes.shape[2] > 13 else None
        call = _call_planes(planes, look)
        filler = InputPlanes(self._inputs, self._size_wh, call)
        return filler.fill_small(np.ascontiguousarray(frame[..., :3]), frame[..., 3])[0]

    def _target(self, frame: np.ndarray, planes: np.ndarray) -> np.ndarray:
        call, matte, person = frame[..., :3], frame[..., 4], frame[..., 5]
        if self._outputs == ("similarity",):
            call, room = np.ascontiguousarray(call), np.ascontiguousarray(planes[..., 10:13])
            return self._similarity(call, room)[None].astype(np.float32)
        return np.stack([matte.astype(np.float32) / 255, targets.leak(matte, person)])


def _vary(
    frame: np.ndarray, planes: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mirror, and scale the colours of everything that was filmed or shown by the same gains."""
    if rng.random() < 0.5:
        frame, planes = frame[:, ::-1].copy(), planes[:, ::-1].copy()
    order = rng.permutation(3) if rng.random() < 0.3 else np.arange(3)
    gains = np.ones(3)
    if rng.random() < 0.7:
        gains = rng.uniform(0.7, 1.25) * rng.uniform(0.9, 1.1, 3)
    levels = np.arange(256)[:, None]
    colors = np.clip(levels * gains, 0, 255).astype(np.uint8)[None]
    offsets = np.clip(128 + (levels - 128) * gains, 0, 255).astype(np.uint8)[None]

    def recolored(image: np.ndarray, start: int, table: np.ndarray) -> None:
        part = np.ascontiguousarray(image[..., start + order])
        image[..., start : start + 3] = cv2.LUT(part, table)

    recolored(frame, 0, colors)
    tables = {0: colors, 3: offsets, 6: colors, 10: colors, 13: colors}
    for start, table in tables.items():
        if start < planes.shape[2]:
            recolored(planes, start, table)
    return frame, planes


class LeakData(lightning.LightningDataModule):
    """Frames of composed calls: `calls/train` to learn from, `calls/validation` to choose by.

    Compose both with `python -m train.compose`, from people, rooms and virtual images that have
    nothing in common. Calls that are added while the training runs are used from the next epoch on.
    """

    def __init__(
        self,
        calls: str,
        inputs: list[str],
        outputs: list[str],
        size_wh: tuple[int, int],
        similarity: str = "lab",
        crop_wh: tuple[int, int] | None = None,
        batch_size: int = 8,
        frames_per_call: int = 8,
        look_model: str | None = None,
        workers: int = 1,
    ) -> None:
        super().__init__()
        self.calls = Path(calls)
        self._dataset = partial(
            FrameDataset,
            inputs=inputs,
            outputs=outputs,
            size_wh=size_wh,
            similarity=similarity,
            crop_wh=crop_wh,
            look_model=Path(look_model) if look_model else None,
        )
        self._frames_per_call = frames_per_call
        self._loader = partial(DataLoader, batch_size=batch_size, num_workers=workers)

    def train_dataloader(self) -> DataLoader:
        calls = _with_truth(self.calls / "train")
        return self._loader(
            self._dataset(calls, frames_per_call=self._frames_per_call),
            shuffle=True,
            drop_last=True,
        )

    def val_dataloader(self) -> DataLoader:
        calls = _with_truth(self.calls / "validation")
        return self._loader(self._dataset(calls, frames_per_call=4, varied=False))


def _with_truth(folder: Path) -> list[Call]:
    return [call for call in read_calls(folder) if call.has_truth]
