"""Train a network: `python -m train.fit fit --config train/configs/leaknet.yaml`.

Every setting is in the config file or on the command line (`--help`); `--ckpt_path last` goes on
after a kill. Losses, learning rate and pictures of predictions go to `runs/<name>/`.
"""

from __future__ import annotations

import sys

import lightning
import torch
from lightning.pytorch.cli import LightningCLI

from vader_rt.cli.exit_codes import exit_code


class _Cli(LightningCLI):
    def before_instantiate_classes(self) -> None:
        """Mixed precision fits the device: 16-bit floats on a GPU, bfloat16 on a CPU."""
        config = self.config[self.subcommand].trainer
        if config.precision is None:
            config.precision = "16-mixed" if torch.cuda.is_available() else "bf16-mixed"


def main() -> int:
    """Run the command line and return its exit code."""
    torch.set_float32_matmul_precision("high")
    return exit_code("train.fit", _fit)


def _fit() -> int:
    _Cli(
        lightning.LightningModule,
        lightning.LightningDataModule,
        subclass_mode_model=True,
        subclass_mode_data=True,
        seed_everything_default=0,
        save_config_kwargs={"overwrite": True},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
