"""Files that are whole or not there, and their digests."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vader_rt.errors import InputError, UsageError, reading, writing

MOST_BYTES = 1 << 30
"""The most that a model or a picture may have."""
_BEGINNING = 256
_STALE_SECONDS = 24 * 3600
"""Age from which a partial file is taken for one whose writer was killed."""


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def read_bytes(path: Path, kind: str) -> bytes:
    """Read a file, if it is no larger than what we read.

    kind: what it ought to be, for errors.

    Raises:
        InputError: it does not exist, cannot be read, or is larger than `MOST_BYTES`.
    """
    with reading(path):
        if not path.is_file():
            raise InputError(f"{path}: does not exist; give {kind}")
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError(f"{path}: has {size:,} bytes, more than {MOST_BYTES:,}; give {kind}")
        return path.read_bytes()


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside a file, which takes its place if all goes well.

    Readers see the old file or the new one, never half of one; missing folders are made.

    Raises:
        UsageError: it cannot be written there.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _sweep(path)
            yield partial
            partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def check_place(path: Path, kind: str, mark: bytes) -> None:
    """Make sure that a file can be written, and nothing is lost but an earlier one of its kind.

    mark: what such a file has in its first `_BEGINNING` bytes.

    Raises:
        UsageError: it is something else, or cannot be written.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give a file to write to")
    with writing(path):
        if path.exists() and not _may_be_lost(path, mark):
            raise UsageError(f"{path}: is there already, and is no {kind}; give another file")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass


def _may_be_lost(path: Path, mark: bytes) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        begins = file.read(_BEGINNING)
    return not begins or mark in begins


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file; see `whole_file`."""
    with whole_file(path) as partial:
        partial.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8; see `whole_file`."""
    write_bytes(path, text.encode())


def _sweep(path: Path) -> None:
    """Remove the partial files that killed writers of a file left behind."""
    with suppress(OSError):
        for other in path.parent.iterdir():
            is_partial = other.name.startswith(f"{path.name}.") and other.suffix == ".part"
            if is_partial and time.time() - other.stat().st_mtime > _STALE_SECONDS:
                other.unlink()
