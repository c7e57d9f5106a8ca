"""Networks by name."""

from __future__ import annotations

import pytest
import torch

from train.networks.registry import NETWORKS, build_network
from vader_rt.contract import JUDGE_GROUPS, RESTORE_GROUPS
from vader_rt.errors import InputError

CHANNELS = {"restorenet": sum(RESTORE_GROUPS.values()), "judge": sum(JUDGE_GROUPS.values())}


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs(name: str) -> None:
    channels = CHANNELS.get(name, 6)
    network = build_network(name, channels).eval()
    planes = torch.rand(2, channels, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        output = network(planes)
    count = {"room": 3}
    assert output.shape == (2, sum(count.get(o, 1) for o in network.outputs), 64, 96)
    if name != "restorenet":
        assert 0 <= output.min() <= output.max() <= 1


def test_unknown_network_names_the_known() -> None:
    with pytest.raises(InputError, match="leaknet"):
        build_network("resnet", 3)
