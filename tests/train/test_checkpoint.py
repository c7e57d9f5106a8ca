"""Checkpoints: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.conftest import INPUTS, save_checkpoint
from train.checkpoint import load_checkpoint
from train.module import JudgeModule, LeakModule, RestoreModule
from vader_rt.contract import AS_THE_NETWORK_SAYS, JUDGE_GROUPS, RESTORE_GROUPS
from vader_rt.errors import InputError
from vader_rt.io.files import file_sha256


def test_a_frame_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = LeakModule("leaknet", INPUTS, (64, 32), matte_trust=0.4)
    path = save_checkpoint(module, tmp_path / "leaknet.ckpt")
    network, contract = load_checkpoint(path)
    assert not network.training
    assert contract.kind == "frame"
    assert (contract.inputs, contract.size_wh) == (tuple(INPUTS), (64, 32))
    assert contract.outputs == ("matte", "leak")
    assert contract.matte_confidence == 0.4
    assert contract.training == "leaknet, loss leak, epoch 0"
    assert contract.checkpoint_sha256 == file_sha256(path)
    planes = torch.rand(contract.input_shape)
    with torch.inference_mode():
        torch.testing.assert_close(network(planes), module.eval()(planes))


def test_a_restoration_network(tmp_path: Path) -> None:
    _, contract = load_checkpoint(
        save_checkpoint(RestoreModule(size_wh=(96, 64)), tmp_path / "restorenet.ckpt")
    )
    assert (contract.kind, contract.inputs) == ("restore", tuple(RESTORE_GROUPS))
    assert contract.input_shape == (1, 47, 64, 96)  # 17 of the call, 5 of each sixth of it
    assert contract.outputs == ("room", "confidence")
    assert contract.confidence == AS_THE_NETWORK_SAYS


def test_a_judge(tmp_path: Path) -> None:
    _, contract = load_checkpoint(
        save_checkpoint(JudgeModule(size_wh=(96, 64)), tmp_path / "judge.ckpt")
    )
    assert (contract.kind, contract.inputs) == ("judge", tuple(JUDGE_GROUPS))
    assert contract.input_shape == (1, 59, 64, 96)
    assert contract.outputs == ("confidence",)
    assert contract.confidence == AS_THE_NETWORK_SAYS


@pytest.mark.parametrize(
    ("network", "settings", "inputs"),
    [
        ("unet", {}, ("frame", "edge", "dog")),
        ("unet", {"use_dog": False, "use_mode": True}, ("frame", "edge", "mode")),
        ("convnet_simple", {"use_edge": False, "use_dog": False}, ("frame",)),
    ],
)
def test_what_the_seeds_own_code_wrote(
    network: str, settings: dict[str, bool], inputs: tuple[str, ...], tmp_path: Path
) -> None:
    """It names no network, and its inputs by switches."""
    module = LeakModule(network, list(inputs), (64, 48), loss="mse")
    parts = {"state_dict": module.state_dict(), "hyper_parameters": {**settings, "lr": 1e-4}}
    torch.save(parts, tmp_path / "seed.ckpt")
    found, contract = load_checkpoint(tmp_path / "seed.ckpt")
    assert type(found) is type(module.model)
    assert (contract.inputs, contract.size_wh) == (inputs, (1280, 720))
    assert contract.outputs == ("similarity",)
    assert contract.training == "the seed's network, loss combined"


def damaged(name: str, path: Path) -> None:
    module = LeakModule("unet", ["frame", "edge", "dog"], (64, 48), loss="mse")
    good = {"state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams)}
    if name == "text":
        path.write_text("not a checkpoint")
    elif name == "truncated":
        torch.save(good, path)
        path.write_bytes(path.read_bytes()[:2000])
    elif name == "no weights":
        torch.save({"hyper_parameters": good["hyper_parameters"]}, path)
    elif name == "pickled code":
        torch.save({**good, "callback": print}, path)
    elif name == "empty":
        path.touch()
    elif name == "weights alone":
        torch.save(good["state_dict"], path)
    elif name == "a tensor":
        torch.save(torch.zeros(3), path)
    elif name == "no inputs":
        del good["hyper_parameters"]["inputs"]
        torch.save(good, path)
    elif name == "unknown input":
        good["hyper_parameters"]["inputs"] = ["depth"]
        torch.save(good, path)
    elif name == "other inputs":
        good["hyper_parameters"]["inputs"] = ["frame"]
        torch.save(good, path)
    elif name == "other network":
        good["hyper_parameters"]["network"] = "leaknet"
        torch.save(good, path)
    elif name == "unknown network":
        good["hyper_parameters"]["network"] = "resnet"
        torch.save(good, path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing", "does not exist"),
        ("empty", "is not a Lightning checkpoint"),
        ("text", "is not a checkpoint, or holds more than weights"),
        ("truncated", "is not a Lightning checkpoint"),
        ("no weights", "no state_dict with hyper_parameters"),
        ("weights alone", "no state_dict with hyper_parameters"),
        ("a tensor", "no state_dict with hyper_parameters"),
        ("pickled code", "holds more than weights and settings; not loaded"),
        ("no inputs", "'inputs'"),
        ("unknown input", "'depth'"),
        ("other inputs", "size mismatch"),
        ("other network", "Missing key"),
        ("unknown network", "'resnet' is unknown; known: unet"),
    ],
)
def test_bad_checkpoints(name: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.ckpt"
    damaged(name, path)
    with pytest.raises(InputError, match=words) as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)  # torch's advice to switch it off
