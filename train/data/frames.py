"""Frames of calls for the frame networks, drawn and varied without end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from train.calls import Call, read_true_calls, true_leak
from train.data.cache import SmallCall, augmented_call, look_planes, small_call
from train.data.planes import FRAME_PLANES, LOOK_PLANES, STATIC_PLANES, to_static_planes
from train.data.vary import color_tables, drawn_colors, leaking_crop, recolor
from train.seed import SIMILARITIES
from vader_rt.features.planes import InputPlanes

_BLANK_SHARE = 0.25
"""Share of the items without a first look, from which the network learns to do it."""
_EXCHANGED = 0.3
"""Share of the items whose colour channels are exchanged."""


class FrameDataset(Dataset):
    """What a frame network is given, and what it should say.

    An item is one frame of a call: planes (C, H, W) and target (K, H, W), both float32 in [0, 1].
    With `together`, an item is T frames of one call, (T, C, H, W) and (T, K, H, W), which the
    network learns to rank; nine more planes of the target are then the colours of the room, of the
    frame and of the virtual background, see `train.losses.vote_loss`.

    inputs: groups of `vader_rt.contract.INPUT_GROUPS`. outputs: `("matte", "leak")`; or, for the
    seed's networks, `("similarity",)`, one of `train.seed.SIMILARITIES`.
    frames_per_call: items of each call in an epoch. together: T, or 0.
    augment: have as many items of augmented calls, see `train.data.augment`.
    look_model: a frame model of an earlier training, whose first look is given to the network. Some
    items go without, so that the network learns to take that look itself. The look must be as wrong
    as it will be on calls that nobody has trained on. So with `augment` only augmented calls are
    looked at, unless `look_at_all` says that the model has not seen the calls themselves either.
    varied: draw frames, crops of `crop_wh` that the room leaks into, mirror images and colours at
    random; else give frames that are spread over the call, whole and as they are.
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
        augment: bool = False,
        look_model: Path | None = None,
        look_at_all: bool = False,
        varied: bool = True,
    ) -> None:
        self._calls, self._inputs, self._outputs = list(calls), list(inputs), tuple(outputs)
        self._size_wh, self._similarity = size_wh, SIMILARITIES[similarity]
        self._crop_wh = crop_wh if varied else None
        self._frames_per_call, self._varied = frames_per_call, varied
        self._together = together
        self._augment, self._look_model = augment, look_model
        self._look_at_all = look_at_all or not augment

    def __len__(self) -> int:
        return len(self._calls) * self._frames_per_call * (2 if self._augment else 1)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        index, turn = divmod(index, self._frames_per_call)
        augmented, index = divmod(index, len(self._calls))
        frames, static, look = self._drawn(self._calls[index], bool(augmented), turn)
        where = self._crop(frames)
        planes = InputPlanes(self._inputs, self._size_wh, to_static_planes(static, look))
        inputs = np.stack([_filled(planes, frame)[(slice(None), *where)] for frame in frames])
        target = np.stack([self._target(frame[where], static[where]) for frame in frames])
        if not self._together:
            inputs, target = inputs[0], target[0]
        return torch.from_numpy(inputs), torch.from_numpy(target)

    def _drawn(
        self, call: Call, augmented: bool, turn: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Frames of a call, its static planes, and its first look, if there is one this time."""
        rng = np.random.default_rng() if self._varied else None
        small = self._small(call, augmented=augmented)
        frames = np.array(small.frames[self._chosen(len(small.frames), turn, rng)])
        static, look = np.array(small.static), None
        if self._looks(augmented, rng) and self._look_model is not None:
            look = look_planes(small, self._look_model)
        return (frames, static, look) if rng is None else _vary(frames, static, look, rng)

    def _small(self, call: Call, *, augmented: bool) -> SmallCall:
        if augmented:
            return augmented_call(call, self._size_wh, self._calls)
        return small_call(call, self._size_wh)

    def _chosen(self, count: int, turn: int, rng: np.random.Generator | None) -> np.ndarray:
        """Which frames of a call: at random, or spread over it, others in every turn."""
        together = max(self._together, 1)
        if rng is not None:
            return rng.choice(count, together, replace=count < together)
        turns = together * self._frames_per_call
        return (np.arange(together) * self._frames_per_call + turn) * count // turns

    def _looks(self, augmented: bool, rng: np.random.Generator | None) -> bool:
        """Whether there is a first look this time."""
        unknown = augmented or self._look_at_all
        return rng is None or (unknown and rng.random() > _BLANK_SHARE)

    def _crop(self, frames: np.ndarray) -> tuple[slice, slice]:
        """Where to cut (T, H, W, C) frames of a call."""
        if self._crop_wh is None:
            return slice(None), slice(None)
        leak = _leak(frames).max(axis=0)
        return leaking_crop(_share(leak), self._crop_wh, np.random.default_rng())

    def _target(self, frame: np.ndarray, static: np.ndarray) -> np.ndarray:
        colors = [
            np.ascontiguousarray(picture)
            for picture in (
                STATIC_PLANES.get(static, "room"),
                FRAME_PLANES.get(frame, "frame"),
                STATIC_PLANES.get(static, "virtual"),
            )
        ]
        if self._outputs == ("similarity",):
            return self._similarity(colors[1], colors[0])[None].astype(np.float32)
        target = np.dstack([FRAME_PLANES.get(frame, "matte"), _leak(frame)])
        if self._together:
            target = np.dstack([target, *(picture[..., ::-1] for picture in colors)])
        return _share(target.transpose(2, 0, 1))


def _filled(planes: InputPlanes, frame: np.ndarray) -> np.ndarray:
    """The network's planes of a frame (h, w, C) of `FRAME_PLANES`: (C', h, w) float32."""
    color = np.ascontiguousarray(FRAME_PLANES.get(frame, "frame"))
    return planes.fill(color, FRAME_PLANES.get(frame, "mask"))[0].copy()


def _leak(frames: np.ndarray) -> np.ndarray:
    """The true leak of frames (..., h, w, C), (..., h, w) uint8."""
    return true_leak(FRAME_PLANES.get(frames, "matte"), FRAME_PLANES.get(frames, "person"))


def _share(levels: np.ndarray) -> np.ndarray:
    return levels.astype(np.float32) / 255


def _vary(
    frames: np.ndarray, static: np.ndarray, look: np.ndarray | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Mirror, and scale the colours of everything that was filmed or shown by the same gains.

    frames: (T, h, w, C) uint8; static: (h, w, C) uint8; look: (h, w, 6) uint8.
    """
    if rng.random() < 0.5:
        frames, static = frames[:, :, ::-1].copy(), static[:, ::-1].copy()
        look = None if look is None else look[:, ::-1].copy()
    order, gains = drawn_colors(rng, _EXCHANGED)
    colors, offsets = color_tables(gains)
    for frame in frames:
        recolor(FRAME_PLANES.get(frame, "frame"), order, colors)
    for name in ("virtual", "mode", "room"):
        recolor(STATIC_PLANES.get(static, name), order, colors)
    recolor(STATIC_PLANES.get(static, "trace"), order, offsets)
    if look is not None:
        recolor(LOOK_PLANES.get(look, "look"), order, colors)
    return frames, static, look


class LeakData(lightning.LightningDataModule):
    """Frames of composed calls: `calls/train` to learn from, `calls/validation` to choose by.

    Compose both with `python -m train.compose`, from people, rooms and virtual images that have
    nothing in common. Calls that are added while the training runs are used from the next epoch on.
    The settings are those of `FrameDataset`.
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
        augment: bool = False,
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
        self._frames_per_call, self._augment = frames_per_call, augment
        self._loader = partial(DataLoader, batch_size=batch_size, num_workers=workers)

    def train_dataloader(self) -> DataLoader:
        calls = read_true_calls(self.calls / "train")
        return self._loader(
            self._dataset(calls, frames_per_call=self._frames_per_call, augment=self._augment),
            shuffle=True,
            drop_last=True,
        )

    def val_dataloader(self) -> DataLoader:
        calls = read_true_calls(self.calls / "validation")
        return self._loader(self._dataset(calls, frames_per_call=4, varied=False))
