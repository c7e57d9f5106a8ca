"""Networks, and what keeps checkpoints of others loadable."""

from __future__ import annotations

import pytest
import torch

from train.model import NETWORKS, RestoreNet, UNet, build_network
from train.module import LeakModule
from vader_rt.errors import InputError


def test_the_seeds_network_is_the_seeds() -> None:
    """Size and weight names of the published checkpoint (Lightning 2.5)."""
    assert sum(p.numel() for p in UNet(5).parameters()) == 227_265
    module = LeakModule("unet", ["frame", "edge", "dog"], (1280, 720))
    shapes = {name: tuple(w.shape) for name, w in module.state_dict().items()}
    assert shapes["model.model.0.weight"] == (32, 5, 3, 3)
    assert shapes["model.model.12.weight"] == (128, 64, 2, 2)
    assert shapes["model.model.20.weight"] == (1, 32, 1, 1)
    assert len(shapes) == 20


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs(name: str) -> None:
    channels = 20 if name == "restorenet" else 6
    network = build_network(name, channels).eval()
    planes = torch.rand(2, channels, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        output = network(planes)
    count = {"room": 3}
    assert output.shape == (2, sum(count.get(o, 1) for o in network.outputs), 64, 96)
    if name != "restorenet":
        assert 0 <= output.min() <= output.max() <= 1


def test_restoration_starts_from_the_unmixed_room() -> None:
    network = RestoreNet(20).eval()
    torch.nn.init.zeros_(network.head.weight)
    torch.nn.init.zeros_(network.head.bias)
    planes = torch.rand(1, 20, 32, 32)
    with torch.inference_mode():
        output = network(planes)
    assert torch.equal(output[:, :3], planes[:, :3])
    assert (output[:, 3] == 0.5).all()


def test_unknown_network_names_the_known() -> None:
    with pytest.raises(InputError, match="leaknet"):
        build_network("resnet", 3)
