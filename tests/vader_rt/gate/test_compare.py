"""Builds side by side."""

from __future__ import annotations

import copy

from tests.vader_rt.conftest import Report
from vader_rt.gate.compare import compare, is_worse, table


def changed(report: Report, **entries: object) -> Report:
    return {**copy.deepcopy(report), **entries}


def test_a_result_is_as_good_as_itself(report: Report) -> None:
    rows = compare([report, report], 0)
    assert not is_worse(rows)
    assert {change for row in rows for change in row.changes} == {"same", "unknown"}


def test_more_is_worse_and_less_is_better(report: Report) -> None:
    first, less, more = (changed(report, coverage=share) for share in (0.1, 0.05, 0.2))
    row = next(row for row in compare([first, less, more], 0.05) if row.metric == "claimed")
    assert row.changes == ["better", "worse"]


def test_tolerance_is_for_shares_and_not_for_unmasked_frames(report: Report) -> None:
    first, other = changed(report, coverage=0.1), changed(report, coverage=0.104)
    assert not is_worse(compare([first, other], 0.05))
    assert is_worse(compare([first, other], 0.03))
    bare = changed(first, unmasked={**report["unmasked"], "frames": 1})
    assert is_worse(compare([first, bare], 1))


def test_the_table_says_what_is_known(report: Report) -> None:
    first, more = changed(report, coverage=0.1), changed(report, coverage=0.2)
    text = table(compare([first, more], 0.05), ["a.vader", "b.vader"])
    lines = text.split("\n")
    assert lines[0].split() == ["a.vader", "b.vader"]
    assert "claimed             10 %     20 % worse" in lines
    assert "score" not in text
