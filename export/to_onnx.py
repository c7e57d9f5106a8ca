"""Checkpoint → self-describing ONNX: `python -m export.to_onnx CKPT [-o MODEL.onnx]`.

The seed's own checkpoints export too; `vader-rt --model` then runs the seed's algorithm with them.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from train.checkpoint import load_checkpoint
from vader_rt.cli.exit_codes import exit_code
from vader_rt.contract import METADATA_KEY, Contract
from vader_rt.doctor.tolerance import TOLERANCES
from vader_rt.engines.engine import Engine, accepted
from vader_rt.engines.onnx import load_onnx
from vader_rt.errors import ParityError
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.files import whole_file
from vader_rt.pipeline.scan import network_inputs

OPSET = 17
TOLERANCE = TOLERANCES["fp32"].largest
"""Largest difference between torch and ONNX Runtime."""


class _PlanesToOutputs(nn.Module):
    """Gives every output of a network a tensor of its own, as the contract names them."""

    def __init__(self, network: nn.Module, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self.planes = [3 if name == "room" else 1 for name in outputs]

    def forward(self, planes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.split(self.network(planes), self.planes, dim=1)


class TorchEngine:
    """A network in torch, as an engine: the reference for all others."""

    name = "torch"

    def __init__(self, network: nn.Module, contract: Contract) -> None:
        self.contract = contract
        self._network = _PlanesToOutputs(network, contract.outputs).eval()

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        """See `vader_rt.engines.engine.Engine.run`."""
        with torch.inference_mode():
            found = [o.numpy() for o in self._network(torch.from_numpy(planes))]
            return accepted(found, self.contract.output_shapes, check_values=False)


def to_onnx(
    checkpoint: str | Path,
    output: str | Path,
    *,
    calls: list[Path] | None = None,
    **changes: Any,
) -> Path:
    """Export a checkpoint and check it against torch on random and, given `calls`, real frames.

    changes: entries of the contract to set, for example `confidence`.

    Raises:
        InputError: the checkpoint cannot be read. ParityError: ONNX Runtime does not agree with
            torch.
    """
    network, contract = load_checkpoint(checkpoint)
    contract = replace(contract, **changes)
    output = Path(output)
    with whole_file(output) as partial:
        onnx.save(_exported(network, contract), partial)
        engine, found = TorchEngine(network, contract), load_onnx(partial, "onnx-cpu")
        planes = sample_planes(partial, contract, calls or [])
        worst = np.max([_difference(engine, found, item) for item in planes])
        if not worst <= TOLERANCE:  # nor if it is no number
            raise ParityError(
                f"{checkpoint}: ONNX Runtime and torch differ by {worst:.2g} (> {TOLERANCE}); "
                "not exported"
            )
    return output


def _exported(network: nn.Module, contract: Contract) -> onnx.ModelProto:
    buffer = io.BytesIO()
    torch.onnx.export(
        _PlanesToOutputs(network, contract.outputs).eval(),
        (torch.zeros(contract.input_shape),),
        buffer,  # type: ignore[arg-type]  # documented for both exporters, annotated for neither
        opset_version=OPSET,
        input_names=["planes"],
        output_names=list(contract.outputs),
        dynamo=False,
    )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    onnx.checker.check_model(model, full_check=True)
    return model


def sample_planes(model: Path, contract: Contract, calls: list[Path]) -> Iterator[np.ndarray]:
    """Inputs to compare exports on: random planes and, for a frame model, those of `calls`."""
    rng = np.random.default_rng(0)
    yield rng.random(contract.input_shape, np.float32)
    for call in calls if contract.kind == "frame" else []:
        yield from network_inputs(call, load_onnx(model, "onnx-cpu"), Segmenter())


def _difference(reference: Engine, engine: Engine, planes: np.ndarray) -> float:
    pairs = zip(reference.run(planes), engine.run(planes), strict=True)
    return float(np.max([np.abs(a - b).max() for a, b in pairs]))


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m export.to_onnx")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("-o", "--output", type=Path, help="default: the checkpoint's name, .onnx")
    parser.add_argument("--check", type=Path, nargs="*", default=[], help="videos to check it on")
    parser.add_argument("--training", help="what the model was trained on, for its contract")
    parser.add_argument(
        "--confidence", type=float, nargs="+", help="as `calib.confidence` printed it"
    )
    args = parser.parse_args()
    changes = {"training": args.training, "confidence": args.confidence}
    changes = {name: value for name, value in changes.items() if value is not None}
    output = args.output or args.checkpoint.with_suffix(".onnx")

    def job() -> int:
        print(to_onnx(args.checkpoint, output, calls=args.check, **changes))
        return 0

    return exit_code("export.to_onnx", job)


if __name__ == "__main__":
    sys.exit(main())
