"""The mean of two trainings of one network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.conftest import INPUTS, save_checkpoint
from train.average import main
from train.checkpoint import load_checkpoint, read_checkpoint
from train.module import LeakModule


def training(path: Path, seed: int, network: str = "leaknet", rate: float = 1e-3) -> Path:
    torch.manual_seed(seed)
    return save_checkpoint(LeakModule(network, INPUTS, (64, 32), learning_rate=rate), path)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return training(tmp_path / "a.ckpt", 1), training(tmp_path / "b.ckpt", 2, rate=2e-3)


def run(*paths: Path) -> int:
    return main([*(str(path) for path in paths[:2]), "-o", str(paths[2])])


def test_every_weight_is_the_mean(pair: tuple[Path, Path], tmp_path: Path) -> None:
    mean = tmp_path / "mean.ckpt"
    assert run(*pair, mean) == 0
    a, b, found = (read_checkpoint(path) for path in (*pair, mean))
    assert found.settings == b.settings != a.settings
    assert any((a.state[name] != b.state[name]).any() for name in found.state)
    for name, tensor in found.state.items():
        assert torch.allclose(tensor.double(), (a.state[name] + b.state[name].double()) / 2)
    network, contract = load_checkpoint(mean)  # and it can be exported
    assert network(torch.rand(contract.input_shape)).isfinite().all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ckpt", "b.ckpt", "mean.ckpt"]


def test_other_networks_are_refused(
    pair: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.manual_seed(3)
    turned = save_checkpoint(
        LeakModule("leaknet", INPUTS[::-1], (64, 32)), tmp_path / "turned.ckpt"
    )
    for other in (turned, training(tmp_path / "other.ckpt", 3, "unet")):
        assert run(pair[0], other, tmp_path / "mean.ckpt") == 3
        assert f"{other.name}: is not the network of" in capsys.readouterr().err
    assert run(pair[0], tmp_path / "none.ckpt", tmp_path / "mean.ckpt") == 3
    assert "none.ckpt: does not exist" in capsys.readouterr().err
    assert not (tmp_path / "mean.ckpt").exists()
