"""Training frames: calls decoded once to the model's size, then drawn and varied without end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from train import targets
from train.calls import Call, read_calls
from vader_rt.features import CallPlanes, InputPlanes
from vader_rt.segmenter import Segmenter
from vader_rt.video import open_video
from vader_rt.virtual import FrameSample, estimate_virtual, temporal_mode

KEPT_FRAMES = 32
_SAMPLED_WH = (640, 360)


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
        folder.mkdir(exist_ok=True)
        for path, array in zip(paths, _decode_small(call, size_wh), strict=True):
            partial = path.with_suffix(f".{os.getpid()}.tmp")
            with partial.open("wb") as file:
                np.save(file, array)
            partial.replace(path)
    return SmallCall(*(np.load(path, mmap_mode="r") for path in paths))


def _decode_small(call: Call, size_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    segmenter, sample = Segmenter(threads=1), FrameSample()
    frames: list[np.ndarray] = []
    for frame, truth in zip(open_video(call.video).frames(), call.truth_frames(), strict=False):
        mask = np.rint(segmenter(frame) * 255).astype(np.uint8)
        if sample.wants_next():
            sample.add(_shrunk(frame, _SAMPLED_WH), mask)
        else:
            sample.skip()
        planes = [_shrunk(frame, size_wh), cv2.resize(mask, size_wh)]
        frames.append(np.dstack([*planes, *(_shrunk(plane, size_wh) for plane in truth)]))
    virtual = estimate_virtual(sample)
    parts = [virtual.image, virtual.trace, temporal_mode(sample.frames), virtual.occupancy]
    call_planes = np.dstack([_shrunk(p, size_wh) for p in [*parts, call.read_room()]])
    kept = np.linspace(0, len(frames) - 1, min(KEPT_FRAMES, len(frames))).round().astype(int)
    return np.stack([frames[i] for i in kept]), call_planes


def _shrunk(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    return cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)


class FrameDataset(Dataset):
    """One random, varied frame of a call per item: planes (C, H, W) and target (K, H, W).

    outputs: `("matte", "leak")`, or `("similarity",)` for the seed's networks.
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
        varied: bool = True,
    ) -> None:
        self._calls, self._inputs, self._outputs = list(calls), list(inputs), tuple(outputs)
        self._size_wh, self._similarity = size_wh, targets.SIMILARITIES[similarity]
        self._crop_wh = crop_wh if varied else None
        self._frames_per_call, self._varied = frames_per_call, varied

    def __len__(self) -> int:
        return len(self._calls) * self._frames_per_call

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        call_index, turn = divmod(index, self._frames_per_call)
        small = small_call(self._calls[call_index], self._size_wh)
        if self._varied:
            rng = np.random.default_rng()
            frame, planes = small.frames[rng.integers(len(small.frames))], small.planes
            frame, planes = _vary(np.array(frame), np.array(planes), rng)
        else:
            frame, planes = (
                small.frames[turn * len(small.frames) // self._frames_per_call],
                small.planes,
            )
        frame, planes = np.ascontiguousarray(frame), np.ascontiguousarray(planes)
        where = self._crop(targets.leak(frame[..., 4], frame[..., 5]))
        inputs, target = self._input(frame, planes)[where], self._target(frame, planes)[where]
        return torch.from_numpy(inputs.copy()), torch.from_numpy(target.copy())

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
        call = CallPlanes(
            virtual=planes[..., 0:3],
            trace=planes[..., 3:6],
            mode=planes[..., 6:9],
            occupancy=planes[..., 9],
        )
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
    for start, table in ((0, colors), (3, offsets), (6, colors), (10, colors)):
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
