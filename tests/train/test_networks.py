"""Networks, and what keeps checkpoints of others loadable."""

from __future__ import annotations

import pytest
import torch

from train.model import NETWORKS, RestoreNet, UNet, build_network
from train.module import LeakModule
from vader_rt.contract import RESTORE_GROUPS, SPANS
from vader_rt.errors import InputError
from vader_rt.restore import restore_slice

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


def test_restoration_starts_from_the_strongest_sample() -> None:
    planes = torch.rand(1, ROOM_PLANES, 32, 32)
    planes[:, restore_slice("sample_leak")] = 0.01
    planes[:, restore_slice("sample_leak").start + 2] = 1
    planes[:, restore_slice("sample_matte")] = 0.6
    with torch.inference_mode():
        room = RestoreNet().eval()(planes)[:, :3]
    virtual = planes[:, restore_slice("virtual")]
    third = planes[:, restore_slice("samples")][:, 6:9]
    expected = virtual + (third - virtual) / (1 - 0.3 * (1 - 0.6))
    torch.testing.assert_close(room, expected, atol=1e-4, rtol=0)


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
