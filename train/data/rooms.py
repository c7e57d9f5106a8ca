"""Whole calls for the restoration network: what a frame model found in them, and the real room."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from train.calls import Call, read_true_calls
from train.data.cache import restore_arrays
from train.data.planes import ROOM_PLANES
from train.data.vary import leaking_crop, varied_planes
from vader_rt.contract import RESTORE_GROUPS

_INPUT_PLANES = sum(RESTORE_GROUPS.values())
_COLORS = ("room", "virtual", "samples", "true_room")
_EXCHANGED = 0.4
"""Share of the items whose colour channels are exchanged."""


class RoomDataset(Dataset):
    """What the restoration network is given of a call, and what it should say.

    An item is planes (C, h, w), those of `vader_rt.room.restore`, and truth (5, h, w): the real
    room (RGB), the largest true leak, and 1 where anything was seen. All are float32 in [0, 1].

    frame_model: what finds the room in the calls. crops_per_call: items of each call in an epoch.
    varied: draw crops of `crop_wh` that the room leaks into, their scale, mirror images and colours
    at random; in a fifth of the calls the virtual image is known. Else give the calls whole, as
    they were found.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        frame_model: Path,
        *,
        size_wh: tuple[int, int],
        crop_wh: tuple[int, int] | None = None,
        crops_per_call: int = 1,
        varied: bool = True,
    ) -> None:
        self._calls, self._frame_model = list(calls), frame_model
        self._size_wh, self._crop_wh = size_wh, crop_wh if varied else None
        self._crops_per_call, self._varied = crops_per_call, varied

    def __len__(self) -> int:
        return len(self._calls) * self._crops_per_call

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng()
        call = self._calls[index // self._crops_per_call]
        given = self._varied and is_given(call)
        arrays = restore_arrays(call, self._size_wh, self._frame_model, given=given)
        if self._crop_wh is not None:
            arrays = _scaled_crop(arrays, self._crop_wh, rng)
        if self._varied:
            arrays = _vary(arrays, rng)
        planes = torch.from_numpy(arrays.transpose(2, 0, 1).astype(np.float32) / 255)
        seen = (planes[ROOM_PLANES.slice("evidence")] > 0).float()
        return planes[:_INPUT_PLANES], torch.cat([planes[_INPUT_PLANES:], seen])


def is_given(call: Call) -> bool:
    """Whether training knows the call's virtual image: of a fifth, drawn by their names."""
    return zlib.crc32(call.name.video.encode()) // 7 % 5 == 0


def _scaled_crop(
    arrays: np.ndarray, size_wh: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Cut a part that the room leaks into, and bring it to a size: (H, W, C) → (h, w, C).

    Half of the parts have that size already; the others are cut 0.75 to 1.2 times as large, so that
    rooms appear at other scales. Pixels are repeated or left out, never blended: the samples of two
    neighbours can be two different things, and the mean of those is neither.
    """
    scale = rng.uniform(0.75, 1.2) if rng.random() < 0.5 else 1.0
    height, width = arrays.shape[:2]
    part_wh = min(round(size_wh[0] * scale), width), min(round(size_wh[1] * scale), height)
    leak = ROOM_PLANES.get(arrays, "true_leak") / 255
    part = np.ascontiguousarray(arrays[leaking_crop(leak, part_wh, rng)])
    return cv2.resize(part, size_wh, interpolation=cv2.INTER_NEAREST)


def _vary(arrays: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror, exchange colour channels, and scale the colours of everything by the same gains."""
    colors = [ROOM_PLANES.slice(name) for name in _COLORS]
    return varied_planes(arrays, colors, ROOM_PLANES.slice("trace"), _EXCHANGED, rng)


class RestoreData(lightning.LightningDataModule):
    """Calls as a frame model finds them: `calls/train` varied, `calls/validation` as they are.

    The settings are those of `RoomDataset`.
    """

    def __init__(
        self,
        calls: str,
        frame_model: str,
        size_wh: tuple[int, int],
        crop_wh: tuple[int, int] | None = None,
        batch_size: int = 8,
        crops_per_call: int = 2,
        workers: int = 1,
    ) -> None:
        super().__init__()
        self._calls, self._frame_model = Path(calls), Path(frame_model)
        self._size_wh, self._crop_wh = size_wh, crop_wh
        self._crops_per_call, self._batch_size = crops_per_call, batch_size
        self._workers = workers

    def train_dataloader(self) -> DataLoader:
        rooms = RoomDataset(
            read_true_calls(self._calls / "train"),
            self._frame_model,
            size_wh=self._size_wh,
            crop_wh=self._crop_wh,
            crops_per_call=self._crops_per_call,
        )
        return DataLoader(
            rooms, self._batch_size, shuffle=True, drop_last=True, num_workers=self._workers
        )

    def val_dataloader(self) -> DataLoader:
        calls = read_true_calls(self._calls / "validation")
        rooms = RoomDataset(calls, self._frame_model, size_wh=self._size_wh, varied=False)
        return DataLoader(rooms, batch_size=1, num_workers=self._workers)
