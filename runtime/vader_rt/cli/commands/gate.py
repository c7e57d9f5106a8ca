"""`vader-rt gate RESULT …`: hold results that were saved against assertions."""

from __future__ import annotations

import argparse
from pathlib import Path

from vader_rt.cli.gating import EXIT_CODES, Gate, add_gate_options
from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.streams import give, printable
from vader_rt.errors import UsageError

HELP = "hold results against assertions, such as 'leak.mean<0.5%%'"
INTERRUPTED = "interrupted"
EPILOG = f"""\
examples:
  vader-rt gate call.vader                                   print all figures
  vader-rt gate call.vader --assert 'unmasked.frames==0' --assert 'claimed<1%'
  vader-rt gate *.vader --assert-file gate.toml --junit gate.xml

exit codes: 0 all passed; 2 usage; 3 no result; {EXIT_CODES}.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command understands."""
    parser.add_argument(
        "results", nargs="+", type=Path, metavar="RESULT", help="folder of a result, or result.json"
    )
    add_gate_options(parser)


def job(args: argparse.Namespace, interrupts: Interrupts) -> int:
    """Judge the results, and return the exit code."""
    with interrupts.held():
        from vader_rt.gate.metrics import METRICS, pooled
        from vader_rt.gate.results import read_report
    gate = Gate.of(args)
    if args.metrics is not None and len(args.results) > 1:
        raise UsageError("--metrics writes the figures of one result; give one")
    reports = [read_report(path) for path in args.results]
    if not gate.assertions:
        for path, report in zip(args.results, reports, strict=True):
            give(printable(str(path)))
            for name, value in pooled(report).items():
                said = "-" if value is None else METRICS[name].said(value)
                give(f"  {name:20} {said:>12}  {METRICS[name].about}")
    code = gate.conclude(reports)
    if code == 0 and gate.assertions:
        count = len(reports)
        give(f"passed: {count} result{'s' * (count > 1)}, {len(gate.assertions)} assertions")
    return code
