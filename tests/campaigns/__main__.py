"""Faults on purpose: `python -m tests.campaigns [--kinds video model] --cases 1000 --keep DIR`.

Damages recordings, pictures, models and what they say of themselves, lists, assertions and results,
sends signals, and runs the program on each. None may end in a traceback, hang, leave half a result,
or end without saying why in one line. What broke a rule is kept, and its seed and index make the
same case again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.campaigns.cases import KINDS, Material
from tests.campaigns.run import TO_OUT, Outcome, faults_of, run


def main() -> int:
    """Run the cases and say how many broke a rule: the exit code is 1 if any did."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.campaigns")
    add = parser.add_argument
    add("--kinds", nargs="+", choices=tuple(KINDS), default=list(KINDS))
    add("--cases", type=int, default=10, help="of each kind (default 10)")
    add("--start", type=int, default=0, help="index of the first (default 0)")
    add("--seed", type=int, default=0)
    add("--keep", type=Path, help="folder for what broke a rule")
    args = parser.parse_args()
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        material = Material(Path(folder) / "whole")
        for kind in args.kinds:
            codes: dict[str, int] = {}
            for index in range(args.start, args.start + args.cases):
                place = Path(folder) / f"{kind}-{args.seed}-{index}"
                outcome, faults = _case(kind, material, place, [args.seed, index])
                codes[str(outcome.code)] = codes.get(str(outcome.code), 0) + 1
                if faults:
                    broken += 1
                    print(
                        f"{place.name}: {'; '.join(faults)}\n{outcome.stderr[-2000:]}", flush=True
                    )
                    if args.keep:
                        shutil.copytree(place, args.keep / place.name, dirs_exist_ok=True)
                shutil.rmtree(place)
            print(f"{kind}: {args.cases} cases, exit codes {codes}", flush=True)
    print(f"{broken} broke a rule")
    return int(broken > 0)


def _case(kind: str, material: Material, place: Path, seed: list[int]) -> tuple[Outcome, list[str]]:
    place.mkdir()
    case = KINDS[kind](material, place, np.random.default_rng(seed))
    before = {path.name for path in place.iterdir()}
    words = [*case.arguments, *(TO_OUT if case.recovers else ())]
    outcome = run(words, place, case.kill, case.stdin)
    may_end = {"codes": case.codes, "recovers": case.recovers}
    return outcome, faults_of(outcome, before | set(case.writes), case.frames, **may_end)


if __name__ == "__main__":
    sys.exit(main())
