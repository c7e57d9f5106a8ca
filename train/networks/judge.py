"""The judge: how likely each pixel of a restored room is right, by all that a call tells."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.networks.blocks import block, decoder, down_and_up, encoder
from train.networks.restorenet import sample_planes
from vader_rt.contract import JUDGE_GROUPS, TIME_BINS, plane_slices

_SLICES = plane_slices(JUDGE_GROUPS)
_OFFSETS = (("room", "virtual"), ("room", "restored"), ("restored", "virtual"))
"""Differences of colours that the judge sees. It sees no colour itself: it would learn the few
rooms and clothes of its training by heart."""
_SHARES = (
    *("leak", "evidence", "residual", "occupancy", "presence", "hidden", "strength", "agreement"),
    *("person", "person_seen"),
)
_SAMPLE_PLANES = 13


class Judge(nn.Module):
    """A U-Net at half resolution, on planes of the call and on what is common to its samples.

    Planes of `vader_rt.room.restore.judge`, (N, C, H, W) in [0, 1] → (N, 1, H, W): how likely the
    restored room is right. H and W: multiples of 16. Before training it says what the restoration
    network says.
    """

    outputs = ("confidence",)

    def __init__(
        self,
        in_channels: int = sum(JUDGE_GROUPS.values()),
        widths: Sequence[int] = (24, 32, 48, 64),
    ) -> None:
        super().__init__()
        seen, width = 16, widths[0]
        self.sample_stem = nn.Sequential(block(_SAMPLE_PLANES, seen), block(seen, seen, kernel=1))
        whole = 3 * len(_OFFSETS) + 3 + len(_SHARES) + 1
        self.stem = block(whole, width, kernel=4, stride=2)
        self.join = block(width + 2 * seen, width, kernel=1)
        self.down = encoder(widths, depths=(0,) * (len(widths) - 1))
        self.narrow, self.up = decoder(widths)
        self.about_call = nn.Conv2d(width, width, 1)
        self.last = block(2 * width, width)
        self.head = nn.ConvTranspose2d(width, 1, 2, stride=2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, planes: Tensor) -> Tensor:
        sure = _group(planes, "sure").clamp(1e-3, 1 - 1e-3)
        logit = torch.log(sure / (1 - sure))
        seen = self.sample_stem(_of_samples(planes).flatten(0, 1)).unflatten(0, (-1, TIME_BINS))
        pooled = torch.cat([seen.mean(dim=1), seen.amax(dim=1)], dim=1)
        x = self.join(torch.cat([self.stem(_of_call(planes, logit)), pooled], dim=1))
        mean = self._mean_of_seen(x, planes).expand_as(x)
        x = down_and_up(x, self.down, self.narrow, self.up)
        x = self.last(torch.cat([x, mean], dim=1))
        return torch.sigmoid(self.head(x).float() + logit)

    def _mean_of_seen(self, x: Tensor, planes: Tensor) -> Tensor:
        """What the call is like wherever it leaks, its client above all: (N, width, 1, 1)."""
        weight = F.avg_pool2d((_group(planes, "evidence") > 0).to(x.dtype), 2)
        total = (self.about_call(x) * weight).sum(dim=(2, 3), keepdim=True)
        return F.relu(total / weight.sum(dim=(2, 3), keepdim=True).clamp_min(1))


def _group(planes: Tensor, name: str) -> Tensor:
    return planes[:, _SLICES[name]]


def _of_call(planes: Tensor, logit: Tensor) -> Tensor:
    """What is told of the call as a whole: (N, 23, H, W)."""
    offsets = [_group(planes, a) - _group(planes, b) for a, b in _OFFSETS]
    shares = [_group(planes, name) for name in ("trace", *_SHARES)]
    return torch.cat([*offsets, *shares, logit / 8], dim=1)


def _of_samples(planes: Tensor) -> Tensor:
    """What is told of each sample, at half resolution: (N, TIME_BINS, 13, H/2, W/2)."""
    with torch.no_grad():
        parts = ("samples", "sample_matte", "sample_leak")
        samples = torch.cat([_group(planes, name) for name in parts], dim=1)
        others = (_group(planes, name) for name in ("virtual", "restored", "sample_person"))
        samples, virtual, restored, person = (F.avg_pool2d(p, 2) for p in (samples, *others))
        each = sample_planes(samples, virtual, restored)
        unmixed, colors, virtuals, rest = each.split([3, 3, 3, 6], dim=2)
        offsets = [unmixed - restored[:, None], colors - virtuals]
        return torch.cat([*offsets, rest, person[:, :, None]], dim=2)
