"""`vader-rt compare A B …`: the figures of several builds of a client, side by side."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from vader_rt.cli.exit_codes import EXIT_GATE_EXCEEDED, EXIT_GATE_UNDECIDED
from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.streams import give, printable, tell
from vader_rt.cli.values import share
from vader_rt.errors import UsageError

HELP = "compare results of several builds with the first of them"
INTERRUPTED = "interrupted"
EPILOG = """\
examples:
  vader-rt compare build-41.vader build-42.vader
  vader-rt compare old.vader new.vader --tolerance 0.1

exit codes: 0 no build is worse than the first; 2 usage; 3 no result; 6 one is worse; 7 that is not
decided, as not all of a recording was read.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command understands."""
    add = parser.add_argument
    add("results", nargs="+", type=Path, metavar="RESULT", help="folder of a result")
    add(
        "--tolerance",
        type=share,
        default=0.05,
        metavar="SHARE",
        help="by which a share may differ from the first's and be the same (default: %(default)s)",
    )
    add("--json", action="store_true", help="print the comparison as JSON")


def job(args: argparse.Namespace, interrupts: Interrupts) -> int:
    """Compare, and return the exit code."""
    with interrupts.held():
        from vader_rt.gate.compare import compare, differences, is_worse, table
        from vader_rt.gate.results import read_report
    if len(args.results) < 2:
        raise UsageError("compare wants two results or more")
    reports = [read_report(path) for path in args.results]
    rows, names = compare(reports, args.tolerance), [str(path) for path in args.results]
    if args.json:
        give(json.dumps({"results": names, "metrics": [asdict(row) for row in rows]}))
    else:
        give("\n".join(map(printable, table(rows, names).split("\n"))))
    unread = [n for n, report in zip(names, reports, strict=True) if not report["complete"]]
    for name in unread:
        tell(f"vader-rt: note: {name} is not of a whole recording")
    for name, report in zip(names[1:], reports[1:], strict=True):
        if differ := differences(reports[0], report):
            tell(f"vader-rt: note: {name} differs from {names[0]} in its {', '.join(differ)}")
    if is_worse(rows):
        tell("vader-rt: more leaks than in the first")
        return EXIT_GATE_EXCEEDED
    if unread:
        tell("vader-rt: not decided, as not all of a recording was read")
        return EXIT_GATE_UNDECIDED
    return 0
