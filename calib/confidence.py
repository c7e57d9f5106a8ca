"""Fit what confidence means: `python -m calib.confidence CALLS [--model M] [--restoration R]`.

A logistic regression from what is known of a pixel (`vader_rt.room.confidence`) to whether it is
right, over the seen pixels of calls with truth. Each call is run twice, the second time with its
true virtual image given, for the weights hold for both; a call whose image is refused counts once.
Prints the weights of the frame model, or of the one that `--of` names, and how often pixels of each
confidence were right; `--write` puts the weights into the model's contract.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from train.calls import Call, read_calls
from train.reliability import reliability, seen_pixels
from vader_rt.cli.exit_codes import exit_code
from vader_rt.contract import AS_THE_NETWORK_SAYS, METADATA_KEY
from vader_rt.engines.engine import Engine
from vader_rt.engines.load import load_engine
from vader_rt.engines.onnx import read_contract
from vader_rt.errors import InputError
from vader_rt.io.files import whole_file
from vader_rt.models import DEFAULT_JUDGE, DEFAULT_MODEL, DEFAULT_RESTORATION
from vader_rt.pipeline.api import reconstruct
from vader_rt.room.confidence import logistic, restored_terms, voted_terms

_SHRINKAGE = 0.01
"""Weight of the squares of shrunk weights, beside the loss of a pixel, of about 0.2."""


def terms_of_call(
    call: Call, rng: np.random.Generator, *, given: bool = False, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Terms (N, K) and rightness (N,) bool of seen pixels of one call.

    given: hand over the true virtual image. options: of `vader_rt.reconstruct`; the
    terms are those of what was restored, unless `restore` is false.
    """
    virtual = call.virtual if given else None
    result = reconstruct(call.video, virtual_background=virtual, **options)
    drawn, right = seen_pixels(result, call.read_room(), rng)
    assert result.voted is not None
    voted, hidden = result.voted, result.virtual_background.hidden
    if options.get("restore", True):
        terms = restored_terms(result.confidence, voted, hidden)
    else:
        terms = voted_terms(voted, hidden)
    return terms.reshape(-1, terms.shape[-1])[drawn], right


def fit(terms: np.ndarray, right: np.ndarray, shrunk: int = 0) -> list[float]:
    """Logistic regression of `right` (N,) on `terms` (N, K), by L-BFGS.

    shrunk: how many of the last weights are kept small, for there are few calls to tell them from.
    """
    x, y = torch.from_numpy(terms).double(), torch.from_numpy(right).double()
    weights = torch.zeros(terms.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(x @ weights, y)
        value = value + _SHRINKAGE * (weights[len(weights) - shrunk :] ** 2).sum()
        value.backward()
        return value

    optimizer.step(loss)
    return [round(w, 4) for w in weights.tolist()]


def change_contract(path: Path, **changes: Any) -> None:
    """Set entries of the contract in a model's file, and leave the network as it is.

    Raises:
        InputError: it carries no contract. UsageError: it cannot be written.
    """
    contract = replace(read_contract(path), **changes)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    with whole_file(path) as partial:
        onnx.save(model, partial)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m calib.confidence")
    add = parser.add_argument
    add("calls", type=Path, help="calls that the models were not trained on")
    add("--model", type=Path, default=DEFAULT_MODEL, help="default: %(default)s")
    add("--restoration", type=Path, default=DEFAULT_RESTORATION, help="default: %(default)s")
    add("--judge", type=Path, default=DEFAULT_JUDGE, help="default: %(default)s")
    add(
        "--of",
        choices=("model", "restoration", "judge"),
        default="model",
        help="which to calibrate",
    )
    add("--write", action="store_true", help="write the weights into the model's contract")
    args = parser.parse_args(argv)
    return exit_code("calib.confidence", lambda: _calibrate(args))


def _calibrate(args: argparse.Namespace) -> int:
    options: dict[str, Any] = {"model": load_engine(args.model)}
    if args.of == "model":
        options["restore"] = False
    else:
        options["restoration"] = _as_the_network_says(load_engine(args.restoration))
    if args.of == "judge":
        options["judge"] = _as_the_network_says(load_engine(args.judge))
    terms, right = (np.concatenate(parts) for parts in zip(*_terms(args, options), strict=True))
    # the first two terms are a constant and the network's own word; the vote adds to it
    weights = fit(terms, right, shrunk=0 if args.of == "model" else terms.shape[1] - 2)
    if args.write:
        change_contract(getattr(args, args.of), confidence=tuple(weights))
    print("--confidence", *weights)
    print(reliability(logistic(terms, weights), right))
    return 0


def _terms(
    args: argparse.Namespace, options: dict[str, Any]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    for call in read_calls(args.calls):
        yield terms_of_call(call, rng, **options)
        if call.virtual.is_file():
            try:
                found = terms_of_call(call, rng, given=True, **options)
            except InputError as error:
                print(f"{error}; only its run without it counts", file=sys.stderr)
            else:
                yield found


def _as_the_network_says(engine: Engine) -> Engine:
    """A restoration model or judge whose confidence is what its network says."""
    engine.contract = replace(engine.contract, confidence=AS_THE_NETWORK_SAYS)
    return engine


if __name__ == "__main__":
    sys.exit(main())
