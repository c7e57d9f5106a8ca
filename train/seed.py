"""All that reproduces the seed, the project that this one builds on.

Its networks, the losses and the targets it trained them with, and what its checkpoints say. It
estimates one plane, the *similarity* of each pixel to the real room, and copies the room from the
frames where that is largest. `train/configs/seed_unet.yaml` trains it as the seed did.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.functional.image import structural_similarity_index_measure as ssim

from vader_rt.contract import Contract


class UNet(nn.Module):
    """The seed's network: an encoder and decoder in one plain sequence, without skips.

    (N, C, H, W) planes in [0, 1] → (N, 1, H, W) similarity in [0, 1]. H and W: multiples of 4. The
    names of its weights are those of the published checkpoints.
    """

    outputs = ("similarity",)

    def __init__(self, in_channels: int = 5) -> None:
        super().__init__()
        self.model = nn.Sequential(
            *_conv_relu(in_channels, 32, 32),
            nn.MaxPool2d(2),
            *_conv_relu(32, 64, 64),
            nn.MaxPool2d(2),
            *_conv_relu(64, 128),
            nn.ConvTranspose2d(128, 64, 2, stride=2),
            nn.ReLU(inplace=True),
            *_conv_relu(64, 64),
            nn.ConvTranspose2d(64, 32, 2, stride=2),
            nn.ReLU(inplace=True),
            *_conv_relu(32, 32),
            nn.Conv2d(32, 1, 1),
            nn.Sigmoid(),
        )

    def forward(self, planes: Tensor) -> Tensor:
        return self.model(planes)


class SimpleConvNet(nn.Module):
    """The seed's `convnet_simple`: three convolutions at full resolution. Returns (N, 1, H, W)."""

    outputs = ("similarity",)

    def __init__(self, in_channels: int = 5) -> None:
        super().__init__()
        self.model = nn.Sequential(
            *_conv_relu(in_channels, 32, 64, 128), nn.Conv2d(128, 1, 1), nn.Sigmoid()
        )

    def forward(self, planes: Tensor) -> Tensor:
        return self.model(planes)


def _conv_relu(*widths: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU(inplace=True)]
    return layers


def combined_loss(
    prediction: Tensor, target: Tensor, alpha: float = 1.0, beta: float = 0.5, gamma: float = 0.3
) -> Tensor:
    """α · MSE + β · gradient + γ · (1 − SSIM); (N, K, H, W) in [0, 1] → a scalar."""
    structure = ssim(prediction, target, data_range=1.0)
    assert isinstance(structure, Tensor)  # a pair only where the full image is asked for
    loss = alpha * F.mse_loss(prediction, target) + beta * gradient_loss(prediction, target)
    return loss + gamma * (1 - structure)


def gradient_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the Sobel gradients."""
    return F.l1_loss(_sobel(prediction), _sobel(target))


def _sobel(x: Tensor) -> Tensor:
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=x.device, dtype=x.dtype)
    kernels = torch.stack([kernel, kernel.T])[:, None]
    return F.conv2d(x.flatten(0, 1)[:, None], kernels, padding=1)


def focal_mse_loss(prediction: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """Squared error, weighted by |error|^γ: large errors count more."""
    error = (prediction - target).abs()
    return (error**gamma * error**2).mean()


def soft_jaccard_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """1 − intersection over union of soft masks."""
    intersection = (prediction * target).sum()
    union = (prediction + target - prediction * target).sum()
    return 1 - intersection / union.clamp_min(1e-6)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "combined": combined_loss,
    "mse": F.mse_loss,
    "mae": F.l1_loss,
    "smooth_l1": F.smooth_l1_loss,
    "focal_mse": focal_mse_loss,
    "soft_jaccard": soft_jaccard_loss,
}
"""The losses that the seed's training offers, by name."""


def lab_similarity(frame_bgr: np.ndarray, room_bgr: np.ndarray, decay: float = 50) -> np.ndarray:
    """exp(−distance / decay) in OpenCV's 8-bit LAB: (H, W, 3) uint8 each → (H, W) float32."""
    difference = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2LAB).astype(np.float32)
    difference -= cv2.cvtColor(room_bgr, cv2.COLOR_BGR2LAB)
    return np.exp(-np.linalg.norm(difference, axis=2) / decay)


def hsv_similarity(frame_bgr: np.ndarray, room_bgr: np.ndarray, decay: float = 30) -> np.ndarray:
    """exp(−distance / decay) in OpenCV's 8-bit HSV, whose hue is a circle of 180."""
    a, b = (cv2.cvtColor(i, cv2.COLOR_BGR2HSV).astype(np.float32) for i in (frame_bgr, room_bgr))
    difference = np.abs(a - b)
    difference[..., 0] = np.minimum(difference[..., 0], 180 - difference[..., 0])
    return np.exp(-np.linalg.norm(difference, axis=2) / decay)


def combined_similarity(frame_bgr: np.ndarray, room_bgr: np.ndarray) -> np.ndarray:
    """0.6 · LAB(40) + 0.4 · HSV(30), blurred 5×5, σ 1."""
    mixed = 0.6 * lab_similarity(frame_bgr, room_bgr, 40)
    mixed += 0.4 * hsv_similarity(frame_bgr, room_bgr, 30)
    return cv2.GaussianBlur(mixed, (5, 5), 1)


SIMILARITIES = {"lab": lab_similarity, "combined": combined_similarity}
"""The targets that the seed's training offers, by name."""


def seed_contract(settings: Mapping[str, Any], digest: str) -> Contract:
    """The contract of a checkpoint that the seed's own code wrote.

    settings: its hyper-parameters. digest: of the file.
    """
    inputs = ["frame"]
    inputs += ["edge"] if settings.get("use_edge", True) else []
    inputs += ["dog"] if settings.get("use_dog", True) else []
    inputs += ["mode"] if settings.get("use_mode", False) else []
    return Contract(
        kind="frame",
        inputs=tuple(inputs),
        size_wh=(1280, 720),
        outputs=("similarity",),
        training=f"the seed's network, loss {settings.get('loss_type', 'combined')}",
        checkpoint_sha256=digest,
    )


def seed_network(state: Mapping[str, Tensor]) -> str:
    """Which of the networks the weights of a checkpoint of the seed's are of.

    Its `convnet_simple` has four layers, with a weight and a bias each.
    """
    return "convnet_simple" if len(state) == 8 else "unet"
