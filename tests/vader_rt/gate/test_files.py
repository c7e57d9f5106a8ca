"""Figures and verdicts as other programs read them."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree

from tests.vader_rt.conftest import Report
from vader_rt.gate.assertions import Assertion, judge
from vader_rt.gate.files import as_csv, as_json, as_junit

ASSERTIONS = [
    Assertion.parse("claimed<=1"),
    Assertion.parse("claimed>1"),
    Assertion.parse("score.challenge<1"),
    Assertion.parse("claimed>1", "warn"),
]


def test_json_has_frames_and_pools(report: Report) -> None:
    document = json.loads(as_json(report, judge(ASSERTIONS, report)))
    assert len(document["frames"]) == len(report["leak_timeline"])
    assert document["frames"][3]["leak"] == report["leak_timeline"][3]
    assert document["pooled"]["claimed"] == report["coverage"]
    states = [said["state"] for said in document["assertions"]]
    assert states == ["passed", "failed", "undecided", "failed"]


def test_csv_has_a_line_per_frame(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(report))))
    assert [float(row["leak"]) for row in rows] == report["leak_timeline"]
    assert {row["unmasked"] for row in rows} == {"0"}
    assert sum(int(row["inferred"]) for row in rows) == len(report["inferred_frames"])


def test_junit_fails_what_failed_and_only_warns_of_warnings(report: Report) -> None:
    report["input"]["name"] = "a\x1b<b>&.mp4"
    document = ElementTree.fromstring(as_junit({"build-1": (report, judge(ASSERTIONS, report))}))
    (suite,) = document
    properties, *cases = suite
    assert suite.attrib["name"] == "build-1"
    assert properties[0].attrib == {"name": "recording", "value": "a\ufffd<b>&.mp4"}
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors")}
    assert counts == {"tests": 4, "failures": 1, "errors": 1}
    passed, failed, undecided, warned = cases
    assert not list(passed)
    assert "ought to be > 100 %" in failed[0].attrib["message"]
    assert "that needs --truth and --mask" in undecided[0].attrib["message"]
    assert [child.tag for child in warned] == ["system-out"]
    assert (warned[0].text or "").startswith("warning: claimed is ")
