"""Whole calls for the judge: what the runtime found in them, and how much of it is right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from train.calls import Call, read_calls
from train.data.cache import judged_arrays
from train.data.planes import JUDGE_PLANES
from train.data.rooms import is_given
from train.data.vary import varied_planes
from vader_rt.contract import JUDGE_GROUPS, TIME_BINS

INPUT_PLANES = sum(JUDGE_GROUPS.values())
_COLORS = ("room", "virtual", "samples", "restored")
_OF_BINS = ("samples", "sample_matte", "sample_leak", "sample_person")
_EXCHANGED = 0.4
"""Share of the items whose colour channels are exchanged."""


class JudgeDataset(Dataset):
    """What a judge is given of a call, and what it should say.

    An item is planes (C, h, w), those of `vader_rt.room.restore.judge`, and truth (2, h, w): the
    shares of pixels that are right and that were seen. All are float32 in [0, 1]. The virtual image
    of a fifth of the calls is known.

    frame_model, restoration: what find the room in the calls. crop_wh: cut a part of this size at
    random; None leaves calls whole. varied: mirror, colours, and the order of the time bins at
    random; else the calls are as they were found.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        frame_model: Path,
        restoration: Path,
        *,
        size_wh: tuple[int, int],
        crop_wh: tuple[int, int] | None = None,
        varied: bool = True,
    ) -> None:
        self._calls = list(calls)
        self._models, self._size_wh = (frame_model, restoration), size_wh
        self._crop_wh, self._varied = crop_wh, varied

    def __len__(self) -> int:
        return len(self._calls)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        call = self._calls[index]
        arrays = judged_arrays(call, self._size_wh, *self._models, given=is_given(call))
        if self._varied:
            rng = np.random.default_rng()
            arrays = _vary(_cropped(arrays, self._crop_wh or self._size_wh, rng), rng)
        planes = torch.from_numpy(arrays.transpose(2, 0, 1).astype(np.float32) / 255)
        return planes[:INPUT_PLANES], planes[INPUT_PLANES:]


def _cropped(arrays: np.ndarray, size_wh: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A part of (H, W, C) at a random place: (h, w, C)."""
    room = np.array(arrays.shape[:2]) - size_wh[::-1]
    top, left = rng.integers(0, room + 1)
    return np.array(arrays[top : top + size_wh[1], left : left + size_wh[0]])


def _vary(arrays: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror, exchange colour channels, scale all colours by the same gains, mix the time bins."""
    colors = [JUDGE_PLANES.slice(name) for name in _COLORS]
    arrays = varied_planes(arrays, colors, JUDGE_PLANES.slice("trace"), _EXCHANGED, rng)
    mixed = rng.permutation(TIME_BINS)
    for name in _OF_BINS:
        planes = JUDGE_PLANES.get(arrays, name)
        by_bin = planes.reshape(*planes.shape[:2], TIME_BINS, -1)
        planes[:] = by_bin[:, :, mixed].reshape(planes.shape)
    return arrays


class JudgeData(lightning.LightningDataModule):
    """Calls as the runtime finds them: `calls/train` varied, `calls/validation` as they are.

    The frame model and the restoration must not have learned from these people and rooms: they are
    surer of those than they will be of others. The settings are those of `JudgeDataset`.
    """

    def __init__(
        self,
        calls: str,
        frame_model: str,
        restoration: str,
        size_wh: tuple[int, int],
        crop_wh: tuple[int, int] | None = None,
        batch_size: int = 8,
        workers: int = 1,
    ) -> None:
        super().__init__()
        self._calls, self._models = Path(calls), (Path(frame_model), Path(restoration))
        self._size_wh, self._crop_wh = size_wh, crop_wh
        self._batch_size, self._workers = batch_size, workers

    def train_dataloader(self) -> DataLoader:
        calls = self._dataset("train", crop_wh=self._crop_wh)
        return DataLoader(
            calls, self._batch_size, shuffle=True, drop_last=True, num_workers=self._workers
        )

    def val_dataloader(self) -> DataLoader:
        calls = self._dataset("validation", varied=False)
        return DataLoader(calls, batch_size=1, num_workers=self._workers)

    def _dataset(self, part: str, **settings: object) -> JudgeDataset:
        calls = read_calls(self._calls / part)
        return JudgeDataset(calls, *self._models, size_wh=self._size_wh, **settings)  # type: ignore[arg-type]
