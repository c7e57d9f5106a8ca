"""How recordings of several builds compare: figure by figure, with the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vader_rt.gate.metrics import METRICS, Report, pooled

Change = Literal["same", "better", "worse", "unknown"]


@dataclass(frozen=True)
class Row:
    """A figure of several results; the first is what others are compared with.

    changes: of the others, in order; `unknown` if either does not say.
    """

    metric: str
    values: Sequence[float | None]
    changes: Sequence[Change]


def compare(reports: Sequence[Report], tolerance: float) -> list[Row]:
    """Compare results; every figure that grew means that more leaks.

    tolerance: by what share of the first a figure may differ and still be the same; of frames that
    show the camera's picture any difference counts.
    """
    figures = [pooled(report) for report in reports]
    return [_row(name, figures, tolerance) for name in METRICS]


def differences(first: Report, other: Report) -> list[str]:
    """What makes two results no two of one recording and one way of recovery, in words."""
    found = [
        what
        for what, key in (("frames", "frames"), ("size", "size_wh"))
        if first["input"].get(key) != other["input"].get(key)
    ]
    made = ("models", "options", "engine")
    return found + [what for what in made if first.get(what) != other.get(what)]


def is_worse(rows: Sequence[Row]) -> bool:
    """Whether anything is worse than in the first."""
    return any("worse" in row.changes for row in rows)


def table(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The comparison as text: a line per figure that any of the results says."""
    said = [row for row in rows if any(value is not None for value in row.values)]
    lines = [["", *names], *([row.metric, *_cells(row)] for row in said)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _row(name: str, figures: Sequence[Mapping[str, float | None]], tolerance: float) -> Row:
    values = [figure[name] for figure in figures]
    allowed = tolerance if METRICS[name].unit == "share" else 0.0
    return Row(name, values, [_change(values[0], value, allowed) for value in values[1:]])


def _change(first: float | None, other: float | None, tolerance: float) -> Change:
    if first is None or other is None:
        return "unknown"
    if abs(other - first) <= tolerance * abs(first):
        return "same"
    return "worse" if other > first else "better"


def _cells(row: Row) -> list[str]:
    about = METRICS[row.metric]
    said = ["-" if value is None else about.said(value) for value in row.values]
    marks = ["", *(f" {change}" if change in ("better", "worse") else "" for change in row.changes)]
    return [value + mark for value, mark in zip(said, marks, strict=True)]
