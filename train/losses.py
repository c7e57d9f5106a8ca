"""Losses. Predictions and targets are (N, K, H, W) in [0, 1]; every loss is a scalar."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.image import structural_similarity_index_measure as ssim

from vader_rt.errors import InputError


def gradient_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the Sobel gradients."""
    return F.l1_loss(_sobel(prediction), _sobel(target))


def combined_loss(
    prediction: Tensor, target: Tensor, alpha: float = 1.0, beta: float = 0.5, gamma: float = 0.3
) -> Tensor:
    """The seed's loss: α · MSE + β · gradient + γ · (1 − SSIM)."""
    structure = ssim(prediction, target, data_range=1.0)
    assert isinstance(structure, Tensor)  # a pair only where the full image is asked for
    loss = alpha * F.mse_loss(prediction, target) + beta * gradient_loss(prediction, target)
    return loss + gamma * (1 - structure)


def focal_mse_loss(prediction: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """Squared error, weighted by |error|^γ: large errors count more."""
    error = (prediction - target).abs()
    return (error**gamma * error**2).mean()


def soft_jaccard_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """1 − intersection over union of soft masks."""
    intersection = (prediction * target).sum()
    union = (prediction + target - prediction * target).sum()
    return 1 - intersection / union.clamp_min(1e-6)


def leak_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Ours, for (matte, leak): absolute error, most of it counted where the room leaks.

    Leaking pixels are few; elsewhere the matte is mostly 0 or 1 and easy. The absolute error lets
    an unsure network say "person" rather than half a leak, which un-mixing would believe.
    """
    leaking = target[:, 1:2]
    matte_weight = 0.05 + leaking + 0.5 * (leaking > 0)
    leak_weight = 0.15 + leaking
    error = (prediction - target).abs()
    matte = (error[:, 0:1] * matte_weight).sum() / matte_weight.sum()
    return matte + (error[:, 1:2] * leak_weight).sum() / leak_weight.sum()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "combined": combined_loss,
    "mse": F.mse_loss,
    "mae": F.l1_loss,
    "smooth_l1": F.smooth_l1_loss,
    "focal_mse": focal_mse_loss,
    "soft_jaccard": soft_jaccard_loss,
    "leak": leak_loss,
}


def find_loss(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of this name.

    Raises:
        InputError: there is none.
    """
    if name not in LOSSES:
        raise InputError(f"loss {name!r} is unknown; known: {', '.join(LOSSES)}")
    return LOSSES[name]


def _sobel(x: Tensor) -> Tensor:
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=x.device, dtype=x.dtype)
    kernels = torch.stack([kernel, kernel.T])[:, None]
    return F.conv2d(x.flatten(0, 1)[:, None], kernels, padding=1)
