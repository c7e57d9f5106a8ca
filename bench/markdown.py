"""Figures from JSON files, as Markdown tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from vader_rt.errors import InputError

Row = Mapping[str, Any]
Columns = Mapping[str, Callable[[Any], str]]
"""What a table says of a row, by heading."""
_NONE = "–"


def read(path: Path) -> Any:
    """What a JSON file of figures holds.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: these figures cannot be read ({error})") from None


def table(columns: Mapping[str, Callable[[Row], str]], rows: Iterable[Row]) -> str:
    """A Markdown table: what stands in a row, by heading; a dash where the row has no figure."""
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [f"| {' | '.join(_cell(say, row) for say in columns.values())} |" for row in rows]
    return "\n".join(lines)


def text(key: str) -> Callable[[Row], str]:
    """Says what stands under a key."""
    return lambda row: str(row[key])


def number(key: str) -> Callable[[Row], str]:
    """Says a number to three digits."""
    return lambda row: f"{row[key]:.3f}"


def _cell(say: Callable[[Row], str], row: Row) -> str:
    try:
        return say(row)
    except KeyError:
        return _NONE
