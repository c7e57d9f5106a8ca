"""What a restoration network learns from: calls that went through the frame model."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from train.calls import Call
from train.data.cache import restore_arrays
from train.data.frames import calls_with_truth, leaking_crop
from vader_rt.contract import RESTORE_GROUPS
from vader_rt.room.restore import restore_slice

_PLANES = sum(RESTORE_GROUPS.values())
_COLORS = ("room", "virtual", "samples")


class RoomDataset(Dataset):
    """Rooms by vote: planes (C, h, w) and truth (5, h, w) — room RGB, leak, seen — in [0, 1].

    varied: of each call a crop that the room leaks into, at another scale, mirrored and with other
    colours, and the virtual image known in a fifth of the calls; else the calls whole and as found.
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
        seen = (planes[restore_slice("evidence")] > 0).float()
        return planes[:_PLANES], torch.cat([planes[_PLANES:], seen])


def is_given(call: Call) -> bool:
    """Whether training knows the call's virtual image: of a fifth, drawn by their names."""
    return zlib.crc32(call.name.video.encode()) // 7 % 5 == 0


def _scaled_crop(
    arrays: np.ndarray, size_wh: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """A part that the room leaks into, half of the time from 0.75 to 1.2 times as large.

    Pixels are left out or repeated: between two colours of a choice there is none.
    """
    scale = rng.uniform(0.75, 1.2) if rng.random() < 0.5 else 1.0
    height, width = arrays.shape[:2]
    part_wh = min(round(size_wh[0] * scale), width), min(round(size_wh[1] * scale), height)
    part = arrays[leaking_crop(arrays[..., -1] / 255, part_wh, rng)]
    return cv2.resize(np.ascontiguousarray(part), size_wh, interpolation=cv2.INTER_NEAREST)


def _vary(arrays: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror, exchange colour channels, and scale the colours of everything by the same gains.

    The mixing equation holds for the result too. Often nothing is scaled: white is white then.
    """
    arrays = np.array(arrays[:, ::-1] if rng.random() < 0.5 else arrays)
    order = rng.permutation(3) if rng.random() < 0.4 else np.arange(3)
    gains = np.ones(3)
    if rng.random() < 0.7:
        gains = rng.uniform(0.7, 1.25) * rng.uniform(0.9, 1.1, 3)
    levels = np.arange(256)[:, None]
    colors, offsets = levels * gains, 128 + (levels - 128) * gains
    for group in (*_COLORS, "trace", "truth"):
        part = slice(_PLANES, _PLANES + 3) if group == "truth" else restore_slice(group)
        table = np.clip(np.rint(offsets if group == "trace" else colors), 0, 255).astype(np.uint8)
        for start in range(part.start, part.stop, 3):
            rgb = np.ascontiguousarray(arrays[..., start + order])
            arrays[..., start : start + 3] = cv2.LUT(rgb, table[None])
    return arrays


class RestoreData(lightning.LightningDataModule):
    """Rooms by vote, of `calls/train` varied and of `calls/validation` as they are."""

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
            calls_with_truth(self._calls / "train"),
            self._frame_model,
            size_wh=self._size_wh,
            crop_wh=self._crop_wh,
            crops_per_call=self._crops_per_call,
        )
        return DataLoader(
            rooms, self._batch_size, shuffle=True, drop_last=True, num_workers=self._workers
        )

    def val_dataloader(self) -> DataLoader:
        calls = calls_with_truth(self._calls / "validation")
        rooms = RoomDataset(calls, self._frame_model, size_wh=self._size_wh, varied=False)
        return DataLoader(rooms, batch_size=1, num_workers=self._workers)
