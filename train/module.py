"""The training loop's module: a network, its loss, its optimiser and pictures of what it sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import lightning
import numpy as np
import torch
from torch import Tensor, nn

from train.losses import delta_e94, expected_score, find_loss
from train.networks.registry import build_network
from train.networks.warm_start import warm_start
from vader_rt.contract import JUDGE_GROUPS, RESTORE_GROUPS, group_slices, plane_count
from vader_rt.errors import InputError


class _Module(lightning.LightningModule):
    """What the training of both networks shares: the step, the optimiser, the pictures.

    Takes (N, C, H, W) planes, or (N, T, C, H, W), of T frames each, and returns as many.
    start: an exported model whose weights a new training begins with; those of inputs that it lacks
    begin at 0.
    """

    def __init__(
        self, network: nn.Module, inputs: Sequence[str], loss: str, start: str | None
    ) -> None:
        super().__init__()
        # channels last: twice as fast in bfloat16 on a CPU
        self.model = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._loss = find_loss(loss)
        self._inputs, self._start = tuple(inputs), start

    def forward(self, planes: Tensor) -> Tensor:
        frames = planes.flatten(0, -4).contiguous(memory_format=torch.channels_last)
        return self.model(frames).unflatten(0, planes.shape[:-3])

    def on_train_batch_start(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        if self._start is not None and self.global_step == 0 and batch_idx == 0:
            planes = batch[0].flatten(0, -4)
            warm_start(self.model, self._inputs, Path(self._start), planes)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        loss = self._measured(self(batch[0]).float(), batch[1])
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def _measured(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss in float32: cross-entropies and cube roots do not bear less."""
        with torch.autocast(prediction.device.type, enabled=False):
            return self._loss(prediction.float(), target.float())

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams["learning_rate"])
        if self.hparams["schedule"] == "plateau":
            scheduler: Any = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer, factor=0.5, patience=5
            )
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": scheduler, "monitor": "val_loss"},
            }
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: _warm_cosine(step / max(steps, 1))
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _write_rows(self, rows: list[list[Tensor]]) -> None:
        """Write pictures, (1 or 3, H, W) in [0, 1] each, as a PNG of this epoch."""
        folder = Path(self.trainer.log_dir or self.trainer.default_root_dir) / "pictures"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [np.hstack([_bgr(picture) for picture in row]) for row in rows]
        image = (np.vstack(lines).clip(0, 1) * 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"epoch{self.current_epoch:03d}.png"), image)


class LeakModule(_Module):
    """Trains a frame network of `train.networks.registry` on groups of `INPUT_GROUPS`.

    network, inputs, size_wh: what the exported model's contract will say.
    schedule: `cosine` over the whole training, or `plateau` (the seed's: factor 0.5, patience 5).
    matte_trust: the contract's `matte_confidence`, by the name that checkpoints have for it.
    """

    def __init__(
        self,
        network: str,
        inputs: list[str],
        size_wh: tuple[int, int],
        loss: str = "leak",
        learning_rate: float = 1e-3,
        schedule: str = "cosine",
        matte_trust: float = 0.3,
        start: str | None = None,
    ) -> None:
        model = build_network(network, plane_count(inputs), group_slices(inputs))
        super().__init__(model, inputs, loss, start)
        self.save_hyperparameters()

    def _measured(self, prediction: Tensor, target: Tensor) -> Tensor:
        if (self.hparams["loss"] == "vote") != (target.ndim == 5):
            raise InputError("the loss vote compares frames of a call, and no other loss does: set "
                             "data.init_args.together for it, and leave it 0 else")  # fmt: skip
        return super()._measured(prediction, target)

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        prediction = self(batch[0]).float()
        self.log("val_loss", self._measured(prediction, batch[1]), prog_bar=True)
        if prediction.ndim == 5:
            self.log("val_score", expected_score(prediction, batch[1]), prog_bar=True)
        frames, target = (planes.flatten(0, -4) for planes in batch)
        prediction = prediction.flatten(0, -4)
        target = target[:, : prediction.shape[1]]
        if prediction.shape[1] == 2:
            leaking = target[:, 1:2]
            error = (prediction - target).abs()
            total = leaking.sum().clamp_min(1e-6)
            self.log("val_matte_error", (error[:, 0:1] * leaking).sum() / total)
            self.log("val_leak_error", (error[:, 1:2] * leaking).sum() / total)
        if index == 0:
            pairs = zip(frames[:4], target[:4], prediction[:4], strict=True)
            self._write_rows([[planes[:3], *_interleaved(t, p)] for planes, t, p in pairs])


class RestoreModule(_Module):
    """Trains the restoration network on the planes of `vader_rt.room.restore`.

    size_wh: what the exported model's contract will say, multiples of 32; that of the frame model.
    """

    def __init__(
        self,
        network: str = "restorenet",
        size_wh: tuple[int, int] = (448, 256),
        loss: str = "restore",
        learning_rate: float = 1e-3,
        schedule: str = "cosine",
        start: str | None = None,
    ) -> None:
        inputs = tuple(RESTORE_GROUPS)
        model = build_network(network, sum(RESTORE_GROUPS.values()))
        super().__init__(model, inputs, loss, start)
        self.save_hyperparameters()

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        planes, truth = batch
        prediction = self(planes).float()
        self.log("val_loss", self._measured(prediction, truth), prog_bar=True)
        weight = truth[:, 3:4] * truth[:, 4:]
        for name, room in (("val_score", prediction[:, :3]), ("val_voted", planes[:, :3])):
            right = delta_e94(room.clamp(0, 1), truth[:, :3]) < 4
            self.log(name, (right * weight).sum() / weight.sum().clamp_min(1e-6), prog_bar=True)
        if index == 0:
            rows = zip(planes, prediction, truth, strict=True)
            self._write_rows([[p[:3], q[:3], t[:3], q[3:], t[3:4]] for p, q, t in rows])


class JudgeModule(_Module):
    """Trains a judge of what a restoration model makes of calls, see `vader_rt.room.restore.judge`.

    size_wh: what the exported model's contract will say, multiples of 16.
    """

    def __init__(
        self,
        network: str = "judge",
        size_wh: tuple[int, int] = (448, 256),
        loss: str = "judge",
        learning_rate: float = 1e-3,
        schedule: str = "cosine",
        start: str | None = None,
    ) -> None:
        model = build_network(network, sum(JUDGE_GROUPS.values()))
        super().__init__(model, tuple(JUDGE_GROUPS), loss, start)
        self.save_hyperparameters()

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        planes, truth = batch
        prediction = self(planes).float()
        self.log("val_loss", self._measured(prediction, truth), prog_bar=True)
        if index == 0:
            rows = zip(planes, prediction, truth, strict=True)
            self._write_rows([[p[:3], p[-4:-1], q, *t.split(1)] for p, q, t in rows])


def _warm_cosine(done: float, warm_up: float = 0.05) -> float:
    """Share of the learning rate when a share of the training is done; stays low past its end."""
    return min(done / warm_up, 1.0) * (0.505 + 0.495 * math.cos(math.pi * min(done, 1.0)))


def _interleaved(target: Tensor, prediction: Tensor) -> list[Tensor]:
    return [plane[None] for pair in zip(target, prediction, strict=True) for plane in pair]


def _bgr(picture: Tensor) -> np.ndarray:
    image = picture.float().permute(1, 2, 0).cpu().numpy()
    return image[..., ::-1] if image.shape[2] == 3 else np.repeat(image, 3, axis=2)
