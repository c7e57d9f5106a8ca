"""The restoration network: once per call, it finds the room among the samples of a call."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.networks.blocks import block, decoder, double, down_and_up, encoder
from train.networks.mixing import least_matte
from vader_rt.contract import RESTORE_GROUPS, TIME_BINS, plane_slices

_SAMPLE_PLANES = 15
_SLICES = plane_slices(RESTORE_GROUPS)
_HINTS = 8
_PRIOR_CONFIDENCE, _PRIOR_VOTE = 0.4, 5.0
"""Confidence in a sample's matte, and the lead of the room by vote, before training."""
_MOST_CORRECTED = 0.06
_INLIER_RADIUS = 12 / 255
"""Distance within which samples agree, as the σ of a Gaussian."""


class RestoreNet(nn.Module):
    """Chooses, per pixel, between the room by vote and the samples of the call's time bins.

    Planes of `vader_rt.room.restore`, (N, C, H, W) in [0, 1] → (N, 4, H, W): the room, which may
    leave [0, 1] a little, and how sure it is of it, in [0, 1]. H and W: multiples of 32.

    The samples of all time bins go through the same layers; their mean and maximum join the planes
    of the whole call in a U-Net at half resolution. It gives shares of the room by vote and of each
    sample, and corrects the samples' mattes before they are un-mixed. A correction of at most
    `_MOST_CORRECTED` comes on top. It hardly paints: it has seen few rooms, and would paint those.
    How sure it is also depends on how far the chosen samples agree.
    """

    outputs = ("room", "confidence")

    def __init__(
        self,
        in_channels: int = sum(RESTORE_GROUPS.values()),
        widths: Sequence[int] = (24, 40, 64, 96, 112),
    ) -> None:
        super().__init__()
        self._whole = in_channels - 5 * TIME_BINS
        seen, width = 20, widths[0]
        self.sample_stem = nn.Sequential(block(_SAMPLE_PLANES, seen), block(seen, seen))
        self.stem = block(self._whole, width, kernel=4, stride=2)
        self.join = block(width + 2 * seen, width, kernel=1)
        self.down = encoder(widths)
        self.narrow, self.up = decoder(widths)
        self.last = block(width, width)
        self.chooser = nn.Sequential(block(seen + width, seen, kernel=1), nn.Conv2d(seen, 2, 1))
        self.head = nn.ConvTranspose2d(width, 4 + _HINTS, 2, stride=2)
        self.judge = nn.Sequential(block(_HINTS + 8, 16), nn.Conv2d(16, 1, 1))
        for layer in (self.chooser[1], self.head):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, planes: Tensor) -> Tensor:
        whole, samples = planes.split([self._whole, 5 * TIME_BINS], dim=1)
        voted, virtual = (planes[:, _SLICES[group]] for group in ("room", "virtual"))
        seen = self._seen(samples, virtual, voted)  # (N·TIME_BINS, 20, H/2, W/2)
        x = self._about_call(whole, seen)  # (N, 24, H/2, W/2)
        spread = x[:, None].expand(-1, TIME_BINS, -1, -1, -1).flatten(0, 1)
        choice = self.chooser(torch.cat([seen, spread], dim=1)).float()
        keep, correction, hints = self.head(x).float().split([1, 3, _HINTS], dim=1)
        share, rooms = _chosen(samples, virtual, voted, double(choice), keep)
        room = (share * rooms).sum(dim=1)
        sure = self._sure(share, rooms, room, hints)
        return torch.cat([room + _MOST_CORRECTED * torch.tanh(correction), sure], dim=1)

    def _seen(self, samples: Tensor, virtual: Tensor, voted: Tensor) -> Tensor:
        """What is seen in every sample by itself: (N·TIME_BINS, 20, H/2, W/2)."""
        with torch.no_grad():
            parts = (F.avg_pool2d(part, 2) for part in (samples, virtual, voted))
            each = sample_planes(*parts)
        return self.sample_stem(each.flatten(0, 1))

    def _about_call(self, whole: Tensor, seen: Tensor) -> Tensor:
        """The call's planes and what is seen in all samples, through the U-Net."""
        each = seen.unflatten(0, (-1, TIME_BINS))
        pooled = torch.cat([each.mean(dim=1), each.amax(dim=1)], dim=1)
        x = self.join(torch.cat([self.stem(whole), pooled], dim=1))
        return self.last(down_and_up(x, self.down, self.narrow, self.up))

    def _sure(self, share: Tensor, rooms: Tensor, room: Tensor, hints: Tensor) -> Tensor:
        """How sure to be of the room, (N, 1, H, W) in [0, 1]; nothing of it trains the choice."""
        off = (share * (rooms - room[:, None]).abs()).sum(dim=1)
        evidence = torch.cat([room, off, share[:, 0], share.amax(dim=1)], dim=1).detach()
        return torch.sigmoid(self.judge(torch.cat([hints, evidence], dim=1)).float())


def sample_planes(samples: Tensor, virtual: Tensor, voted: Tensor) -> Tensor:
    """What is told of each sample, (N, TIME_BINS, 15, H, W).

    Its colour un-mixed by its matte and as it is, the virtual background, matte, leak; then, for
    both colours, the distance from the room by vote, and the strength of the samples that agree.

    samples: (N, 5 · TIME_BINS, H, W); virtual, voted: (N, 3, H, W).
    """
    colors, matte, leak = _sample_parts(samples)
    virtuals = virtual[:, None].expand(-1, TIME_BINS, -1, -1, -1)
    unmixed = virtuals + (colors - virtuals) / matte.clamp_min(0.1)
    unmixed = unmixed.clamp(-0.5, 1.5)
    both = (unmixed, colors)
    off = [(color - voted[:, None]).abs().mean(dim=2, keepdim=True) for color in both]
    inliers = [_inlier_weight(color, leak * matte) for color in both]
    return torch.cat([*both, virtuals, matte, leak, *off, *inliers], dim=2)


def _inlier_weight(colors: Tensor, strength: Tensor) -> Tensor:
    """Strength of the samples that agree with each, halved: (N, TIME_BINS, 1, H, W)."""
    weights = []
    for other in range(TIME_BINS):
        squared = ((colors - colors[:, other : other + 1]) ** 2).sum(dim=2, keepdim=True)
        near = torch.exp(squared * (-0.5 / _INLIER_RADIUS**2))
        weights.append(near * strength[:, other : other + 1])
    return torch.stack(weights).sum(dim=0) / 2


def _sample_parts(samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Colours (N, TIME_BINS, 3, H, W), mattes and leaks (N, TIME_BINS, 1, H, W) of the samples."""
    colors, matte, leak = samples.split([3 * TIME_BINS, TIME_BINS, TIME_BINS], dim=1)
    return colors.unflatten(1, (TIME_BINS, 3)), matte[:, :, None], leak[:, :, None]


def _chosen(
    samples: Tensor, virtual: Tensor, voted: Tensor, choice: Tensor, keep: Tensor
) -> tuple[Tensor, Tensor]:
    """Shares (N, 1 + TIME_BINS, 1, H, W) of rooms (N, 1 + TIME_BINS, 3, H, W).

    The first is the room by vote, the others the samples, un-mixed by corrected mattes. Before
    training the vote has nearly all of the share.

    choice: (N·TIME_BINS, 2, H, W), preference for each sample, and correction of its matte's logit.
    keep: (N, 1, H, W), preference for the vote.
    """
    colors, matte, leak = _sample_parts(samples)
    preference, shift = choice.unflatten(0, (-1, TIME_BINS)).split(1, dim=2)
    believed = (1 - _PRIOR_CONFIDENCE * (1 - matte)).clamp(0.05, 0.98)
    believed = torch.sigmoid(torch.log(believed / (1 - believed)) + shift).clamp_min(0.05)
    # the larger of the two: fp16 would leave a maximum in float32
    believed = believed + F.relu(least_matte(colors, virtual[:, None]) - believed)
    # the offset is small: fp16 bears to have it magnified
    unmixed = virtual[:, None] + (colors - virtual[:, None]) / believed
    preference = preference + torch.log(leak * matte + 1e-4) - _PRIOR_VOTE
    share = torch.softmax(torch.cat([keep[:, None], preference], dim=1), dim=1)
    return share, torch.cat([voted[:, None], unmixed], dim=1)
