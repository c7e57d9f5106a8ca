"""Networks that find the leak in a frame. All take (N, C, H, W) float32 planes in [0, 1]."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vader_rt.errors import InputError


class UNet(nn.Module):
    """The seed's network: an encoder and decoder in one plain sequence, without skips.

    Returns (N, 1, H, W) in [0, 1]: the similarity of each pixel to the real room.
    H and W must be multiples of 4. The names of its weights are those of published checkpoints.
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


class LeakNet(nn.Module):
    """Ours: a U-Net with skips that estimates the client's matte and the leak.

    Nothing but its first and its last layer works at the full resolution: the planes are halved on
    the way in, the result is doubled on the way out. H and W must be multiples of 32.
    Returns (N, 2, H, W) in [0, 1]: matte, leak.
    """

    outputs = ("matte", "leak")

    def __init__(self, in_channels: int, widths: Sequence[int] = (24, 48, 80, 112, 144)) -> None:
        super().__init__()
        self.stem = _block(in_channels, widths[0], kernel=4, stride=2)
        self.down = _downward(widths)
        self.narrow, self.up = _upward(widths)
        self.last = _block(widths[0], widths[0])
        self.head = nn.ConvTranspose2d(widths[0], 2, 2, stride=2)

    def forward(self, planes: Tensor) -> Tensor:
        x = _down_and_up(self.stem(planes), self.down, self.narrow, self.up)  # (N, 24, H/2, W/2)
        return torch.sigmoid(self.head(self.last(x)))


class RestoreNet(nn.Module):
    """Ours, once per call: cleans the un-mixed room. H and W must be multiples of 16.

    Takes the planes of `vader_rt.restore`, the un-mixed room first. Returns (N, 4, H, W): the room,
    the un-mixed one corrected, that may leave [0, 1] a little, and the confidence in [0, 1].
    """

    outputs = ("room", "confidence")

    def __init__(self, in_channels: int, widths: Sequence[int] = (16, 32, 64, 96, 128)) -> None:
        super().__init__()
        self.stem = _block(in_channels, widths[0])
        self.down = _downward(widths)
        self.narrow, self.up = _upward(widths)
        self.last = _block(widths[0], widths[0])
        self.head = nn.Conv2d(widths[0], 4, 1)

    def forward(self, planes: Tensor) -> Tensor:
        x = _down_and_up(self.stem(planes), self.down, self.narrow, self.up)
        correction, logit = self.head(self.last(x)).float().split([3, 1], dim=1)
        room = planes[:, :3] + correction
        return torch.cat([room, torch.sigmoid(logit)], dim=1)


NETWORKS: dict[str, type[UNet | SimpleConvNet | LeakNet | RestoreNet]] = {
    "unet": UNet,
    "convnet_simple": SimpleConvNet,
    "leaknet": LeakNet,
    "restorenet": RestoreNet,
}


def find_network(name: str) -> type[UNet | SimpleConvNet | LeakNet | RestoreNet]:
    """The network of this name.

    Raises:
        InputError: there is none.
    """
    if name not in NETWORKS:
        raise InputError(f"network {name!r} is unknown; known: {', '.join(NETWORKS)}")
    return NETWORKS[name]


def build_network(name: str, in_channels: int) -> nn.Module:
    """Build a network by its name; see `find_network`."""
    return find_network(name)(in_channels)


def _conv_relu(*widths: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU(inplace=True)]
    return layers


def _downward(widths: Sequence[int]) -> nn.ModuleList:
    """The encoder's levels: each halves the resolution."""
    return nn.ModuleList(
        nn.Sequential(_block(a, b, stride=2), _block(b, b)) for a, b in itertools.pairwise(widths)
    )


def _upward(widths: Sequence[int]) -> tuple[nn.ModuleList, nn.ModuleList]:
    """The decoder's levels: what narrows the coarser one, and what joins it with the encoder's."""
    narrow = (_block(a, b, kernel=1) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True))
    return nn.ModuleList(narrow), nn.ModuleList(_block(2 * b, b) for b in widths[-2::-1])


def _down_and_up(
    x: Tensor, downs: nn.ModuleList, narrows: nn.ModuleList, ups: nn.ModuleList
) -> Tensor:
    """Through the encoder and, joined with its levels, back to the resolution of `x`."""
    levels = [x]
    for down in downs:
        levels.append(down(levels[-1]))
    x = levels.pop()
    for narrow, up in zip(narrows, ups, strict=True):
        x = up(torch.cat([_double(narrow(x)), levels.pop()], dim=1))
    return x


def _block(a: int, b: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(a, b, kernel, stride=stride, padding=(kernel - 1) // 2, bias=False),
        nn.BatchNorm2d(b),
        nn.ReLU(inplace=True),
    )


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
