"""The networks by the names that configs and checkpoints give them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from train.networks.judge import Judge
from train.networks.leaknet import LeakNet
from train.networks.restorenet import RestoreNet
from train.seed import SimpleConvNet, UNet
from vader_rt.errors import InputError

Network = UNet | SimpleConvNet | LeakNet | RestoreNet | Judge
NETWORKS: dict[str, type[Network]] = {
    "unet": UNet,
    "convnet_simple": SimpleConvNet,
    "leaknet": LeakNet,
    "restorenet": RestoreNet,
    "judge": Judge,
}


def find_network(name: str) -> type[Network]:
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
