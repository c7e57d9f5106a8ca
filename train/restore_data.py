"""What a restoration network learns from: calls that went through the real pipeline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from train.calls import Call, read_calls
from vader_rt.pipeline import reconstruct
from vader_rt.restore import restore_planes


def restore_arrays(call: Call, frame_model: Path | None) -> np.ndarray:
    """Planes of `vader_rt.restore`, real room (RGB) and true leak of a call: (H, W, 21) uint8.

    Computed once with the frame model, with its own errors, and kept in the folder's `.cache`.
    """
    path = call.folder / ".cache" / f"{call.name.video}-restore.npy"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        result = reconstruct(call.video, model=frame_model)
        planes = restore_planes(result.estimate, result.virtual_background)
        arrays = np.dstack([planes, call.read_room()[..., ::-1], call.read_mask()])
        partial = path.with_suffix(f".{os.getpid()}.tmp")
        with partial.open("wb") as file:
            np.save(file, arrays)
        partial.replace(path)
    return np.load(path, mmap_mode="r")


class CropDataset(Dataset):
    """Crops where the room leaks: planes (17, S, S), truth (5, S, S): room RGB, leak, seen."""

    def __init__(
        self,
        calls: Sequence[Call],
        frame_model: Path | None,
        *,
        size: int = 256,
        crops_per_call: int = 8,
        varied: bool = True,
    ) -> None:
        self._calls, self._frame_model = list(calls), frame_model
        self._size, self._crops_per_call, self._varied = size, crops_per_call, varied

    def __len__(self) -> int:
        return len(self._calls) * self._crops_per_call

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        call = self._calls[index // self._crops_per_call]
        arrays = restore_arrays(call, self._frame_model)
        rng = np.random.default_rng(None if self._varied else index)
        crop = arrays[_leaking_crop(arrays, self._size, rng)]
        if self._varied:
            crop = _vary(crop, rng)
        planes = torch.from_numpy(crop.transpose(2, 0, 1).astype(np.float32) / 255)
        seen = (planes[14:15] > 0).float()  # evidence
        return planes[:17], torch.cat([planes[17:], seen])


def _leaking_crop(arrays: np.ndarray, size: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """A square that holds a pixel drawn by its leak, anywhere in it."""
    leak = np.asarray(arrays[::8, ::8, 20], np.float64).ravel() + 1e-3
    drawn = rng.choice(len(leak), p=leak / leak.sum())
    center = np.array(divmod(drawn, arrays[::8, ::8].shape[1])) * 8
    corner = center - rng.integers(0, size, 2)
    top, left = np.clip(corner, 0, np.array(arrays.shape[:2]) - size)
    return slice(top, top + size), slice(left, left + size)


def _vary(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror, and exchange colour channels: un-mixing knows neither left nor red."""
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.3:
        order = rng.permutation(3)
        starts = (0, 3, 6, 9, 17)
        index = np.arange(crop.shape[2])
        for start in starts:
            index[start : start + 3] = start + order
        crop = crop[..., index]
    return np.ascontiguousarray(crop)


class RestoreData(lightning.LightningDataModule):
    """Crops of `calls/train` and `calls/validation`; the frame model should know neither."""

    def __init__(
        self,
        calls: str,
        frame_model: str | None = None,
        batch_size: int = 4,
        size: int = 256,
        crops_per_call: int = 8,
        workers: int = 1,
    ) -> None:
        super().__init__()
        self._calls, self._frame_model = Path(calls), Path(frame_model) if frame_model else None
        self._crops = {"size": size, "crops_per_call": crops_per_call}
        self._batch_size, self._workers = batch_size, workers

    def train_dataloader(self) -> DataLoader:
        return self._loader("train", varied=True)

    def val_dataloader(self) -> DataLoader:
        return self._loader("validation", varied=False)

    def _loader(self, part: str, *, varied: bool) -> DataLoader:
        calls = read_calls(self._calls / part)
        crops = CropDataset(calls, self._frame_model, **self._crops, varied=varied)
        return DataLoader(
            crops, self._batch_size, shuffle=varied, drop_last=varied, num_workers=self._workers
        )
