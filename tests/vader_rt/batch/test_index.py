"""The index: nothing in it is taken for more than a name."""

from __future__ import annotations

import csv
import os
from html.parser import HTMLParser
from pathlib import Path

from vader_rt.batch.index import COLUMNS, Entry, counts, write_index
from vader_rt.batch.jobs import Job
from vader_rt.batch.record import Figures
from vader_rt.batch.work import Outcome

FIGURES = Figures(120, 9.5, 0.034, 0.002, 0.2, 0.27, 3, 1, True)
NASTY = '=1+1 & <b onclick="alert(1)">'


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def entry(name: str, outcome: Outcome) -> Entry:
    return Entry(Job(Path(f"/calls/{name}.mp4"), f"{name}.mp4", f"{name}.vader"), outcome)


def read(folder: Path) -> tuple[list[dict[str, str]], Reader]:
    reader = Reader()
    reader.feed((folder / "index.html").read_text())
    with (folder / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file)), reader


def test_names_and_errors_are_text(tmp_path: Path) -> None:
    entries = [
        entry(NASTY, Outcome("done", 0, figures=FIGURES)),
        entry("javascript:alert(1)", Outcome("skipped", 5, figures=FIGURES)),
        entry("bad", Outcome("failed", 3, f"no video: {NASTY}")),
    ]
    write_index(tmp_path, entries, total=3)
    rows, page = read(tmp_path)
    assert "b" not in page.tags
    assert NASTY in page.text
    assert f"no video: {NASTY}" in page.text
    assert all("://" not in a and not a.startswith("javascript:") for a in page.addresses)
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0]["name"] == f"'{NASTY}"  # no spreadsheet computes it
    assert [row["state"] for row in rows] == ["done", "skipped", "failed"]
    assert (rows[0]["frames"], rows[0]["claimed"], rows[2]["frames"]) == ("120", "0.002", "")
    assert counts(entries) == {"done": 1, "nothing": 0, "skipped": 1, "failed": 1}


def test_failures_come_first_on_the_page(tmp_path: Path) -> None:
    entries = [
        entry("good", Outcome("done", 0, figures=FIGURES)),
        entry("bad", Outcome("failed", 3)),
    ]
    write_index(tmp_path, entries, total=4)
    _, page = read(tmp_path)
    assert page.text.index("bad.mp4") < page.text.index("good.mp4")
    assert "interrupted, 2 are left" in page.text


def test_a_name_that_is_not_utf_8_is_shown_and_linked(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff call")
    write_index(tmp_path, [entry(name, Outcome("done", 0, figures=FIGURES))], total=1)
    rows, page = read(tmp_path)
    assert rows[0]["name"] == "\\udcff call"
    assert "%FF%20call.vader/guess.png" in page.addresses


def test_there_is_a_page_without_any_recording_done(tmp_path: Path) -> None:
    write_index(tmp_path, [], total=2)
    rows, page = read(tmp_path)
    assert rows == []
    assert "2 recordings" in page.text
