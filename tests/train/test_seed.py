"""What reproduces the seed: its network, its losses, its targets."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from train.module import LeakModule
from train.seed import (
    LOSSES,
    UNet,
    combined_loss,
    combined_similarity,
    focal_mse_loss,
    gradient_loss,
    hsv_similarity,
    lab_similarity,
    soft_jaccard_loss,
)


def test_the_seeds_network_is_the_seeds() -> None:
    """Size and weight names of the published checkpoint (Lightning 2.5)."""
    assert sum(p.numel() for p in UNet(5).parameters()) == 227_265
    module = LeakModule("unet", ["frame", "edge", "dog"], (1280, 720))
    shapes = {name: tuple(w.shape) for name, w in module.state_dict().items()}
    assert shapes["model.model.0.weight"] == (32, 5, 3, 3)
    assert shapes["model.model.12.weight"] == (128, 64, 2, 2)
    assert shapes["model.model.20.weight"] == (1, 32, 1, 1)
    assert len(shapes) == 20


def pair(seed: int = 0, size: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, 1, 1, size, size, generator=rng)
    return a, b


def sobel(plane: np.ndarray) -> np.ndarray:
    """The two Sobel gradients, with zeros around the picture."""
    p = np.pad(plane, 1)
    across = (p[:, 2:] - p[:, :-2])[:-2] + 2 * (p[:, 2:] - p[:, :-2])[1:-1]
    across += (p[:, 2:] - p[:, :-2])[2:]
    down = (p[2:] - p[:-2])[:, :-2] + 2 * (p[2:] - p[:-2])[:, 1:-1] + (p[2:] - p[:-2])[:, 2:]
    return np.stack([across, down])


def test_combined_loss_is_its_formula() -> None:
    a, b = pair()
    x, y = a[0, 0].numpy().astype(float), b[0, 0].numpy().astype(float)
    gradient = np.abs(sobel(x) - sobel(y)).mean()
    # torchmetrics mirrors five pixels of border and counts them; scikit-image leaves them out
    _, ssim = structural_similarity(
        *(np.pad(z, 5, mode="reflect") for z in (x, y)),
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, full=True,
    )  # fmt: skip
    structure = ssim[5:-5, 5:-5].mean()
    expected = ((x - y) ** 2).mean() + 0.5 * gradient + 0.3 * (1 - structure)
    assert float(gradient_loss(a, b)) == pytest.approx(gradient, rel=1e-5)  # float32 sums
    # float32 variances as differences of squares
    assert float(combined_loss(a, b)) == pytest.approx(expected, abs=1e-4)


def test_gradient_loss_sees_edges_only() -> None:
    flat, raised = torch.full((1, 1, 16, 16), 0.2), torch.full((1, 1, 16, 16), 0.7)
    inner = (slice(None), slice(None), slice(2, -2), slice(2, -2))
    assert float(gradient_loss(flat, flat)) == 0
    step = flat.clone()
    step[..., 8:] = 0.7
    assert float(gradient_loss(step[inner], raised[inner])) > 0


def test_focal_and_jaccard_by_hand() -> None:
    zero, half = torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.5)
    assert float(focal_mse_loss(half, zero)) == pytest.approx(0.5**4)
    assert float(soft_jaccard_loss(half, half)) == pytest.approx(1 - 0.25 / 0.75)


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_least_at_the_target(name: str) -> None:
    a, b = (x.repeat(1, 2, 1, 1) for x in pair())
    target = (b > 0.5).float()
    loss = LOSSES[name]
    assert float(loss(target, target)) == pytest.approx(0, abs=1e-5)
    assert float(loss(a, target)) > 0.01


def flat(color: tuple[int, int, int]) -> np.ndarray:
    return np.full((12, 12, 3), color, np.uint8)


def test_similarity_is_one_at_the_room_and_decays() -> None:
    room = flat((90, 120, 150))
    assert lab_similarity(room, room) == pytest.approx(1)
    assert combined_similarity(room, room) == pytest.approx(1)
    near, far = flat((95, 125, 150)), flat((200, 20, 30))
    assert 1 > lab_similarity(near, room)[0, 0] > lab_similarity(far, room)[0, 0] > 0


def test_lab_similarity_by_formula() -> None:
    a, b = flat((10, 60, 200)), flat((40, 80, 120))
    labs = [cv2.cvtColor(x, cv2.COLOR_BGR2LAB)[0, 0].astype(float) for x in (a, b)]
    distance = np.linalg.norm(labs[0] - labs[1])
    assert lab_similarity(a, b)[0, 0] == pytest.approx(np.exp(-distance / 50), rel=1e-5)
    mixed = 0.6 * lab_similarity(a, b, 40) + 0.4 * hsv_similarity(a, b, 30)
    assert combined_similarity(a, b) == pytest.approx(mixed, rel=1e-4)  # a flat picture stays


def test_hue_is_a_circle() -> None:
    hues = [cv2.cvtColor(np.uint8([[[h, 200, 200]]]), cv2.COLOR_HSV2BGR) for h in (2, 178)]
    assert hsv_similarity(*hues)[0, 0] > np.exp(-10 / 30)
