"""What the mixing equation, frame = V + m (R − V), says of pixels: planes that networks are given.

Convolutions find no quotients by themselves, and most of what the equation says is quotients.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from train.networks.blocks import double

LINE_INPUTS = ("frame", "virtual", "look", "look_matte")
"""Input groups that `line_planes` needs."""
LINE_PLANES = 7
_NOISE = 0.03
"""Length of an offset that compression alone can make, of three channels in [0, 1]."""
_CHANNEL_NOISE = 4 / 255
"""The same, of one channel."""


def line_planes(frame: Tensor, virtual: Tensor, look: Tensor, look_matte: Tensor) -> Tensor:
    """Where a frame's pixels lie on the line from the virtual background to the room.

    All that a pixel can show without a person, for mattes from 0 to 1, is on this line. The first
    look is one such sample, and so gives the line's direction. In (N, 7, H, W), in [0, 1]:

    0, 1, 2: distance of the frame from the virtual background, of the look from it, and of the
    frame from the line, as logarithms, so that a quotient of two is a difference of planes;
    3: where the frame lies along the line, in lengths of the look's offset, −0.25 to 1.5;
    4: the matte by that: so many times the look's matte;
    5: plane 0's distance over the largest around: the matte falls from the person outwards;
    6: `least_matte`.

    frame, virtual, look: (N, 3, H, W) in [0, 1]; look_matte: (N, 1, H, W) in [0, 1].
    """
    offset, look_offset = frame - virtual, look - virtual
    share = _dot(offset, look_offset) / (_dot(look_offset, look_offset) + _NOISE**2)
    share = share.clamp(-0.25, 1.5)
    stray = offset - share * look_offset
    off, far, beside = (torch.sqrt(_dot(x, x) + 1e-8) for x in (offset, look_offset, stray))
    around = F.max_pool2d(F.avg_pool2d(off, 4), 9, stride=1, padding=4)
    relative = off / (double(double(around)) + _NOISE)
    logarithms = [torch.log2(1 + 255 * x) / 9 for x in (off, far, beside)]
    matte = (share * look_matte).clamp(0, 1)
    relative = relative.clamp(0, 1.25) / 1.25
    least = least_matte(frame, virtual)
    return torch.cat([*logarithms, (share + 0.25) / 1.75, matte, relative, least], dim=1)


def least_matte(frame: Tensor, virtual: Tensor) -> Tensor:
    """The smallest matte for which the room, V + (frame − V) / m, is a colour in [0, 1].

    (…, 3, H, W) in [0, 1] each → (…, 1, H, W).
    """
    up = F.relu(frame - virtual - _CHANNEL_NOISE) / (1 - virtual).clamp_min(_CHANNEL_NOISE)
    down = F.relu(virtual - frame - _CHANNEL_NOISE) / virtual.clamp_min(_CHANNEL_NOISE)
    return (up + down).amax(dim=-3, keepdim=True).clamp(0, 1)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=1, keepdim=True)
