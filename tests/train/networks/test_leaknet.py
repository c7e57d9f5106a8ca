"""The frame network."""

from __future__ import annotations

import torch

from train.networks.blocks import Refinement
from train.networks.leaknet import LeakNet
from train.networks.mixing import LINE_INPUTS, LINE_PLANES
from train.networks.registry import build_network
from vader_rt.features.planes import group_slices, plane_count


def test_its_levels_are_refined() -> None:
    refined, plain = LeakNet(3), LeakNet(3, depths=(0, 0, 0, 0))
    assert sum(isinstance(m, Refinement) for m in refined.modules()) == 4
    assert not any(isinstance(m, Refinement) for m in plain.modules())


def test_the_frame_network_derives_planes_where_it_has_what_they_are_made_of() -> None:
    whole = ("frame", "person", *LINE_INPUTS[1:])
    channels = plane_count(whole)
    torch.manual_seed(0)
    derives, plain = (
        build_network("leaknet", channels, group_slices(whole)),
        build_network("leaknet", channels),
    )
    assert derives.stem[0].in_channels == plain.stem[0].in_channels + LINE_PLANES
    lacks = build_network("leaknet", channels - 1, group_slices(whole[:-1]))
    assert lacks.stem[0].in_channels == channels - 1
    with torch.no_grad():
        derives.stem[0].weight[:, :channels] = 0
        planes = torch.rand(1, channels, 32, 64)
        other = planes.clone()
        other[:, 3] = 0  # the person mask is not in the line
        same, new = derives.eval()(planes), derives(other)
        torch.testing.assert_close(same, new)
        other[:, group_slices(whole)["look"]] = 0.5
        assert (derives(other) - same).abs().max() > 1e-3
