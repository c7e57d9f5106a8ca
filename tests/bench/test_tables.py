"""The tables of the documentation are what the committed figures say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.tables import ROOT, TABLES, main

CALLS = {
    "1_i_room_beach_mp": {"ours": 0.2, "copy": 0.1, "seed": 0.3},
    "2_i_room_beach_mp": {"ours": 0.4, "copy": 0.2},
    "2_i_attic_beach_meet": {"ours": 0.9, "copy": 0.3},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one document and the figures of three calls."""
    (tmp_path / "docs" / "figures").mkdir(parents=True)
    _write_figures(tmp_path, "dev", CALLS)
    return tmp_path


def _write_figures(root: Path, name: str, figures: object) -> None:
    (root / "docs" / "figures" / f"{name}.json").write_text(json.dumps(figures))


def _write_document(root: Path, table: str, held: str = "") -> Path:
    document = root / "README.md"
    document.write_text(f"before\n\n<!-- table: {table} -->\n{held}<!-- end -->\n\nafter\n")
    return document


def test_the_committed_documents_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_changed_figure_is_noticed_and_written(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "figures", tmp_path / "docs" / "figures")
    document = Path(shutil.copy(ROOT / "README.md", tmp_path))
    assert main(["--check"], tmp_path) == 0
    calls = json.loads((tmp_path / "docs" / "figures" / "dev.json").read_text())
    for row in calls.values():
        row["ours"] = 0.987
    _write_figures(tmp_path, "dev", calls)
    assert main(["--check"], tmp_path) == 1
    assert "0.987" not in document.read_text()
    assert main([], tmp_path) == 0
    assert "| VADER-RT | 0.987 | 0.987 |" in document.read_text()
    assert main(["--check"], tmp_path) == 0


def test_only_what_is_between_the_marks_changes(root: Path) -> None:
    document = _write_document(root, "clients", "| an old table |\n")
    assert main([], root) == 0
    lines = document.read_text().splitlines()
    assert lines[:3] == ["before", "", "<!-- table: clients -->"]
    assert lines[-3:] == ["<!-- end -->", "", "after"]
    assert "an old table" not in document.read_text()


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("summary", "| VADER-RT | 0.500 | 0.400 |"),
        ("clients", "| mp | 2 | 0.300 | 0.150 | – |"),
        ("clients", "| meet | 1 | 0.900 | 0.300 | – |"),
        ("dev", "| call | ours | seed | copy |"),
        ("dev", "| 2_i_attic_beach_meet | 0.900 | – | 0.300 |"),
        ("dev", "| **mean** | 0.500 | 0.300 | 0.200 |"),
        ("dev", "| **median** | 0.400 | 0.300 | 0.200 |"),
    ],
)
def test_averages_are_over_what_there_is(root: Path, table: str, line: str) -> None:
    assert line in TABLES[table](root / "docs" / "figures").splitlines()


def test_the_run_with_the_virtual_image_is_a_column(root: Path) -> None:
    _write_figures(root, "dev_given", {name: {"ours": 0.6} for name in CALLS})
    assert "| call | ours | given | seed | copy |" in TABLES["dev"](root / "docs" / "figures")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!-- table: nonsense -->\n<!-- end -->\n", "unknown table 'nonsense'; known: summary"),
        ("<!-- table: dev -->\n", "has no `<!-- end -->` after it"),
        ("<!-- table: ablation -->\n<!-- end -->\n", "these figures cannot be read"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    root: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "docs" / "notes.md").write_text(text)
    assert main([], root) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bench.tables: ")
    assert "notes.md" in line or "ablation.json" in line
    assert words in line
