"""Networks that find the leak in a frame. All take (N, C, H, W) float32 planes in [0, 1]."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vader_rt.contract import RESTORE_GROUPS, SPANS
from vader_rt.errors import InputError
from vader_rt.room.restore import restore_slice

LINE_INPUTS = ("frame", "virtual", "look", "look_matte")
"""Input groups that `line_planes` needs."""
LINE_PLANES = 7
_SPAN_NOISE = 0.03
"""What compression leaves of a span or an offset that is none."""
_OFFSET_NOISE = 4 / 255
"""What compression adds to an offset."""
_SAMPLE_PLANES = 15
_HINTS = 8
_PRIOR_TRUST, _PRIOR_VOTE = 0.4, 5.0
"""How far a sample's matte is believed, and by how much the vote leads, before training."""
_MOST_CORRECTED = 0.06
_AGREEMENT_RADIUS = 12 / 255
"""Distance within which samples agree, as the σ of a Gaussian."""


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
    the way in, the result is doubled on the way out. H and W must be multiples of 32. depths: how
    often each level of the encoder is refined.
    slices: where the planes of each input group are. With those of `LINE_INPUTS` among them,
    `line_planes` are made of these and join them.
    Returns (N, 2, H, W) in [0, 1]: matte, leak.
    """

    outputs = ("matte", "leak")

    def __init__(
        self,
        in_channels: int,
        slices: Mapping[str, slice] | None = None,
        widths: Sequence[int] = (24, 48, 80, 112, 144),
        depths: Sequence[int] = (0, 2, 1, 1),
    ) -> None:
        super().__init__()
        slices = slices or {}
        self._line = [slices[g] for g in LINE_INPUTS] if set(LINE_INPUTS) <= set(slices) else None
        self.derived = LINE_PLANES if self._line else 0
        self.stem = _block(in_channels + self.derived, widths[0], kernel=4, stride=2)
        self.down = _downward(widths, depths)
        self.narrow, self.up = _upward(widths)
        self.last = _block(widths[0], widths[0])
        self.head = nn.ConvTranspose2d(widths[0], 2, 2, stride=2)

    def forward(self, planes: Tensor) -> Tensor:
        if self._line:
            with torch.no_grad(), torch.autocast(planes.device.type, enabled=False):
                line = line_planes(*(planes[:, where].float() for where in self._line))
            planes = torch.cat([planes, line], dim=1)
        x = _down_and_up(self.stem(planes), self.down, self.narrow, self.up)  # (N, 24, H/2, W/2)
        return torch.sigmoid(self.head(self.last(x)))


def line_planes(frame: Tensor, virtual: Tensor, look: Tensor, look_matte: Tensor) -> Tensor:
    """What the mixing equation says of a frame: (N, 7, H, W) in [0, 1].

    A pixel's samples lie on the line from the virtual background to the room, at their mattes, and
    the look is one of them. How far the frame, the look, and the frame from the line lie off, as
    logarithms, so that a quotient is a difference; where between the two the frame lies; its matte
    by that and the look's; how far it lies off for what there is around, for the matte falls from
    the person outwards; and the least matte. Convolutions find no quotients by themselves.

    frame, virtual, look: (N, 3, H, W) in [0, 1]; look_matte: (N, 1, H, W) in [0, 1].
    """
    offset, span = frame - virtual, look - virtual
    share = _dot(offset, span) / (_dot(span, span) + _SPAN_NOISE**2)
    share = share.clamp(-0.25, 1.5)
    stray = offset - share * span
    off, far, beside = (torch.sqrt(_dot(x, x) + 1e-8) for x in (offset, span, stray))
    around = F.max_pool2d(F.avg_pool2d(off, 4), 9, stride=1, padding=4)
    relative = off / (_double(_double(around)) + _SPAN_NOISE)
    logarithms = [torch.log2(1 + 255 * x) / 9 for x in (off, far, beside)]
    matte = (share * look_matte).clamp(0, 1)
    relative = relative.clamp(0, 1.25) / 1.25
    least = least_matte(frame, virtual)
    return torch.cat([*logarithms, (share + 0.25) / 1.75, matte, relative, least], dim=1)


def least_matte(call: Tensor, virtual: Tensor) -> Tensor:
    """The matte from which on V + (call − V) / m, the room, is within [0, 1], as a colour is.

    (…, 3, H, W) in [0, 1] each → (…, 1, H, W).
    """
    up = F.relu(call - virtual - _OFFSET_NOISE) / (1 - virtual).clamp_min(_OFFSET_NOISE)
    down = F.relu(virtual - call - _OFFSET_NOISE) / virtual.clamp_min(_OFFSET_NOISE)
    return (up + down).amax(dim=-3, keepdim=True).clamp(0, 1)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=1, keepdim=True)


class RestoreNet(nn.Module):
    """Ours, once per call: finds the room in the samples of a call. H and W: multiples of 32.

    Takes the planes of `vader_rt.room.restore`. What it sees of each span's sample goes through the same
    layers; their mean and maximum join the planes of the whole call in a U-Net at half resolution.
    Per pixel it says whether to keep the room by vote, or which samples show the room instead, and
    how their mattes were wrong, as far as that leaves the room a colour; a correction of at most
    `_MOST_CORRECTED` comes on top. It hardly paints: it has seen few rooms, and would paint those.
    Returns (N, 4, H, W): the room, which may leave [0, 1] a little, and the confidence in [0, 1],
    which sees how far the chosen agree.
    """

    outputs = ("room", "confidence")

    def __init__(
        self,
        in_channels: int = sum(RESTORE_GROUPS.values()),
        widths: Sequence[int] = (24, 40, 64, 96, 112),
    ) -> None:
        super().__init__()
        self._whole = in_channels - 5 * SPANS
        seen, width = 20, widths[0]
        self.sample_stem = nn.Sequential(_block(_SAMPLE_PLANES, seen), _block(seen, seen))
        self.stem = _block(self._whole, width, kernel=4, stride=2)
        self.join = _block(width + 2 * seen, width, kernel=1)
        self.down = _downward(widths)
        self.narrow, self.up = _upward(widths)
        self.last = _block(width, width)
        self.chooser = nn.Sequential(_block(seen + width, seen, kernel=1), nn.Conv2d(seen, 2, 1))
        self.head = nn.ConvTranspose2d(width, 4 + _HINTS, 2, stride=2)
        self.judge = nn.Sequential(_block(_HINTS + 8, 16), nn.Conv2d(16, 1, 1))
        for layer in (self.chooser[1], self.head):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, planes: Tensor) -> Tensor:
        whole, samples = planes.split([self._whole, 5 * SPANS], dim=1)
        voted, virtual = (planes[:, restore_slice(group)] for group in ("room", "virtual"))
        with torch.no_grad():
            parts = (F.avg_pool2d(part, 2) for part in (samples, virtual, voted))
            each = _sample_planes(*parts)
        seen = self.sample_stem(each.flatten(0, 1))  # (N·SPANS, 20, H/2, W/2)
        each = seen.unflatten(0, (-1, SPANS))
        pooled = torch.cat([each.mean(dim=1), each.amax(dim=1)], dim=1)
        x = self.join(torch.cat([self.stem(whole), pooled], dim=1))
        x = self.last(_down_and_up(x, self.down, self.narrow, self.up))  # (N, 24, H/2, W/2)
        spread = x[:, None].expand(-1, SPANS, -1, -1, -1).flatten(0, 1)
        choice = self.chooser(torch.cat([seen, spread], dim=1)).float()  # (N·SPANS, 2, H/2, W/2)
        keep, correction, hints = self.head(x).float().split([1, 3, _HINTS], dim=1)
        share, rooms = _chosen(samples, virtual, voted, _double(choice), keep)
        room = (share * rooms).sum(dim=1)
        off = (share * (rooms - room[:, None]).abs()).sum(dim=1)
        evidence = torch.cat([room, off, share[:, 0], share.amax(dim=1)], dim=1).detach()
        sure = torch.sigmoid(self.judge(torch.cat([hints, evidence], dim=1)).float())
        return torch.cat([room + _MOST_CORRECTED * torch.tanh(correction), sure], dim=1)


def _sample_planes(samples: Tensor, virtual: Tensor, voted: Tensor) -> Tensor:
    """Of every sample its colour, what its matte makes of it, the virtual background, matte, leak,
    how far both colours are from the room by vote, and how strong samples are that agree with them.

    (N, 5 · SPANS, H, W), (N, 3, H, W) and (N, 3, H, W) → (N, SPANS, 15, H, W).
    """
    colors, matte, leak = _sample_parts(samples)
    virtuals = virtual[:, None].expand(-1, SPANS, -1, -1, -1)
    unmixed = virtuals + (colors - virtuals) / matte.clamp_min(0.1)
    unmixed = unmixed.clamp(-0.5, 1.5)
    looks = (unmixed, colors)
    off = [(look - voted[:, None]).abs().mean(dim=2, keepdim=True) for look in looks]
    agreeing = [_agreeing(look, leak * matte) for look in looks]
    return torch.cat([*looks, virtuals, matte, leak, *off, *agreeing], dim=2)


def _agreeing(colors: Tensor, strength: Tensor) -> Tensor:
    """Strength of the samples that agree with each, halved: (N, SPANS, 1, H, W)."""
    agreeing = []
    for other in range(SPANS):
        squared = ((colors - colors[:, other : other + 1]) ** 2).sum(dim=2, keepdim=True)
        near = torch.exp(squared * (-0.5 / _AGREEMENT_RADIUS**2))
        agreeing.append(near * strength[:, other : other + 1])
    return torch.stack(agreeing).sum(dim=0) / 2


def _sample_parts(samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Colours (N, SPANS, 3, H, W), mattes and leaks (N, SPANS, 1, H, W) of the samples' planes."""
    colors, matte, leak = samples.split([3 * SPANS, SPANS, SPANS], dim=1)
    return colors.unflatten(1, (SPANS, 3)), matte[:, :, None], leak[:, :, None]


def _chosen(
    samples: Tensor, virtual: Tensor, voted: Tensor, choice: Tensor, keep: Tensor
) -> tuple[Tensor, Tensor]:
    """What there is to choose from: shares (N, 1 + SPANS, 1, H, W), rooms (N, 1 + SPANS, 3, H, W).

    The room by vote comes first, then the samples, un-mixed by corrected mattes. Before a network
    has learned anything, the vote has nearly all of the share.
    """
    colors, matte, leak = _sample_parts(samples)
    preference, shift = choice.unflatten(0, (-1, SPANS)).split(1, dim=2)
    trusted = (1 - _PRIOR_TRUST * (1 - matte)).clamp(0.05, 0.98)
    trusted = torch.sigmoid(torch.log(trusted / (1 - trusted)) + shift).clamp_min(0.05)
    # the larger of the two: half precision would leave a maximum in float32
    trusted = trusted + F.relu(least_matte(colors, virtual[:, None]) - trusted)
    # the offset is small: half precision bears to have it magnified
    unmixed = virtual[:, None] + (colors - virtual[:, None]) / trusted
    preference = preference + torch.log(leak * matte + 1e-4) - _PRIOR_VOTE
    share = torch.softmax(torch.cat([keep[:, None], preference], dim=1), dim=1)
    return share, torch.cat([voted[:, None], unmixed], dim=1)


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


def build_network(
    name: str, in_channels: int, slices: Mapping[str, slice] | None = None
) -> nn.Module:
    """Build a network by its name; see `find_network`, and `LeakNet` for the slices."""
    network = find_network(name)
    return network(in_channels, slices) if network is LeakNet else network(in_channels)


def _conv_relu(*widths: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU(inplace=True)]
    return layers


class Refinement(nn.Module):
    """Adds to a level of a network, (N, width, H, W) ≥ 0; nothing before it is trained."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _block(width, width)
        normalisation = nn.BatchNorm2d(width)
        nn.init.zeros_(normalisation.weight)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), normalisation
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def _downward(widths: Sequence[int], depths: Sequence[int] = (0, 0, 0, 0)) -> nn.ModuleList:
    """The encoder's levels: each halves the resolution and is refined some times."""
    return nn.ModuleList(
        nn.Sequential(_block(a, b, stride=2), _block(b, b), *(Refinement(b) for _ in range(depth)))
        for (a, b), depth in zip(itertools.pairwise(widths), depths, strict=True)
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
