"""`vader-rt doctor`: check this installation."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.streams import give, note, printable
from vader_rt.cli.values import add_machine_options, count
from vader_rt.errors import EngineError

HELP = "check this installation: what is here, what runs, whether it is right"
INTERRUPTED = "interrupted"
EPILOG = "exit codes: 0 all is well, or was skipped for a reason; 4 a check failed."


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command understands."""
    add = parser.add_argument
    add("--json", action="store_true", help="print the report as JSON to stdout")
    add(
        "--model",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="copies of the package's models in another precision, or engines of them",
    )
    add("--frames", type=count, default=100, metavar="N", help="per round (default: %(default)s)")
    add_machine_options(parser)


def job(args: argparse.Namespace, interrupts: Interrupts) -> int:
    """Check, and return the exit code."""
    with interrupts.held():
        from vader_rt.doctor.checks import Check, examine
        from vader_rt.io.cpus import threads_for

    checks: list[Check] = []
    for check in examine(
        models=args.model,
        frames=max(args.frames, 2),
        threads=args.threads and threads_for(args.threads),
        device_memory=args.device_memory,
    ):
        interrupts.check()  # a check takes any error for its result
        checks.append(check)
        line = printable(f"{check.state:8} {check.name:27} {check.detail}")
        (note if args.json else give)(line)
    failed = [check.name for check in checks if check.state == "failed"]
    if args.json:
        report = {"ok": not failed, "failed": failed, "checks": [asdict(c) for c in checks]}
        give(json.dumps(report))
    else:
        give(f"\nfailed: {', '.join(failed)}" if failed else "\nall is well")
    return EngineError.exit_code if failed else 0
