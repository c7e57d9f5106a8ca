"""Real, tiny trainings through the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import NETWORK_WH, ROOT

SIZE = list(NETWORK_WH)
"""Of the untrained frame model, which the restoration network learns from."""

CONFIGS = {
    "leaknet": [
        f"--model.init_args.size_wh={SIZE}",
        f"--data.init_args.size_wh={SIZE}",
        "--data.init_args.crop_wh=[96,64]",
    ],
    "leaknet_vote": [
        f"--model.init_args.size_wh={SIZE}",
        f"--data.init_args.size_wh={SIZE}",
        "--data.init_args.crop_wh=[96,64]",
        "--data.init_args.together=3",
        "--data.init_args.look_model=null",
    ],
    "restorenet": [
        f"--model.init_args.size_wh={SIZE}",
        f"--data.init_args.size_wh={SIZE}",
        "--data.init_args.crop_wh=[96,64]",
    ],
}


def fit(name: str, calls: Path, runs: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "train.fit", "fit"),
        *("--config", f"train/configs/{name}.yaml"),
        f"--data.init_args.calls={calls}",
        f"--trainer.logger.init_args.save_dir={runs}",
        *("--data.init_args.workers=0", "--data.init_args.batch_size=2"),
        *("--trainer.limit_train_batches=2", "--trainer.enable_progress_bar=false"),
        *CONFIGS[name],
        *more,
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_fit_resume_export(
    name: str, calls: Path, untrained: dict[str, Path], tmp_path: Path
) -> None:
    from export.to_onnx import to_onnx
    from vader_rt.engines.load import load_engine

    model = [f"--data.init_args.frame_model={untrained['frame']}"] if name == "restorenet" else []
    run = fit(name, calls, tmp_path, "--trainer.max_epochs=1", *model)
    assert run.returncode == 0, run.stderr
    folder = tmp_path / name / "version_0"
    assert (folder / "pictures" / "epoch000.png").is_file()
    assert "val_loss" in (folder / "metrics.csv").read_text()
    last = folder / "checkpoints" / "last.ckpt"
    assert torch.load(last, weights_only=True)["global_step"] == 2

    again = fit(name, calls, tmp_path, "--trainer.max_epochs=2", f"--ckpt_path={last}", *model)
    assert again.returncode == 0, again.stderr
    resumed = tmp_path / name / "version_1" / "checkpoints" / "last.ckpt"
    assert torch.load(resumed, weights_only=True)["global_step"] == 4

    engine = load_engine(to_onnx(resumed, tmp_path / "model.onnx"), "onnx-cpu")
    assert engine.contract.training.startswith(name.split("_")[0])


@pytest.mark.slow
def test_errors_are_one_line(tmp_path: Path) -> None:
    run = fit("leaknet", tmp_path, tmp_path)
    assert run.returncode == 3
    assert "train.fit: " in run.stderr.splitlines()[-1]
    assert "VADER layout" in run.stderr.splitlines()[-1]
