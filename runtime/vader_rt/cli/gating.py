"""The options of a gate, and how it ends, for commands that hold results against assertions."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vader_rt.cli.exit_codes import EXIT_GATE_EXCEEDED, EXIT_GATE_UNDECIDED
from vader_rt.cli.streams import tell
from vader_rt.errors import UsageError, writing

if TYPE_CHECKING:
    from vader_rt.gate.assertions import Assertion, Verdict
    from vader_rt.gate.files import Judged
    from vader_rt.gate.metrics import Report

EXIT_CODES = "6 an assertion failed; 7 one is not decided, as not all was read"


def add_gate_options(parser: argparse.ArgumentParser) -> None:
    """What every command understands that holds results against assertions."""
    add = parser.add_argument
    add(
        "--assert",
        dest="assertions",
        action="append",
        default=[],
        metavar="EXPR",
        help="demand something of the result, such as 'leak.mean<0.5%%' or 'unmasked.frames==0'; "
        "may be given several times",
    )
    add("--warn", action="append", default=[], metavar="EXPR", help="the same, but only warn")
    add(
        "--assert-file",
        type=Path,
        action="append",
        default=[],
        metavar="TOML",
        help="a file with lists of them: error = ['leak.mean<0.5%%'], warn = ['shown<1%%']",
    )
    add(
        "--metrics",
        type=Path,
        metavar="FILE",
        help="write the figures per frame, and pooled, to a .json or .csv file",
    )
    add("--junit", type=Path, metavar="FILE", help="write the verdicts as JUnit XML")


@dataclass(frozen=True)
class Gate:
    """What is demanded, and where figures and verdicts are written."""

    assertions: Sequence[Assertion]
    metrics: Path | None
    junit: Path | None

    @classmethod
    def of(cls, args: argparse.Namespace) -> Gate:
        """What the options of a command line ask for.

        Raises:
            InputError, UsageError: they make no sense.
        """
        from vader_rt.gate.assertions import LEVELS, Assertion, read_assertions

        asked = [demand for path in args.assert_file for demand in read_assertions(path)]
        for level, texts in zip(LEVELS, (args.assertions, args.warn), strict=True):
            asked += [Assertion.parse(text, level) for text in texts]
        if args.metrics is not None and args.metrics.suffix.lower() not in (".json", ".csv"):
            raise UsageError(f"{args.metrics}: --metrics writes a .json or a .csv file")
        return cls(asked, args.metrics, args.junit)

    def begin(self) -> None:
        """Make sure that files can be written, and remove those of an earlier time.

        So whatever comes between, no verdict of that time is taken for one of now.

        Raises:
            UsageError: a file cannot be written, or is something else.
        """
        from vader_rt.gate.files import CSV_MARK, JSON_MARK, JUNIT_MARK
        from vader_rt.io.files import check_place

        if self.metrics is not None:
            check_place(self.metrics, "file of metrics", CSV_MARK if self._is_csv else JSON_MARK)
        if self.junit is not None:
            check_place(self.junit, "JUnit file of vader-rt", JUNIT_MARK)
        for path in (self.metrics, self.junit):
            if path is not None:
                with writing(path):
                    path.unlink(missing_ok=True)

    def conclude(self, reports: Mapping[str, Report]) -> int:
        """Judge results, by name, tell what did not pass, write what is to be written.

        Returns the exit code, 0 if all errors passed.

        Raises:
            UsageError: a file cannot be written.
        """
        from vader_rt.gate.assertions import judge

        results = {
            name: (report, judge(self.assertions, report)) for name, report in reports.items()
        }
        for name, (_, verdicts) in results.items():
            _tell(f"{name}: " if len(results) > 1 else "", verdicts)
        self._write(results)
        errors = [v for _, found in results.values() for v in found if v.assertion.level == "error"]
        states = {verdict.state for verdict in errors}
        if "failed" in states:
            return EXIT_GATE_EXCEEDED
        return EXIT_GATE_UNDECIDED if "undecided" in states else 0

    @property
    def _is_csv(self) -> bool:
        return self.metrics is not None and self.metrics.suffix.lower() == ".csv"

    def _write(self, results: Mapping[str, Judged]) -> None:
        from vader_rt.gate.files import as_csv, as_json, as_junit
        from vader_rt.io.files import write_text

        if self.metrics is not None:
            if len(results) > 1:
                raise UsageError("--metrics writes the figures of one result; give one of them")
            ((report, verdicts),) = results.values()
            write_text(self.metrics, as_csv(report) if self._is_csv else as_json(report, verdicts))
        if self.junit is not None:
            write_text(self.junit, as_junit(results))


def _tell(name: str, verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        if verdict.state != "passed":
            tell(f"vader-rt: {_title(verdict)}: {name}{verdict}")


def _title(verdict: Verdict) -> str:
    if verdict.assertion.level == "warn":
        return "warning"
    return "failed" if verdict.state == "failed" else "not decided"
