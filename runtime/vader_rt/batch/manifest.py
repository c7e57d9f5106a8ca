"""Lists of recordings with options of their own: CSV with a header, or a JSON object a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vader_rt.entries import json_object
from vader_rt.errors import InputError
from vader_rt.io.files import read_bytes

SUFFIXES = (".csv", ".jsonl")
_FILES = ("virtual_background", "truth", "mask")
_FOLDERS = ("virtual_library",)
_TEXTS = ("case", "examiner")
OPTIONS = (*_FILES, *_FOLDERS, *_TEXTS)
"""Columns that are `Options` of the recording in their line."""
COLUMNS = ("video", "name", *OPTIONS)
_OTHER_MARKS = ";\t|"
"""What else spreadsheets put between columns."""
_Row = tuple[int, Mapping[str, object]]


@dataclass(frozen=True)
class Line:
    """A line of a manifest.

    place: file and number of the line, for errors. video: absolute. written: the path as it stands
    there. name: what its result is to be called; None to call it like the video. options: of its
    own, paths absolute.
    """

    place: str
    video: Path
    written: str
    name: str | None
    options: dict[str, str]


def read_manifest(path: Path) -> list[Line]:
    """The lines of a manifest; paths in it are relative to its folder.

    Raises:
        InputError: it says which line is wrong, and how.
    """
    try:
        text = read_bytes(path, "a list of recordings").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8; save the list as that") from None
    rows = _of_csv(path, text) if path.suffix.lower() == ".csv" else _of_json(path, text)
    return [_line(path, number, row) for number, row in rows]


def _of_csv(path: Path, text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if len(header) == 1 and any(mark in header[0] for mark in _OTHER_MARKS):
            raise InputError(f"{path}:1: has a single column; separate columns by commas")
        _check_columns(f"{path}:1", header)
        for cells in reader:
            if len(cells) > len(header):
                raise InputError(
                    f"{path}:{reader.line_num}: has {len(cells)} cells, "
                    f"and the header {len(header)}; put what holds a comma in quotes"
                )
            if any(cells):
                yield reader.line_num, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: is no line of a CSV ({error})") from None


def _of_json(path: Path, text: str) -> Iterator[_Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        row = json_object(line)
        if row is None:
            raise InputError(f'{path}:{number}: is no JSON object; write {{"video": "call.mp4"}}')
        _check_columns(f"{path}:{number}", list(row))
        yield number, row


def _check_columns(place: str, names: list[str]) -> None:
    known = f"known are {', '.join(COLUMNS)}"
    for name in names:
        if name not in COLUMNS:
            raise InputError(f"{place}: no column may be called {name!r}; {known}")
        if names.count(name) > 1:
            raise InputError(f"{place}: two columns are called {name!r}")
    if "video" not in names:
        raise InputError(f"{place}: has no column `video`; {known}")


def _line(path: Path, number: int, row: Mapping[str, object]) -> Line:
    place = f"{path}:{number}"
    given = {name: value for name, value in row.items() if value not in (None, "")}
    for name, value in given.items():
        if not isinstance(value, str):
            raise InputError(f"{place}: {name}: {json.dumps(value)} is not a text")
    texts = {name: str(value) for name, value in given.items()}
    if "video" not in texts:
        raise InputError(f"{place}: names no video")
    given_name = texts.get("name")
    if given_name is not None and not is_name(given_name):
        raise InputError(f"{place}: name: {given_name!r} cannot be the name of a folder")
    for column in ("video", *_FILES, *_FOLDERS):
        if column in texts:
            _check_path(place, column, path.parent / texts[column])
    options = {
        column: texts[column] if column in _TEXTS else str(_absolute(path, texts[column]))
        for column in OPTIONS
        if column in texts
    }
    return Line(place, _absolute(path, texts["video"]), texts["video"], given_name, options)


def is_name(name: str) -> bool:
    """Whether a result can be called so: a visible file name."""
    return not name.startswith(".") and "/" not in name and name.isprintable()


def _absolute(manifest: Path, written: str) -> Path:
    return (manifest.parent / written).absolute()


def _check_path(place: str, column: str, path: Path) -> None:
    is_there = path.is_dir() if column in _FOLDERS else path.is_file()
    if not is_there:
        kind = "folder" if column in _FOLDERS else "file"
        where = "paths count from the list's own folder"
        raise InputError(f"{place}: {column}: {path} is no {kind}; {where}")
