"""How far a claim can be believed: `python -m calib.claims CALLS [--risk 0.2] [--delta 0.1]`.

The loss of a call, at a threshold of the confidence, is the share of the pixels claimed there that
are not right, 0 where nothing is claimed. `Learn then Test` (Angelopoulos, Bates, Candès, Jordan,
Lei, 2021) tells from which threshold on its mean over calls stays below `--risk`, but for a chance
of `--delta`: from the highest down, each threshold is tested by the bound of Hoeffding and Bentkus,
until one fails. It holds for calls drawn as these were, and counts each of them as independent of
the others; of calls with the same people or rooms it says too much.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

from train.calls import Call, read_calls
from train.trust import SeenPixels
from vader_rt.cli.exit_codes import exit_code
from vader_rt.engines.load import load_engine
from vader_rt.models import DEFAULT_JUDGE, DEFAULT_MODEL, DEFAULT_RESTORATION
from vader_rt.pipeline.api import reconstruct

THRESHOLDS = np.arange(95, 20, -5) / 100
"""From the highest down, as they are tested."""
_STEPS = 1000


def losses(calls: Sequence[SeenPixels]) -> np.ndarray:
    """Of each threshold and call, the share of what is claimed that is wrong: (T, N) float64."""
    return np.array([[_wrong_share(call, t) for call in calls] for t in THRESHOLDS])


def _wrong_share(call: SeenPixels, threshold: float) -> float:
    claimed = call.confidence >= threshold
    return float(np.mean(~call.right[claimed])) if claimed.any() else 0.0


def p_value(mean: float, count: int, risk: float) -> float:
    """How likely a mean of `count` losses in [0, 1] is this low though their risk is above `risk`.

    Hoeffding–Bentkus: Bates et al., Distribution-Free, Risk-Controlling Prediction Sets, 2021.
    """
    low = min(mean, risk)
    divergence = _x_log(low, low / risk) + _x_log(1 - low, (1 - low) / (1 - risk))
    hoeffding = np.exp(-count * divergence)
    bentkus = np.e * binom.cdf(np.ceil(count * mean - 1e-9), count, risk)
    return float(min(hoeffding, bentkus, 1.0))


def _x_log(x: float, y: float) -> float:
    return float(x * np.log(y)) if x > 0 else 0.0


def bound(mean: float, count: int, delta: float) -> float:
    """The risk that losses of this mean stay below, but for a chance of `delta`."""
    risks = np.arange(1, _STEPS) / _STEPS
    return float(next((r for r in risks if p_value(mean, count, r) <= delta), 1.0))


def safe_threshold(losses: np.ndarray, risk: float, delta: float) -> float | None:
    """The lowest of `THRESHOLDS` at which, and above which, the risk is controlled; or None."""
    found = None
    for threshold, row in zip(THRESHOLDS, losses, strict=True):
        if p_value(float(row.mean()), len(row), risk) > delta:
            break
        found = float(threshold)
    return found


def table(calls: Sequence[SeenPixels], found: np.ndarray, delta: float) -> str:
    """What is claimed at each threshold, and how far it can be believed."""
    confidence = np.concatenate([call.confidence for call in calls])
    right = np.concatenate([call.right for call in calls])
    lines = [f"{'threshold':>9} {'calls':>6} {'right':>6} {'loss':>6} {'bound':>6}"]
    for threshold, row in zip(THRESHOLDS, found, strict=True):
        claimed = confidence >= threshold
        share = f"{right[claimed].mean():6.3f}" if claimed.any() else f"{'–':>6}"
        some = sum(bool((call.confidence >= threshold).any()) for call in calls)
        limit = bound(float(row.mean()), len(row), delta)
        lines.append(f"{threshold:9.2f} {some:6d} {share} {row.mean():6.3f} {limit:6.3f}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m calib.claims")
    add = parser.add_argument
    add("calls", type=Path, nargs="+", help="folders of calls that the models do not know")
    add("--model", type=Path, default=DEFAULT_MODEL, help="default: %(default)s")
    add("--restoration", type=Path, default=DEFAULT_RESTORATION, help="default: %(default)s")
    add("--judge", type=Path, default=DEFAULT_JUDGE, help="default: %(default)s")
    add("--risk", type=_share, default=0.2, help="wrong share of what a call claims (default 0.2)")
    add("--delta", type=_share, default=0.1, help="chance that it is more (default 0.1)")
    args = parser.parse_args(argv)
    return exit_code("calib.claims", lambda: _report(args))


def _report(args: argparse.Namespace) -> int:
    options = {name: load_engine(getattr(args, name)) for name in ("model", "restoration", "judge")}
    calls = [call for folder in args.calls for call in read_calls(folder)]
    seen = [_seen(call, options) for call in calls]
    found = losses(seen)
    print(table(seen, found, args.delta))
    threshold = safe_threshold(found, args.risk, args.delta)
    with_chance = f"with a probability of {1 - args.delta:.2f}, of {len(calls)} calls"
    if threshold is None:
        print(f"no threshold keeps the risk below {args.risk} {with_chance}")
    else:
        print(f"from {threshold:.2f} on the risk is below {args.risk} {with_chance}")
    return 0


def _seen(call: Call, options: dict[str, Any]) -> SeenPixels:
    result = reconstruct(call.video, **options)
    return SeenPixels.of(result, call.read_room(), call.read_mask())


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
