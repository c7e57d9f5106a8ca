"""The frame network: finds the matte and the leak in a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from train.networks.blocks import block, decoder, down_and_up, encoder
from train.networks.mixing import LINE_INPUTS, LINE_PLANES, line_planes


class LeakNet(nn.Module):
    """A U-Net with skips: (N, C, H, W) planes in [0, 1] → (N, 2, H, W) matte and leak in [0, 1].

    Nothing but its first and its last layer works at the full resolution: the planes are halved on
    the way in, the result is doubled on the way out. H and W: multiples of 32.

    slices: where the planes of each input group are. If all of `LINE_INPUTS` are there, the planes
    of `line_planes` are made from them and join the inputs. widths: channels of each level.
    depths: how often each level of the encoder is refined.
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
        self.stem = block(in_channels + self.derived, widths[0], kernel=4, stride=2)
        self.down = encoder(widths, depths)
        self.narrow, self.up = decoder(widths)
        self.last = block(widths[0], widths[0])
        self.head = nn.ConvTranspose2d(widths[0], 2, 2, stride=2)

    def forward(self, planes: Tensor) -> Tensor:
        if self._line:
            with torch.no_grad(), torch.autocast(planes.device.type, enabled=False):
                line = line_planes(*(planes[:, where].float() for where in self._line))
            planes = torch.cat([planes, line], dim=1)
        x = down_and_up(self.stem(planes), self.down, self.narrow, self.up)  # (N, 24, H/2, W/2)
        return torch.sigmoid(self.head(self.last(x)))
