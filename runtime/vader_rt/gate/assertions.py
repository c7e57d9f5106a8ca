"""What is demanded of a recording: `leak.mean < 0.5%`, and whether it holds."""

from __future__ import annotations

import difflib
import operator
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vader_rt.errors import InputError, UsageError
from vader_rt.gate.metrics import METRICS, Metric, Report
from vader_rt.io.files import read_bytes

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Level = Literal["error", "warn"]
State = Literal["passed", "failed", "undecided"]
LEVELS: tuple[Level, ...] = ("error", "warn")
_OPERATORS = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_GRAMMAR = re.compile(r"\s*([a-z0-9._]+)\s*(<=|>=|==|!=|<|>)\s*([0-9.eE+-]+)\s*(%?)\s*")


@dataclass(frozen=True)
class Assertion:
    """A demand. text: as it was given; limit: in the unit of the metric, shares from 0 to 1."""

    text: str
    metric: str
    compare: str
    limit: float
    level: Level = "error"

    @classmethod
    def parse(cls, text: str, level: Level = "error") -> Assertion:
        """Read `METRIC OPERATOR NUMBER[%]`.

        Raises:
            UsageError: it is none, or there is no such metric.
        """
        found = _GRAMMAR.fullmatch(text)
        limit = _number(found[3]) if found else None
        if found is None or limit is None:
            raise UsageError(
                f"{text!r} is no assertion; write for example 'leak.mean<0.5%', one of "
                f"{' '.join(_OPERATORS)} between a metric and a number"
            )
        name, percent = found[1], bool(found[4])
        if name not in METRICS:
            close = difflib.get_close_matches(name, METRICS, 1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(METRICS)}"
            raise UsageError(f"{text!r}: there is no metric {name}; {hint}")
        if percent and METRICS[name].unit != "share":
            raise UsageError(f"{text!r}: {name} is a number of {METRICS[name].unit}, no share")
        limit = limit / 100 if percent else limit
        cls._check_limit(text, METRICS[name], limit)
        return cls(text.strip(), name, found[2], limit, level)

    @staticmethod
    def _check_limit(text: str, metric: Metric, limit: float) -> None:
        """Refuse what would always hold, or never.

        Raises:
            UsageError: no value of the metric can be on both sides of the limit.
        """
        most = 1 if metric.unit == "share" else sys.float_info.max
        if not 0 <= limit <= most:
            hint = f"; did you mean {limit:g}%?" if 1 < limit <= 100 and most == 1 else ""
            what = "a share, from 0 to 1 or 100%" if most == 1 else f"a number of {metric.unit}"
            raise UsageError(f"{text!r}: {limit:g} is not {what}{hint}")

    @property
    def about(self) -> Metric:
        """The figure that it is about."""
        return METRICS[self.metric]

    def holds(self, value: float) -> bool:
        """Whether a value is as demanded."""
        return bool(_OPERATORS[self.compare](value, self.limit))


@dataclass(frozen=True)
class Verdict:
    """An assertion on a result.

    value: None if the result does not say. why: of what is undecided.
    """

    assertion: Assertion
    value: float | None
    state: State
    why: str = ""

    def __str__(self) -> str:
        asked = self.assertion
        value = "unknown" if self.value is None else asked.about.said(self.value)
        limit = asked.about.said(asked.limit)
        if value == limit and self.value != asked.limit:  # they differ where words do not
            value, limit = f"{self.value:.10g}", f"{asked.limit:.10g}"
        reason = f" ({self.why})" if self.why else ""
        return f"{asked.metric} is {value}, and ought to be {asked.compare} {limit}{reason}"


def read_assertions(path: Path) -> list[Assertion]:
    """Read a TOML file with lists of assertions: `error = ["leak.mean < 0.5%"]`, and `warn`.

    Raises:
        InputError: it cannot be read. UsageError: it holds something else, or none.
    """
    data = read_bytes(path, "a TOML file with assertions")
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: is no TOML file ({error})") from None
    unknown = set(document) - set(LEVELS)
    if unknown or not any(document.values()):
        what = f"{sorted(unknown)[0]!r} is neither" if unknown else "holds neither"
        raise UsageError(f"{path}: {what} `error` nor `warn`, the lists of assertions")
    return [assertion for level in LEVELS for assertion in _of_level(path, document, level)]


def judge(assertions: Iterable[Assertion], report: Report) -> list[Verdict]:
    """Hold a result against assertions.

    What was not read of a recording could have broken any of them: it passes none.
    """
    lacks = unread(report)
    return [_verdict(assertion, report, lacks) for assertion in assertions]


def _verdict(assertion: Assertion, report: Report, unread: str | None) -> Verdict:
    value = assertion.about.of(report)
    if value is None:
        return Verdict(assertion, None, "undecided", f"that needs {assertion.about.needs}")
    if not assertion.holds(value):
        return Verdict(assertion, value, "failed")
    if unread is not None:
        return Verdict(assertion, value, "undecided", unread)
    return Verdict(assertion, value, "passed")


def unread(report: Report) -> str | None:
    """Why not all of a recording was taken in; None if all was."""
    if report["complete"]:
        return None
    if report["input"]["damaged"]:
        return f"the input is damaged: {next(iter(report['warnings']), 'see its warnings')}"
    return "the work was ended early"


def _of_level(path: Path, document: dict[str, Any], level: Level) -> list[Assertion]:
    listed = document.get(level, [])
    if not (isinstance(listed, list) and all(isinstance(text, str) for text in listed)):
        raise UsageError(f"{path}: `{level}` is no list of texts such as 'leak.mean < 0.5%'")
    try:
        return [Assertion.parse(text, level) for text in listed]
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
