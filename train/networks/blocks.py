"""What the networks are built from: blocks of layers, the levels of a U-Net, and its passes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def block(a: int, b: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution from `a` to `b` channels, normalised, with a ReLU."""
    return nn.Sequential(
        nn.Conv2d(a, b, kernel, stride=stride, padding=(kernel - 1) // 2, bias=False),
        nn.BatchNorm2d(b),
        nn.ReLU(inplace=True),
    )


class Refinement(nn.Module):
    """A residual block, (N, width, H, W) ≥ 0 in and out.

    Its last normalisation starts at zero, so that before training the block changes nothing, and a
    network that has it can begin with the weights of one that has not.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = block(width, width)
        normalisation = nn.BatchNorm2d(width)
        nn.init.zeros_(normalisation.weight)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), normalisation
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def encoder(widths: Sequence[int], depths: Sequence[int] = (0, 0, 0, 0)) -> nn.ModuleList:
    """Levels that halve the resolution, one per step in `widths`, refined `depths` times each."""
    return nn.ModuleList(
        nn.Sequential(block(a, b, stride=2), block(b, b), *(Refinement(b) for _ in range(depth)))
        for (a, b), depth in zip(itertools.pairwise(widths), depths, strict=True)
    )


def decoder(widths: Sequence[int]) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Per level, coarsest first: what narrows it, and what joins it with the next finer one."""
    narrow = (block(a, b, kernel=1) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True))
    return nn.ModuleList(narrow), nn.ModuleList(block(2 * b, b) for b in widths[-2::-1])


def down_and_up(x: Tensor, down: nn.ModuleList, narrow: nn.ModuleList, up: nn.ModuleList) -> Tensor:
    """Through the encoder and, joined with its levels, back to the resolution of `x`."""
    levels = [x]
    for halve in down:
        levels.append(halve(levels[-1]))
    x = levels.pop()
    for reduce, join in zip(narrow, up, strict=True):
        x = join(torch.cat([double(reduce(x)), levels.pop()], dim=1))
    return x


def double(x: Tensor) -> Tensor:
    """Twice the resolution, bilinear: (N, C, H, W) → (N, C, 2H, 2W)."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
