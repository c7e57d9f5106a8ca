"""Results that were saved."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize("odd", ['"much"', "NaN", "[]", "1e999", "{}"])
def test_figures_that_are_no_numbers_are_damage(odd: str, report: Report, tmp_path: Path) -> None:
    text = json.dumps({**report, "coverage": 12345})
    (tmp_path / "result.json").write_text(text.replace("12345", odd))
    with pytest.raises(InputError, match=r"is damaged \(ValueError: claimed is "):
        read_report(tmp_path)


def test_a_folder_without_a_result(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; give the folder of a result"):
        read_report(tmp_path)
