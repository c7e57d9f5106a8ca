"""Training frames: calls decoded once to the model's size, then drawn and varied without end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from train.calls import Call, read_calls, true_leak
from train.data.cache import PLANES, SmallCall, call_planes, look_planes, remixed_call, small_call
from train.seed import SIMILARITIES
from vader_rt.features.planes import CallPlanes, InputPlanes

_BLANK_SHARE = 0.25
"""Share of the items without a first look, from which the network learns to do it."""


class FrameDataset(Dataset):
    """One random, varied frame of a call per item: planes (C, H, W) and target (K, H, W).

    outputs: `("matte", "leak")`, or `("similarity",)` for the seed's networks.
    together: 0, or how many frames of one call are an item, that a network learns to rank them:
    planes (T, C, H, W), target (T, 2 + 9, H, W): matte, leak, and the colours of the room, the call
    and the virtual background.
    remix: draw remixed calls too, as many.
    look_model: the model of an earlier training whose first look is given to this one in most
    items; in the others, and without it, the network learns to do that first look itself. With
    `remix`, only remixed calls are looked at, for that model may know the others too well; with
    `look_at_all`, it does not.
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
        together: int = 0,
        remix: bool = False,
        look_model: Path | None = None,
        look_at_all: bool = False,
        varied: bool = True,
    ) -> None:
        self._calls, self._inputs, self._outputs = list(calls), list(inputs), tuple(outputs)
        self._size_wh, self._similarity = size_wh, SIMILARITIES[similarity]
        self._crop_wh = crop_wh if varied else None
        self._frames_per_call, self._varied = frames_per_call, varied
        self._together = together
        self._remix, self._look_model = remix, look_model
        self._look_at_all = look_at_all or not remix

    def __len__(self) -> int:
        return len(self._calls) * self._frames_per_call * (2 if self._remix else 1)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        index, turn = divmod(index, self._frames_per_call)
        remix, index = divmod(index, len(self._calls))
        small = self._small(self._calls[index], remix=bool(remix))
        rng = np.random.default_rng() if self._varied else None
        frames = np.array(small.frames[self._drawn(len(small.frames), turn, rng)])
        planes = self._planes(small, bool(remix), rng)
        if rng is not None:
            frames, planes = _vary(frames, planes, rng)
        where = self._crop(frames)
        filler = InputPlanes(self._inputs, self._size_wh, _call_planes(planes))
        inputs = np.stack([_input(filler, frame)[(slice(None), *where)].copy() for frame in frames])
        target = np.stack([self._target(frame[where], planes[where]) for frame in frames])
        if not self._together:
            inputs, target = inputs[0], target[0]
        return torch.from_numpy(inputs), torch.from_numpy(target)

    def _drawn(self, count: int, turn: int, rng: np.random.Generator | None) -> np.ndarray:
        """Which frames of a call: at random, or spread over it, others in every turn."""
        together = max(self._together, 1)
        if rng is not None:
            return rng.choice(count, together, replace=count < together)
        turns = together * self._frames_per_call
        return (np.arange(together) * self._frames_per_call + turn) * count // turns

    def _small(self, call: Call, *, remix: bool) -> SmallCall:
        if remix:
            return remixed_call(call, self._size_wh, self._calls)
        return small_call(call, self._size_wh)

    def _planes(self, small: SmallCall, remix: bool, rng: np.random.Generator | None) -> np.ndarray:
        """The call's planes, and the first look behind them, if there is one this time."""
        known = remix or self._look_at_all
        looks = rng is None or (known and rng.random() > _BLANK_SHARE)
        if self._look_model is None or not looks:
            return np.array(small.planes)
        return np.dstack([small.planes, look_planes(small, self._look_model)])

    def _crop(self, frames: np.ndarray) -> tuple[slice, slice]:
        """Where to cut (T, H, W, 6) frames of a call."""
        if self._crop_wh is None:
            return slice(None), slice(None)
        leak = true_leak(frames[..., 4], frames[..., 5]).max(axis=0)
        return leaking_crop(_share(leak), self._crop_wh, np.random.default_rng())

    def _target(self, frame: np.ndarray, planes: np.ndarray) -> np.ndarray:
        call, matte, person = frame[..., :3], frame[..., 4], frame[..., 5]
        if self._outputs == ("similarity",):
            call, room = np.ascontiguousarray(call), np.ascontiguousarray(planes[..., 10:13])
            return self._similarity(call, room)[None].astype(np.float32)
        masks = _share(np.stack([matte, true_leak(matte, person)]))
        if not self._together:
            return masks
        colors = np.dstack([planes[..., 12:9:-1], call[..., ::-1], planes[..., 2::-1]])
        return np.concatenate([masks, _share(colors.transpose(2, 0, 1))])


def _share(levels: np.ndarray) -> np.ndarray:
    return levels.astype(np.float32) / 255


def _call_planes(planes: np.ndarray) -> CallPlanes:
    look = planes[..., PLANES:] if planes.shape[2] > PLANES else None
    return call_planes(planes, look)


def _input(filler: InputPlanes, frame: np.ndarray) -> np.ndarray:
    """The network's planes of a frame (h, w, 6), (C, h, w), valid until the next."""
    return filler.fill_small(np.ascontiguousarray(frame[..., :3]), frame[..., 3])[0]


def leaking_crop(
    leak: np.ndarray, size_wh: tuple[int, int], rng: np.random.Generator
) -> tuple[slice, slice]:
    """A part of (H, W) that holds, anywhere in it, a pixel drawn by its leak, in [0, 1]."""
    weight = leak[::4, ::4].astype(np.float64) + 1e-4
    drawn = rng.choice(weight.size, p=(weight / weight.sum()).ravel())
    center = np.array(divmod(int(drawn), weight.shape[1])) * 4
    size = np.array(size_wh[::-1])
    top, left = np.clip(center - rng.integers(0, size), 0, np.array(leak.shape) - size)
    return slice(top, top + size[0]), slice(left, left + size[1])


def _vary(
    frames: np.ndarray, planes: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mirror, and scale the colours of everything that was filmed or shown by the same gains.

    frames: (T, h, w, 6) uint8; planes: (h, w, C) uint8.
    """
    if rng.random() < 0.5:
        frames, planes = frames[:, :, ::-1].copy(), planes[:, ::-1].copy()
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

    for frame in frames:
        recolored(frame, 0, colors)
    tables = {0: colors, 3: offsets, 6: colors, 10: colors, PLANES: colors}
    for start, table in tables.items():
        if start < planes.shape[2]:
            recolored(planes, start, table)
    return frames, planes


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
        together: int = 0,
        remix: bool = False,
        look_model: str | None = None,
        look_at_all: bool = False,
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
            together=together,
            look_model=Path(look_model) if look_model else None,
            look_at_all=look_at_all,
        )
        self._frames_per_call, self._remix = frames_per_call, remix
        self._loader = partial(DataLoader, batch_size=batch_size, num_workers=workers)

    def train_dataloader(self) -> DataLoader:
        calls = calls_with_truth(self.calls / "train")
        return self._loader(
            self._dataset(calls, frames_per_call=self._frames_per_call, remix=self._remix),
            shuffle=True,
            drop_last=True,
        )

    def val_dataloader(self) -> DataLoader:
        calls = calls_with_truth(self.calls / "validation")
        return self._loader(self._dataset(calls, frames_per_call=4, varied=False))


def calls_with_truth(folder: Path) -> list[Call]:
    """The calls of a folder whose true matte and person are known."""
    return [call for call in read_calls(folder) if call.has_truth]
