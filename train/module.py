"""The training loop's module: a network, its loss, its optimiser and pictures of what it sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import lightning
import numpy as np
import torch
from torch import Tensor

from train.losses import find_loss
from train.model import build_network
from vader_rt.features import plane_count


class LeakModule(lightning.LightningModule):
    """Trains one of `train.model.NETWORKS` on the input groups of `vader_rt.features`.

    network, inputs, size_wh: what the exported model's contract will say.
    schedule: `cosine` over the whole training, or `plateau` (the seed's: factor 0.5, patience 5).
    unmix_power: the power of the leak by which the runtime weighs samples.
    """

    def __init__(
        self,
        network: str,
        inputs: list[str],
        size_wh: tuple[int, int],
        loss: str = "leak",
        learning_rate: float = 1e-3,
        schedule: str = "cosine",
        unmix_power: float = 6.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.model = build_network(network, plane_count(inputs))
        # channels last: twice as fast in bfloat16 on a CPU
        self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._loss = find_loss(loss)
        self._learning_rate, self._schedule = learning_rate, schedule

    def forward(self, planes: Tensor) -> Tensor:
        return self.model(planes.contiguous(memory_format=torch.channels_last))

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        loss = self._loss(self(batch[0]).float(), batch[1])
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        prediction = self(batch[0]).float()
        self.log("val_loss", self._loss(prediction, batch[1]), prog_bar=True)
        if prediction.shape[1] == 2:
            leaking = batch[1][:, 1:2]
            error = (prediction - batch[1]).abs()
            total = leaking.sum().clamp_min(1e-6)
            self.log("val_matte_error", (error[:, 0:1] * leaking).sum() / total)
            self.log("val_leak_error", (error[:, 1:2] * leaking).sum() / total)
        if index == 0:
            self._write_pictures(batch, prediction)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=self._learning_rate)
        if self._schedule == "plateau":
            scheduler: Any = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer, factor=0.5, patience=5
            )
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": scheduler, "monitor": "val_loss"},
            }
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self._learning_rate, total_steps=steps, pct_start=0.05
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _write_pictures(self, batch: tuple[Tensor, Tensor], prediction: Tensor) -> None:
        """One row a frame: frame, then target and prediction of every output, as PNG."""
        folder = Path(self.trainer.log_dir or self.trainer.default_root_dir) / "pictures"
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for planes, target, predicted in zip(
            batch[0][:4], batch[1][:4], prediction[:4], strict=True
        ):
            frame = planes[:3].permute(1, 2, 0)[..., [2, 1, 0]].cpu().numpy()
            grays = [g for pair in zip(target, predicted, strict=True) for g in pair]
            rows.append(np.hstack([frame, *(np.dstack([g.cpu().numpy()] * 3) for g in grays)]))
        path = folder / f"epoch{self.current_epoch:03d}.png"
        cv2.imwrite(str(path), (np.vstack(rows).clip(0, 1) * 255).astype(np.uint8))
