"""Several judges as one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.conftest import save_checkpoint
from train.checkpoint import load_checkpoint
from train.ensemble import main
from train.module import JudgeModule, RestoreModule

SIZE_WH = (64, 32)


def judge(path: Path, seed: int, size_wh: tuple[int, int] = SIZE_WH) -> Path:
    """A judge that does not say what the restoration network says."""
    torch.manual_seed(seed)
    module = JudgeModule(size_wh=size_wh)
    torch.nn.init.normal_(module.model.head.weight)
    return save_checkpoint(module, path)


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    return [judge(tmp_path / f"{seed}.ckpt", seed) for seed in range(3)]


def run(paths: list[Path], output: Path) -> int:
    return main([*map(str, paths), "-o", str(output)])


def test_their_logits_are_averaged(three: list[Path], tmp_path: Path) -> None:
    assert run(three, tmp_path / "judges.ckpt") == 0
    together, contract = load_checkpoint(tmp_path / "judges.ckpt")
    assert (contract.kind, contract.size_wh) == ("judge", SIZE_WH)
    planes = torch.rand(contract.input_shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        each = [torch.logit(load_checkpoint(path)[0](planes).double()) for path in three]
        found = torch.logit(together(planes).double())
    mean = torch.stack(each).mean(dim=0)
    assert torch.allclose(found, mean, atol=1e-3)
    assert (each[0] - mean).abs().max() > 0.1


def test_what_is_no_judge_is_refused(
    three: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = save_checkpoint(RestoreModule(size_wh=SIZE_WH), tmp_path / "other.ckpt")
    larger = judge(tmp_path / "larger.ckpt", 3, (96, 64))
    for path, words in ((other, "is no judge"), (larger, "is of another size")):
        assert run([*three[:2], path], tmp_path / "judges.ckpt") == 3
        assert words in capsys.readouterr().err
    assert not (tmp_path / "judges.ckpt").exists()
