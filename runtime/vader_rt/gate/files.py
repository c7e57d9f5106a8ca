"""Figures and verdicts as other programs read them: JSON, CSV and JUnit XML."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from vader_rt.gate.assertions import Verdict
from vader_rt.gate.metrics import FrameMetrics, Report, frame_metrics, pooled

Judged = tuple[Report, Sequence[Verdict]]
JSON_MARK, CSV_MARK = b'{\n "input": ', b"frame,seconds,"
JUNIT_MARK = b'<testsuites name="vader-rt"'
"""What such files have at their beginning: one that has not is none of ours."""


def as_json(report: Report, verdicts: Sequence[Verdict]) -> str:
    """Figures per frame and pooled, and the verdicts."""
    document = {
        "input": report["input"]["name"],
        "complete": report["complete"],
        "pooled": pooled(report),
        "assertions": [_said(verdict) for verdict in verdicts],
        "frames": [asdict(frame) for frame in frame_metrics(report)],
    }
    return json.dumps(document, indent=1) + "\n"


def as_csv(report: Report) -> str:
    """A line per frame."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [field.name for field in fields(FrameMetrics)]
    writer.writerow(names)
    for frame in frame_metrics(report):
        values = (getattr(frame, name) for name in names)
        writer.writerow(int(v) if isinstance(v, bool) else v for v in values)
    return text.getvalue()


def as_junit(results: Mapping[str, Judged]) -> str:
    """A test suite per result, by its name, and a test case per assertion.

    What failed as a warning has passed, and says so in its output.
    """
    from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

    document = JUnitXml("vader-rt")
    for name, (report, verdicts) in results.items():
        suite = TestSuite(_xml(name))
        suite.add_property("recording", _xml(report["input"]["name"]))
        for verdict in verdicts:
            case, warns = TestCase(_xml(verdict.assertion.text)), verdict.assertion.level == "warn"
            case.classname = suite.name
            if verdict.state != "passed" and warns:
                case.system_out = _xml(f"warning: {verdict}")
            elif verdict.state != "passed":
                kind = Failure if verdict.state == "failed" else Error
                case.result = [kind(_xml(str(verdict)), verdict.state)]
            suite.add_testcase(case)
        document.append(suite)
    document.update_statistics()
    text = io.BytesIO()
    document.write(text, pretty=True)
    return text.getvalue().decode()


def _said(verdict: Verdict) -> dict[str, Any]:
    asked = verdict.assertion
    return {
        "assertion": asked.text,
        "level": asked.level,
        "state": verdict.state,
        "value": verdict.value,
        "limit": asked.limit,
        "why": verdict.why or None,
    }


def _xml(text: str) -> str:
    """A text without what XML cannot hold, such as control characters."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
