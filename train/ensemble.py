"""Several judges as one: `python -m train.ensemble A.ckpt B.ckpt C.ckpt -o JUDGES.ckpt`.

They were trained from different seeds (`--seed_everything`); see `train.networks.judge.Judges`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from train.checkpoint import load_checkpoint, read_checkpoint
from train.networks.judge import Judge, Judges
from vader_rt.cli.exit_codes import exit_code
from vader_rt.errors import InputError
from vader_rt.io.files import whole_file


def ensemble(checkpoints: Sequence[Path], output: Path) -> None:
    """Write a Lightning checkpoint of `Judges`, with the settings of the last.

    checkpoints: of `Judge`, as many as `Judges.count`.

    Raises:
        InputError: one cannot be read, is of another network or of other planes.
        UsageError: the output cannot be written.
    """
    sizes = {_size_of_judge(path) for path in checkpoints}
    if len(sizes) > 1:
        raise InputError(f"{checkpoints[-1]}: is of another size than {checkpoints[0]}")
    parts = [read_checkpoint(path) for path in checkpoints]
    state = {
        f"model.judges.{index}.{name.removeprefix('model.')}": tensor
        for index, part in enumerate(parts)
        for name, tensor in part.state.items()
    }
    settings = {**parts[-1].settings, "network": "judges"}
    with whole_file(output) as partial:
        torch.save(
            {"state_dict": state, "hyper_parameters": settings, "epoch": parts[-1].epoch}, partial
        )


def _size_of_judge(path: Path) -> tuple[int, int]:
    network, contract = load_checkpoint(path)
    if not isinstance(network, Judge):
        raise InputError(f"{path}: is no judge; train one with train/configs/judge.yaml")
    return contract.size_wh


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m train.ensemble")
    parser.add_argument("checkpoints", type=Path, nargs=Judges.count, metavar="CKPT")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args(argv)

    def job() -> int:
        ensemble(args.checkpoints, args.output)
        return 0

    return exit_code("train.ensemble", job)


if __name__ == "__main__":
    sys.exit(main())
