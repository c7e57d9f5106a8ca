"""The index of a batch: a table for programs, a page for people."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vader_rt.batch.jobs import RESULT_SUFFIX, Job
from vader_rt.batch.record import Figures
from vader_rt.batch.work import STATES, Outcome
from vader_rt.io.files import write_bytes

CSV_FILE, PAGE_FILE = "index.csv", "index.html"
_FIGURES = tuple(figure.name for figure in fields(Figures))
COLUMNS = ("name", "input", "state", "exit_code", *_FIGURES, "node", "line", "folder")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TEMPLATE = Path(__file__).parent / "index.html.jinja"
_PICTURES = ("background.png", "guess.png", "leak.png")
_MORE = (("report.html", "report"), ("result.json", "figures"))


@dataclass(frozen=True)
class Entry:
    """A recording and what came of it."""

    job: Job
    outcome: Outcome

    def row(self) -> dict[str, Any]:
        """Its figures by `COLUMNS`; None where there is none."""
        outcome, figures = self.outcome, self.outcome.figures
        return {
            "name": self.job.name.removesuffix(RESULT_SUFFIX),
            "input": self.job.shown,
            "state": outcome.state,
            "exit_code": outcome.exit_code,
            **{name: getattr(figures, name) if figures else None for name in _FIGURES},
            "node": outcome.node,
            "line": outcome.line,
            "folder": self.job.name if figures else None,
        }


def counts(entries: Iterable[Entry]) -> dict[str, int]:
    """How many there are of each of the `STATES`."""
    found = Counter(entry.outcome.state for entry in entries)
    return {state: found[state] for state in STATES}


def write_index(folder: Path, entries: Sequence[Entry], total: int) -> None:
    """Write `index.csv` and `index.html` into the folder of the results.

    total: recordings there were; more than entries where the work was interrupted.

    Raises:
        UsageError: they cannot be written.
    """
    for name, text in ((CSV_FILE, _csv(entries)), (PAGE_FILE, _page(folder, entries, total))):
        # a name that is not UTF-8 has characters that UTF-8 has not
        write_bytes(folder / name, text.encode("utf-8", "backslashreplace"))


def _csv(entries: Sequence[Entry]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        writer.writerow({name: _cell(value) for name, value in entry.row().items()})
    return file.getvalue()


def _cell(value: Any) -> Any:
    """A value as a spreadsheet shows it: a text is no formula, whoever chose a file's name."""
    if isinstance(value, bool):
        return int(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _page(folder: Path, entries: Sequence[Entry], total: int) -> str:
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["share"] = _share
    # what failed wants to be looked at first; else the order of the recordings stays
    ordered = sorted(entries, key=lambda entry: entry.outcome.state != "failed")
    rows = [{**entry.row(), "links": _links(folder, entry)} for entry in ordered]
    found = {state: number for state, number in counts(entries).items() if number}
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(rows=rows, counts=found, total=total, pictures=_PICTURES)


def _links(folder: Path, entry: Entry) -> dict[str, str]:
    """Relative addresses of the files of a result by their titles."""
    if entry.outcome.figures is None:
        return {}
    there = [(n, title) for n, title in _MORE if (folder / entry.job.name / n).is_file()]
    files = [(picture, picture) for picture in _PICTURES] + there
    return {
        title: quote(f"{entry.job.name}/{name}", errors="surrogateescape") for name, title in files
    }


def _share(value: float) -> str:
    """A share in percent, with as many digits as tell small ones from nothing."""
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{value:.2%}"
