"""Losses of our networks. Planes are in [0, 1]; every loss is a scalar."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from train import seed
from vader_rt.errors import InputError
from vader_rt.room.unmixing import LEAST_LEAK
from vader_rt.score import WHITE, XYZ_FROM_RGB

_MATTE_CONFIDENCE = 0.5
"""Confidence in the matte where `expected_score` un-mixes samples."""
_TOLERANCE, _SOFTNESS, _RESTORE_SOFTNESS = 4.0, 1.0, 1.5
"""ΔE at which a colour stops being right, and within which it does so, in training."""


def leak_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """How far (N, 2, H, W) mattes and leaks are off; most of it counts where the room leaks.

    Leaking pixels are few; elsewhere the matte is mostly 0 or 1 and easy. The matte has an absolute
    error, whose unit is the one that un-mixing suffers from. The leak has a cross-entropy, whose
    least value is the expected leak: that ranks the samples of a pixel, when none is certain.
    """
    leaking = target[:, 1:2]
    matte_weight = 0.05 + leaking + 0.5 * (leaking > 0)
    error = (prediction[:, 0:1] - target[:, 0:1]).abs()
    matte = (error * matte_weight).sum() / matte_weight.sum()
    leak_weight = 0.2 + leaking
    expected = F.binary_cross_entropy(prediction[:, 1:2], leaking, reduction="none")
    return matte + (expected * leak_weight).sum() / leak_weight.sum()


def vote_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """For frames of one call together: `leak_loss`, and the score that the vote would miss.

    prediction: (N, T, 2, H, W) matte and leak of T frames. target: (N, T, 11, H, W) matte, leak,
    and the colours of the room, the frame and the virtual background.
    """
    each = leak_loss(prediction.flatten(0, 1), target[:, :, :2].flatten(0, 1))
    return each + 1 - expected_score(prediction, target)


def expected_score(prediction: Tensor, target: Tensor, power: float = 4.0) -> Tensor:
    """The share of the leaking room that a vote over these frames would get right, in [0, 1].

    The real vote, `vader_rt.room.vote`, takes the samples of a pixel that are strongest, by leak
    times matte. That has no gradient, so here every sample has a vote: its strength to a `power`,
    divided by the sum over the frames. A sample is right as far as its colour is within ΔE94 4 of
    the room's: half of that is judged on its colour as it is, half on its colour un-mixed by the
    predicted matte. Pixels count as much as they truly leak in the frame where they leak most.

    prediction, target: as for `vote_loss`.
    """
    matte, leak = prediction.split(1, dim=2)
    true_leak, colors = target[:, :, 1:2], target[:, :, 2:].split(3, dim=2)
    strength = leak * matte.clamp_min(LEAST_LEAK)
    share = torch.softmax(power * torch.log(strength + 1e-4), dim=1)
    room, frame, virtual = (part.flatten(0, 1) for part in colors)
    believed = (1 - _MATTE_CONFIDENCE * (1 - matte.flatten(0, 1))).clamp_min(LEAST_LEAK)
    right, room = torch.zeros_like(leak), _lab(room)
    for found in (frame, virtual + (frame - virtual) / believed):
        near = torch.sigmoid((_TOLERANCE - _delta_e94(_lab(found), room)) / _SOFTNESS)
        right = right + near.unflatten(0, leak.shape[:2]) / 2
    return _weighted_mean((share * right).sum(dim=1), true_leak.amax(dim=1))


def restore_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """For restoration: what the VADER score counts, made smooth.

    What counts is whether the colour error d is within the tolerance. Far from it that has no
    gradient; d / (d + tolerance), which is added, leads there. The confidence learns whether d is
    within the tolerance.

    prediction: (N, 4, H, W) room and confidence. truth: (N, 5, H, W) room, leak, seen.
    """
    room, leak, seen = truth.split([3, 1, 1], dim=1)
    difference = delta_e94(prediction[:, :3], room)
    wrong = torch.sigmoid((difference - _TOLERANCE) / _RESTORE_SOFTNESS)
    lost = wrong + 0.5 * difference / (difference + _TOLERANCE)
    color = _weighted_mean(lost, (leak + 0.03) * seen)
    right = (difference.detach() < _TOLERANCE).float()
    sure = F.binary_cross_entropy(prediction[:, 3:].clamp(1e-4, 1 - 1e-4), right, reduction="none")
    return color + 0.1 * _weighted_mean(sure, (leak + 0.25) * seen)


def judge_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """For a judge: the cross-entropy of its word and what is right, over all that was seen.

    Every pixel counts alike, whether it leaks or not: a confidence is of all that is shown.

    prediction: (N, 1, H, W). truth: (N, 2, H, W) shares of pixels that are right and were seen.
    """
    right, seen = truth.split(1, dim=1)
    share = right / seen.clamp_min(1e-3)
    sure = prediction.clamp(1e-4, 1 - 1e-4)
    off = F.binary_cross_entropy(sure, share.clamp(0, 1), reduction="none")
    return (off * seen).sum() / seen.sum().clamp_min(1)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    **seed.LOSSES,
    "leak": leak_loss,
    "vote": vote_loss,
    "restore": restore_loss,
    "judge": judge_loss,
}


def find_loss(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of this name.

    Raises:
        InputError: there is none.
    """
    if name not in LOSSES:
        raise InputError(f"loss {name!r} is unknown; known: {', '.join(LOSSES)}")
    return LOSSES[name]


def delta_e94(rgb_a: Tensor, rgb_b: Tensor) -> Tensor:
    """CIE94 colour difference of sRGB in [0, 1], (N, 3, H, W) → (N, 1, H, W); differentiable.

    It stands in for CIEDE2000, whose corrections in the blues have kinks that do not train well.
    """
    return _delta_e94(_lab(rgb_a), _lab(rgb_b))


def _delta_e94(lab_a: Tensor, lab_b: Tensor) -> Tensor:
    d_lightness, d_a, d_b = (lab_a - lab_b).split(1, dim=1)
    chroma_a, chroma_b = (_length(lab[:, 1:]) for lab in (lab_a, lab_b))
    d_chroma = chroma_a - chroma_b
    d_hue_squared = (d_a**2 + d_b**2 - d_chroma**2).clamp_min(0)
    scaled = (d_chroma / (1 + 0.045 * chroma_b)) ** 2
    scaled = scaled + d_hue_squared / (1 + 0.015 * chroma_b) ** 2
    return torch.sqrt(d_lightness**2 + scaled + 1e-6)


def _length(ab: Tensor) -> Tensor:
    return torch.sqrt((ab**2).sum(dim=1, keepdim=True) + 1e-6)


def _lab(rgb: Tensor) -> Tensor:
    """CIE Lab (D65) of sRGB, (N, 3, H, W); what is outside [0, 1] keeps a gradient."""
    rgb = rgb.clamp(-0.2, 1.2)
    curved = ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4
    linear = torch.where(rgb > 0.04045, curved, rgb / 12.92)
    matrix = torch.as_tensor(XYZ_FROM_RGB / WHITE[:, None], dtype=rgb.dtype, device=rgb.device)
    xyz = torch.einsum("ij,njhw->nihw", matrix, linear)
    f = torch.where(xyz > 0.008856, xyz.clamp_min(0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.split(1, dim=1)
    return torch.cat([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def _weighted_mean(value: Tensor, weight: Tensor) -> Tensor:
    """Mean over the pixels of each item, then over items: a call with few leaks counts as much."""
    sums = [(x * weight).sum(dim=(1, 2, 3)) for x in (value, torch.ones_like(value))]
    return (sums[0] / sums[1].clamp_min(1e-6)).mean()
