"""The restoration network."""

from __future__ import annotations

import torch

from train.networks.restorenet import RestoreNet
from vader_rt.contract import RESTORE_GROUPS, TIME_BINS, plane_slices

ROOM_PLANES = sum(RESTORE_GROUPS.values())
SLICES = plane_slices(RESTORE_GROUPS)


def test_restoration_starts_from_the_vote() -> None:
    planes = torch.rand(1, ROOM_PLANES, 32, 32)
    with torch.inference_mode():
        room = RestoreNet().eval()(planes)[:, :3]
    torch.testing.assert_close(room, planes[:, SLICES["room"]], atol=0.1, rtol=0)


def test_restoration_can_take_a_sample_instead() -> None:
    planes = 0.2 + 0.6 * torch.rand(1, ROOM_PLANES, 32, 32)  # un-mixed, they are colours
    planes[:, SLICES["sample_leak"]] = 0
    planes[:, SLICES["sample_leak"].start + 2] = 1
    planes[:, SLICES["sample_matte"]] = 0.6
    network = RestoreNet().eval()
    network.head.bias.data[0] = -20  # the vote has nothing to say
    with torch.inference_mode():
        room = network(planes)[:, :3]
    virtual = planes[:, SLICES["virtual"]]
    third = planes[:, SLICES["samples"]][:, 6:9]
    expected = virtual + (third - virtual) / (1 - 0.4 * (1 - 0.6))
    torch.testing.assert_close(room, expected, atol=2e-3, rtol=0)


def test_what_is_restored_from_samples_stays_a_colour_of_the_same_hue() -> None:
    rng = torch.Generator().manual_seed(0)
    planes = torch.rand(1, ROOM_PLANES, 32, 32, generator=rng)
    planes[:, SLICES["sample_leak"]] = 0
    planes[:, SLICES["sample_leak"].start] = 1
    network = RestoreNet().eval()
    network.head.bias.data[0] = -20
    network.chooser[1].bias.data[1] = -20  # mattes as small as can be
    with torch.inference_mode():
        room = network(planes)[:, :3]
    virtual = planes[:, SLICES["virtual"]]
    first = planes[:, SLICES["samples"]][:, :3]
    far = (first - virtual).abs().amax(dim=1) > 0.1
    room, virtual, first = (x.transpose(0, 1)[:, far] for x in (room, virtual, first))
    assert -0.2 < room.min() < 0.05
    assert 0.95 < room.max() < 1.2
    alike = torch.cosine_similarity(room - virtual, first - virtual, dim=0)
    assert alike.quantile(0.02) > 0.999


def test_restoration_does_not_mind_the_order_of_time() -> None:
    torch.manual_seed(0)
    network = RestoreNet().eval()
    torch.nn.init.normal_(network.chooser[1].weight)
    planes = torch.rand(1, ROOM_PLANES, 32, 64)
    turned = planes.clone()
    for group in ("samples", "sample_matte", "sample_leak"):
        part = planes[:, SLICES[group]].unflatten(1, (TIME_BINS, -1))
        turned[:, SLICES[group]] = part.flip(1).flatten(1, 2)
    with torch.inference_mode():
        first, second = network(planes), network(turned)
    assert not torch.allclose(planes, turned)
    torch.testing.assert_close(first, second, atol=1e-5, rtol=0)
