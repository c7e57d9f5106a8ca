"""Results that were saved."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.vader_rt.conftest import Report
from vader_rt.errors import InputError
from vader_rt.gate.results import read_report


def test_a_folder_or_its_file(saved: Path) -> None:
    assert read_report(saved) == read_report(saved / "result.json")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("no", "is no JSON object"),
        ("[]", "is no JSON object"),
        ("[" * 100_000, "is no JSON object"),
        ('{"schema_version": NaN}', "is no JSON object"),
        ("{}", "has no version"),
        ('{"schema_version": 99}', "has version 99, not 1"),
        ('{"schema_version": 1}', "is damaged"),
    ],
)
def test_what_is_none(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(InputError, match=words):
        read_report(tmp_path)


def test_entries_of_other_types_are_damage(report: Report, tmp_path: Path) -> None:
    for entry in ("leak_timeline", "unmasked", "frame_times"):
        (tmp_path / "result.json").write_text(json.dumps({**report, entry: 3}))
        with pytest.raises(InputError, match="is damaged"):
            read_report(tmp_path)


@pytest.mark.parametrize("odd", ['"much"', "[]", "1e999", "{}", "-1", "1.5", "true"])
def test_figures_that_cannot_be_are_damage(odd: str, report: Report, tmp_path: Path) -> None:
    text = json.dumps({**report, "coverage": 12345})
    (tmp_path / "result.json").write_text(text.replace("12345", odd))
    with pytest.raises(InputError, match=r"is damaged \('coverage' is "):
        read_report(tmp_path)


@pytest.mark.parametrize(
    ("entry", "odd", "words"),
    [
        ("complete", "no", "'complete' is 'no', not true or false"),
        ("leak_timeline", [0.5], "'leak_timeline' has 1 entries for 20 frames"),
        ("leak_timeline", [-0.5] * 20, "'leak' is -0.5, not a number between 0 and 1"),
        ("warnings", [3], "a warning is 3"),
        ("unmasked", {"intervals": []}, "'frames' is missing"),
        ("inferred_frames", ["a"], "not a whole number"),
        ("frame_times", ["a"], "'frame time' is 'a'"),
        ("schema_version", True, "has version True, not 1"),
        ("schema_version", "1", "has version '1', not 1"),
    ],
)
def test_what_no_result_says(
    entry: str, odd: object, words: str, report: Report, tmp_path: Path
) -> None:
    (tmp_path / "result.json").write_text(json.dumps({**report, entry: odd}))
    with pytest.raises(InputError, match=re.escape(words)):
        read_report(tmp_path)


def test_what_is_damaged_is_not_complete(report: Report, tmp_path: Path) -> None:
    for said in ({"damaged": True}, {"damaged": "no"}, {"frames": -4}, {"name": None}):
        text = json.dumps({**report, "input": {**report["input"], **said}})
        (tmp_path / "result.json").write_text(text)
        with pytest.raises(InputError, match="is damaged"):
            read_report(tmp_path)


def test_intervals_that_no_recording_has(report: Report, tmp_path: Path) -> None:
    for start, stop in ((0, 10**9), (-1, 2), (5, 4)):
        span = {"start": start, "stop": stop, "seconds": [0, 1]}
        report["unmasked"] = {**report["unmasked"], "intervals": [span]}
        (tmp_path / "result.json").write_text(json.dumps(report))
        with pytest.raises(InputError, match="is damaged"):
            read_report(tmp_path)


def test_a_folder_without_a_result(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; give the folder of a result"):
        read_report(tmp_path)
