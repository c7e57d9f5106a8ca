"""`vader-rt gate RESULT …`: hold results that were saved against assertions."""

from __future__ import annotations

import argparse
from pathlib import Path

from vader_rt.cli.gating import EXIT_CODES, Gate, add_gate_options
from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.streams import give, printable, tell
from vader_rt.cli.written import check_written
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
        from vader_rt.gate.assertions import unread
        from vader_rt.gate.metrics import METRICS, pooled
        from vader_rt.gate.results import read_report
    gate = Gate.of(args)
    if args.metrics is not None and len(args.results) > 1:
        raise UsageError("--metrics writes the figures of one result; give one")
    written = {"--metrics": args.metrics, "--junit": args.junit}
    folders = [path for path in args.results if path.is_dir()]
    check_written(written, inputs=[*args.assert_file, *args.results], results=folders)
    gate.begin()
    reports = {str(path): read_report(path) for path in args.results}
    if all(assertion.level == "warn" for assertion in gate.assertions):
        for path, report in reports.items():  # else the verdicts say it
            if (lacks := unread(report)) is not None:
                tell(f"vader-rt: note: {path}: {lacks}")
    if not gate.assertions:
        for path, report in reports.items():
            give(printable(path))
            for name, value in pooled(report).items():
                said = "-" if value is None else METRICS[name].said(value)
                give(f"  {name:20} {said:>12}  {METRICS[name].about}")
    code = gate.conclude(reports)
    if code == 0 and gate.assertions:
        give(f"passed: {_counted(len(reports), 'result')}, {_demands(gate, len(reports))}")
    return code


def _demands(gate: Gate, results: int) -> str:
    said = _counted(len(gate.assertions), "assertion")
    return f"{said} each" if results > 1 else said


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
