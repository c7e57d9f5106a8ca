"""What a restoration network learns from: calls that went through the frame model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from train.calls import Call
from train.data import calls_with_truth, leaking_crop
from train.small import SmallCall, remixed_call, restore_arrays, small_call
from vader_rt.contract import RESTORE_GROUPS
from vader_rt.restore import restore_slice

_PLANES = sum(RESTORE_GROUPS.values())
_COLORS = ("room", "mean", "virtual", "samples")


class RoomDataset(Dataset):
    """Un-mixed rooms: planes (C, h, w) and truth (5, h, w) — room RGB, leak, seen — in [0, 1].

    turns: which remixes of a call are drawn from; turn 1 is what the frame model was trained on.
    varied: remixed calls, mirrored and with other colours, and of each a crop that the room leaks
    into; else the calls themselves, whole.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        frame_model: Path,
        *,
        size_wh: tuple[int, int],
        crop_wh: tuple[int, int] | None = None,
        crops_per_call: int = 1,
        turns: Sequence[int] = (2,),
        varied: bool = True,
    ) -> None:
        self._calls, self._frame_model = list(calls), frame_model
        self._size_wh, self._crop_wh = size_wh, crop_wh if varied else None
        self._crops_per_call, self._turns, self._varied = crops_per_call, tuple(turns), varied

    def __len__(self) -> int:
        return len(self._calls) * self._crops_per_call

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng()
        small = self._small(self._calls[index // self._crops_per_call], rng)
        arrays = restore_arrays(small, self._frame_model)
        if self._crop_wh is not None:
            arrays = arrays[leaking_crop(arrays[..., -1] / 255, self._crop_wh, rng)]
        if self._varied:
            arrays = _vary(arrays, rng)
        planes = torch.from_numpy(arrays.transpose(2, 0, 1).astype(np.float32) / 255)
        seen = (planes[restore_slice("evidence")] > 0).float()
        return planes[:_PLANES], torch.cat([planes[_PLANES:], seen])

    def _small(self, call: Call, rng: np.random.Generator) -> SmallCall:
        if self._varied:
            turn = int(rng.choice(self._turns))
            return remixed_call(call, self._size_wh, self._calls, turn)
        return small_call(call, self._size_wh)


def _vary(arrays: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror, exchange colour channels, and scale the colours of everything by the same gains.

    The mixing equation holds for the result too. Often nothing is scaled: white is white then.
    """
    arrays = np.array(arrays[:, ::-1] if rng.random() < 0.5 else arrays)
    order = rng.permutation(3) if rng.random() < 0.3 else np.arange(3)
    gains = np.ones(3)
    if rng.random() < 0.6:
        gains = rng.uniform(0.75, 1.2) * rng.uniform(0.95, 1.05, 3)
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
    """Un-mixed rooms of `calls/train`, remixed, and of `calls/validation` as they are."""

    def __init__(
        self,
        calls: str,
        frame_model: str,
        size_wh: tuple[int, int],
        crop_wh: tuple[int, int] | None = None,
        batch_size: int = 8,
        crops_per_call: int = 2,
        turns: Sequence[int] = (2,),
        workers: int = 1,
    ) -> None:
        super().__init__()
        self._calls, self._frame_model = Path(calls), Path(frame_model)
        self._size_wh, self._crop_wh = size_wh, crop_wh
        self._crops_per_call, self._turns = crops_per_call, turns
        self._batch_size, self._workers = batch_size, workers

    def train_dataloader(self) -> DataLoader:
        rooms = RoomDataset(
            calls_with_truth(self._calls / "train"),
            self._frame_model,
            size_wh=self._size_wh,
            crop_wh=self._crop_wh,
            crops_per_call=self._crops_per_call,
            turns=self._turns,
        )
        return DataLoader(
            rooms, self._batch_size, shuffle=True, drop_last=True, num_workers=self._workers
        )

    def val_dataloader(self) -> DataLoader:
        calls = calls_with_truth(self._calls / "validation")
        rooms = RoomDataset(calls, self._frame_model, size_wh=self._size_wh, varied=False)
        return DataLoader(rooms, batch_size=1, num_workers=self._workers)
