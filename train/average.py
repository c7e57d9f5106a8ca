"""The mean of two trainings: `python -m train.average A.ckpt B.ckpt -o MEAN.ckpt`.

Where one training went on from the other, the mean of their weights can be a compromise between
what they are good at, at no cost to the network (Wortsman et al., Model soups, 2022). It need not
be: measure it. Running statistics of normalisations are averaged like weights.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from train.checkpoint import load_checkpoint, read_checkpoint
from vader_rt.cli.exit_codes import exit_code
from vader_rt.errors import InputError
from vader_rt.io.files import whole_file


def average(first: Path, second: Path, output: Path) -> None:
    """Write the mean of two Lightning checkpoints of one network, with the second's settings.

    Raises:
        InputError: one cannot be read, or they are not of one network with the same inputs.
        UsageError: the output cannot be written.
    """
    contracts = [load_checkpoint(path)[1] for path in (first, second)]
    checkpoints = [read_checkpoint(path) for path in (first, second)]
    shapes = [{name: tensor.shape for name, tensor in c.state.items()} for c in checkpoints]
    if shapes[0] != shapes[1] or contracts[0].inputs != contracts[1].inputs:
        raise InputError(f"{second}: is not the network of {first}, with the same inputs")
    (state, _, _), (other, settings, epoch) = checkpoints
    mean = {
        name: torch.lerp(state[name], tensor, 0.5) if tensor.is_floating_point() else tensor
        for name, tensor in other.items()
    }
    with whole_file(output) as partial:
        torch.save({"state_dict": mean, "hyper_parameters": settings, "epoch": epoch}, partial)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m train.average")
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path, help="its settings are kept")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args(argv)

    def job() -> int:
        average(args.first, args.second, args.output)
        return 0

    return exit_code("train.average", job)


if __name__ == "__main__":
    sys.exit(main())
