"""A result, put where it belongs in one step, though who writes it may be killed or come twice.

It is written into a workshop, a hidden folder beside its place, and renamed once it is whole. The
first one wins; whoever comes later with the same finds it there, and throws its own away. A
workshop is locked by its owner: what is not locked any more was left by somebody who was killed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from vader_rt.batch.record import JOB_FILE, Record, read_record, result_of
from vader_rt.errors import writing
from vader_rt.io.files import write_bytes
from vader_rt.pipeline.save import Recording, write_result

_PREFIX = ".vader-rt-job-"
_LOCK = "lock"
_STALE_SECONDS = 7 * 24 * 3600
"""Age from which a workshop is taken for abandoned where the file system has no locks."""


def publish(
    folder: Path,
    files: Mapping[str, bytes],
    record: Record,
    *,
    recording: Recording | None = None,
    overwrite: bool = False,
) -> None:
    """Put a result and its record into their folder, below one that exists; see above.

    record: its `result` is filled in here. recording, overwrite: see `write_result`, by which an
    earlier result is replaced.

    Raises:
        UsageError: it cannot be written, or another recording's result would be lost.
    """
    with writing(folder):
        if _is_free(folder) and _moved_in(folder, files, record):
            return
        there = read_record(folder)
        if there is not None and there.key == record.key:
            return
        write_result(folder, files, recording, overwrite=overwrite)
        _write_record(folder, record)


def _is_free(folder: Path) -> bool:
    return not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir()))


def _moved_in(folder: Path, files: Mapping[str, bytes], record: Record) -> bool:
    """Write a result and move it to its place; False if something came there meanwhile."""
    with workshop(folder.parent) as place:
        ready = place / "result"
        write_result(ready, files, None)
        _write_record(ready, record)
        try:
            ready.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
            return False
    return True


def _write_record(folder: Path, record: Record) -> None:
    write_bytes(folder / JOB_FILE, replace(record, result=result_of(folder)).to_bytes())


@contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """A hidden folder of one's own in a folder that exists; nobody `sweep`s it meanwhile."""
    handle, place = _opened(folder)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove the workshops in a folder whose owners are gone."""
    for place in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if place.is_dir() and not place.is_symlink():
                _remove_abandoned(place)


def _opened(folder: Path) -> tuple[int, Path]:
    """A new workshop and its lock. One may be swept before it is locked; then there is another."""
    for _ in range(100):
        place = Path(tempfile.mkdtemp(dir=folder, prefix=_PREFIX))
        with suppress(FileNotFoundError):
            handle = os.open(place / _LOCK, os.O_CREAT | os.O_RDWR, 0o644)
            if _locked(handle) is not False and (place / _LOCK).exists():
                return handle, place
            os.close(handle)
    raise BlockingIOError(errno.EAGAIN, "somebody removes what is written there")


def _locked(handle: int) -> bool | None:
    """Lock a file: False if another has it, None where the file system knows no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove_abandoned(place: Path) -> None:
    """Remove a workshop, and keep it locked meanwhile: it may have been made just now."""
    is_old = time.time() - place.stat().st_mtime > _STALE_SECONDS
    try:
        handle = os.open(place / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        if is_old:
            shutil.rmtree(place, ignore_errors=True)
        return
    try:
        locked = _locked(handle)
        if locked or (locked is None and is_old):
            shutil.rmtree(place, ignore_errors=True)
    finally:
        os.close(handle)
