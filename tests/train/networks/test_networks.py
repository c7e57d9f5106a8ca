"""Networks, and what keeps checkpoints of others loadable."""

from __future__ import annotations

import pytest
import torch

from train.module import LeakModule
from train.networks.leaknet import (
    LINE_INPUTS,
    LINE_PLANES,
    NETWORKS,
    LeakNet,
    Refinement,
    RestoreNet,
    UNet,
    build_network,
    least_matte,
    line_planes,
)
from vader_rt.contract import RESTORE_GROUPS, SPANS
from vader_rt.errors import InputError
from vader_rt.features.planes import group_slices, plane_count
from vader_rt.room.restore import restore_slice

ROOM_PLANES = sum(RESTORE_GROUPS.values())


def test_the_seeds_network_is_the_seeds() -> None:
    """Size and weight names of the published checkpoint (Lightning 2.5)."""
    assert sum(p.numel() for p in UNet(5).parameters()) == 227_265
    module = LeakModule("unet", ["frame", "edge", "dog"], (1280, 720))
    shapes = {name: tuple(w.shape) for name, w in module.state_dict().items()}
    assert shapes["model.model.0.weight"] == (32, 5, 3, 3)
    assert shapes["model.model.12.weight"] == (128, 64, 2, 2)
    assert shapes["model.model.20.weight"] == (1, 32, 1, 1)
    assert len(shapes) == 20


@pytest.mark.parametrize(("loss", "frames"), [("vote", ()), ("leak", (3,))])
def test_frames_together_are_for_the_loss_vote(loss: str, frames: tuple[int, ...]) -> None:
    module = LeakModule("leaknet", ["frame"], (32, 32), loss=loss)
    batch = torch.rand(2, *frames, 3, 32, 32), torch.rand(2, *frames, 11, 32, 32)
    with pytest.raises(InputError, match="together"):
        module.training_step(batch, 0)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs(name: str) -> None:
    channels = ROOM_PLANES if name == "restorenet" else 6
    network = build_network(name, channels).eval()
    planes = torch.rand(2, channels, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        output = network(planes)
    count = {"room": 3}
    assert output.shape == (2, sum(count.get(o, 1) for o in network.outputs), 64, 96)
    if name != "restorenet":
        assert 0 <= output.min() <= output.max() <= 1


def test_planes_of_the_line_tell_the_matte() -> None:
    """Of the mixing equation, with a look at another matte; half of the picture is no mixture."""
    rng = torch.Generator().manual_seed(0)
    virtual, room, person = torch.rand(3, 1, 3, 32, 64, generator=rng)
    virtual = 0.4 + 0.2 * virtual
    room = virtual + (room - 0.5).sign() * 0.4
    matte, look_matte = 0.1 + 0.4 * torch.rand(1, 1, 32, 64, generator=rng), torch.tensor(0.6)
    look_matte = look_matte.expand(1, 1, 32, 64)
    frame = virtual + matte * (room - virtual)
    frame[..., 32:] = person[..., 32:]
    look = virtual + look_matte * (room - virtual)
    planes = line_planes(frame, virtual, look, look_matte)[0]
    off, far, beside, share, product, _, least = planes
    left = (slice(None), slice(0, 32))
    torch.testing.assert_close(product[left], matte[0, 0][left], atol=0.02, rtol=0)
    torch.testing.assert_close(
        share[left] * 1.75 - 0.25, (matte / 0.6)[0, 0][left], atol=0.03, rtol=0
    )
    length = torch.linalg.vector_norm(frame - virtual, dim=1)[0]
    torch.testing.assert_close(2 ** (9 * off), 1 + 255 * length, rtol=0.01, atol=0.1)
    # quotients are differences
    quotient = 2 ** (9 * (off - far)[left])
    torch.testing.assert_close(quotient, (matte / 0.6)[0, 0][left], atol=0.05, rtol=0)
    assert beside[left].mean() < 0.25 * beside[:, 32:].mean()
    assert (least[left] <= matte[0, 0][left]).all()
    assert planes.shape[0] == LINE_PLANES
    assert planes.min() >= 0
    assert planes.max() <= 1


def test_the_matte_is_told_relative_to_what_is_around() -> None:
    """A halo that falls from left to right, before a bright and before a dim room, looks alike."""
    matte = torch.linspace(1, 0, 64).expand(1, 1, 64, 64)
    black = torch.zeros(1, 3, 64, 64)
    planes = [
        line_planes(matte * bright * torch.ones(1, 3, 1, 1), black, black, matte)[0]
        for bright in (0.9, 0.5)
    ]
    assert (planes[0][0] - planes[1][0]).abs().mean() > 0.07
    assert (planes[0][5] - planes[1][5]).abs().mean() < 0.02
    assert planes[0][5, 32].diff().mean() < -0.01


def test_the_least_matte_is_that_of_a_room_with_a_channel_at_its_end() -> None:
    rng = torch.Generator().manual_seed(0)
    room = torch.rand(1, 3, 32, 32, generator=rng)
    virtual = 0.2 + 0.6 * torch.rand(1, 3, 32, 32, generator=rng)
    matte = torch.rand(1, 1, 32, 32, generator=rng)
    least = least_matte(virtual + matte * (room - virtual), virtual)
    assert least.shape == matte.shape
    assert (least <= matte).all()
    for end in (0, 1):
        room[:, end] = end  # one channel is enough
        least = least_matte(virtual + matte * (room - virtual), virtual)
        assert (least <= matte).all()
        torch.testing.assert_close(least, matte, atol=0.08, rtol=0)  # 4 levels, of 0.2 at least


def test_levels_are_refined_by_nothing_at_first() -> None:
    refinement, level = Refinement(8), torch.rand(2, 8, 16, 16)
    for training in (True, False):
        torch.testing.assert_close(refinement.train(training)(level), level, rtol=0, atol=0)
    with torch.no_grad():
        refinement.second[1].weight += 1
        assert (refinement(level) - level).abs().mean() > 1e-3
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


def test_restoration_starts_from_the_vote() -> None:
    planes = torch.rand(1, ROOM_PLANES, 32, 32)
    with torch.inference_mode():
        room = RestoreNet().eval()(planes)[:, :3]
    torch.testing.assert_close(room, planes[:, restore_slice("room")], atol=0.1, rtol=0)


def test_restoration_can_take_a_sample_instead() -> None:
    planes = 0.2 + 0.6 * torch.rand(1, ROOM_PLANES, 32, 32)  # un-mixed, they are colours
    planes[:, restore_slice("sample_leak")] = 0
    planes[:, restore_slice("sample_leak").start + 2] = 1
    planes[:, restore_slice("sample_matte")] = 0.6
    network = RestoreNet().eval()
    network.head.bias.data[0] = -20  # the vote has nothing to say
    with torch.inference_mode():
        room = network(planes)[:, :3]
    virtual = planes[:, restore_slice("virtual")]
    third = planes[:, restore_slice("samples")][:, 6:9]
    expected = virtual + (third - virtual) / (1 - 0.4 * (1 - 0.6))
    torch.testing.assert_close(room, expected, atol=2e-3, rtol=0)


def test_what_is_restored_from_samples_stays_a_colour_of_the_same_hue() -> None:
    rng = torch.Generator().manual_seed(0)
    planes = torch.rand(1, ROOM_PLANES, 32, 32, generator=rng)
    planes[:, restore_slice("sample_leak")] = 0
    planes[:, restore_slice("sample_leak").start] = 1
    network = RestoreNet().eval()
    network.head.bias.data[0] = -20
    network.chooser[1].bias.data[1] = -20  # mattes as small as can be
    with torch.inference_mode():
        room = network(planes)[:, :3]
    virtual = planes[:, restore_slice("virtual")]
    first = planes[:, restore_slice("samples")][:, :3]
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
        part = planes[:, restore_slice(group)].unflatten(1, (SPANS, -1))
        turned[:, restore_slice(group)] = part.flip(1).flatten(1, 2)
    with torch.inference_mode():
        first, second = network(planes), network(turned)
    assert not torch.allclose(planes, turned)
    torch.testing.assert_close(first, second, atol=1e-5, rtol=0)


def test_unknown_network_names_the_known() -> None:
    with pytest.raises(InputError, match="leaknet"):
        build_network("resnet", 3)
