"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import pytest

from vader_rt.errors import InputError, UsageError
from vader_rt.io.files import (
    MOST_BYTES,
    file_sha256,
    read_bytes,
    whole_file,
    write_bytes,
    write_text,
)


def test_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "whole").write_bytes(b"\x00all")
    assert read_bytes(tmp_path / "whole", "a model") == b"\x00all"
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    for name, words in (
        ("missing", "missing: does not exist; give a model"),
        (".", "does not exist"),
        ("a\0b", "does not exist"),
        ("x" * 5000, "cannot be read .File name too long"),
        ("large", "has 1,073,741,825 bytes, more than 1,073,741,824; give a model"),
    ):
        with pytest.raises(InputError, match=words):
            read_bytes(tmp_path / name, "a model")


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_text(path, "old")
    with whole_file(path) as partial:
        partial.write_text("half of the n")
        assert path.read_text() == "old"
        partial.write_text("new")
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with contextlib.suppress(ZeroDivisionError), whole_file(path) as partial:
        partial.write_bytes(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_killed_writers_left_is_swept(tmp_path: Path) -> None:
    names = ["file.1.part", "file.2.part", "other.3.part", "file.txt"]
    for name in names:
        (tmp_path / name).write_text("half")
        if name != "file.2.part":  # somebody may be writing it still
            os.utime(tmp_path / name, (0, 0))
    write_text(tmp_path / "file", "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", *sorted(names[1:])]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be written"):
        write_text(tmp_path / "file" / "below", "y")


def test_digest(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000  # more than is read at once
    (tmp_path / "file").write_bytes(data)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()
