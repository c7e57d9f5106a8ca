"""Checkpoints, ours and the seed's: read into a network and its contract."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from train.networks.registry import build_network, find_network
from train.seed import seed_contract, seed_network
from vader_rt.contract import AS_THE_NETWORK_SAYS, KNOWN_INPUTS, Contract, group_slices
from vader_rt.errors import InputError
from vader_rt.io.files import file_sha256

_ONCE_PER_CALL: dict[str, Literal["restore", "judge"]] = {"restorenet": "restore", "judge": "judge"}
"""Kinds of the networks that run once per call."""


def load_checkpoint(path: str | Path) -> tuple[nn.Module, Contract]:
    """Read a Lightning checkpoint (`weights_only`) into an evaluated network and its contract.

    Raises:
        InputError: it is not a checkpoint of one of `train.networks.registry.NETWORKS`.
    """
    path = Path(path)
    state, settings, epoch = read_checkpoint(path)
    try:
        contract = _contract(settings, path, epoch)
        name = settings["network"] if "network" in settings else seed_network(state)
        slices = group_slices(contract.inputs) if contract.kind == "frame" else None
        network = build_network(name, contract.input_shape[1], slices)
        network.load_state_dict({k.removeprefix("model."): v for k, v in state.items()})
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: its settings lack or misstate something ({error})") from None
    except RuntimeError as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}") from None
    return network.eval(), contract


class Checkpoint(NamedTuple):
    """Weights, hyper-parameters and epoch of a Lightning checkpoint."""

    state: dict[str, torch.Tensor]
    settings: dict[str, Any]
    epoch: int | None


def read_checkpoint(path: Path) -> Checkpoint:
    """What is in a Lightning checkpoint; nothing that is code is loaded.

    Raises:
        InputError: it is not one.
    """
    if not path.is_file():
        raise InputError(f"{path}: does not exist; give a checkpoint (.ckpt)")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # torch's own words advise to run what is in the file
        raise InputError(
            f"{path}: is not a checkpoint, or holds more than weights and settings; not loaded"
        ) from None
    except Exception as error:  # torch has no common base for what a bad file can raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: is not a Lightning checkpoint ({reason})") from None
    parts = checkpoint if isinstance(checkpoint, dict) else {}
    state, settings = parts.get("state_dict"), parts.get("hyper_parameters")
    if not (isinstance(state, dict) and isinstance(settings, dict)):
        raise InputError(
            f"{path}: is not a Lightning checkpoint (no state_dict with hyper_parameters)"
        )
    return Checkpoint(state, settings, parts.get("epoch"))


def _contract(settings: dict[str, Any], path: Path, epoch: int | None) -> Contract:
    digest = file_sha256(path)
    if "network" not in settings:
        return seed_contract(settings, digest)
    network = settings["network"]
    training = f"{network}, loss {settings.get('loss')}, epoch {epoch}"
    if network in _ONCE_PER_CALL:
        kind = _ONCE_PER_CALL[network]
        return Contract(
            kind=kind,
            inputs=tuple(KNOWN_INPUTS[kind]),
            size_wh=tuple(settings["size_wh"]),
            outputs=find_network(network).outputs,
            confidence=AS_THE_NETWORK_SAYS,
            training=training,
            checkpoint_sha256=digest,
        )
    return Contract(
        kind="frame",
        inputs=tuple(settings["inputs"]),
        size_wh=tuple(settings["size_wh"]),
        outputs=find_network(network).outputs,
        matte_confidence=settings.get("matte_trust", Contract.matte_confidence),
        training=training,
        checkpoint_sha256=digest,
    )
