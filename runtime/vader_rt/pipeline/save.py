"""Where a result is written: tried before there is one, and replaced so that none is lost.

All happens inside the folder, so that it may be a mount point, a link or the current folder. New
files are written into a folder of their own beside the old ones. Once they are whole, the old ones
are put aside and the new ones take their place, `result.json` goes first and comes last: where it
stands, the pictures beside it are its own. What is killed on the way is finished by the next run.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vader_rt.entries import json_object
from vader_rt.errors import UsageError, reading, writing
from vader_rt.io.files import file_sha256

REPORT_FILE = "result.json"
RESULT_FILES = (
    *("background.png", "guess.png", "confidence.png", "leak.png", "virtual.png"),
    "provenance.json",
    REPORT_FILE,
)
"""What every result has, in the order in which the files take their place."""
PAGE_FILE = "report.html"
SELFTEST_FILES = ("true_leak.png", "true_room.png", "composed_call.mp4")
"""What a self-test adds."""
_OPTIONAL_FILES = (PAGE_FILE, *SELFTEST_FILES)
"""What a result may have. It goes with the result that it was made of."""
_ALL_FILES = (*RESULT_FILES[:-1], *_OPTIONAL_FILES, REPORT_FILE)
_OURS = ".vader-rt-"
_PARTIAL, _READY, _OLD = (f"{_OURS}{state}-" for state in ("partial", "ready", "old"))
_WAIT_SECONDS = 10.0
"""How long another run may take to write into the same folder."""
_TRIES = 100
"""How often another run may take away a folder that this one needs."""
_BUSY = "another run is writing there"


@dataclass(frozen=True)
class Recording:
    """What a result was recovered from. sha256: None for frames that never were a file."""

    name: str | None
    sha256: str | None

    @classmethod
    def of_report(cls, report: object) -> Recording | None:
        """The recording that a result.json tells of; None if it is none of ours."""
        given = report.get("input") if isinstance(report, dict) else None
        if isinstance(given, dict) and {"name", "sha256"} <= given.keys():
            return cls(given["name"], given["sha256"])
        return None

    def is_other(self, earlier: Recording) -> bool:
        """Whether an earlier result is of another recording; a file may have been renamed."""
        if self.sha256 or earlier.sha256:
            return self.sha256 != earlier.sha256
        return self.name != earlier.name


def check_output(
    folder: Path,
    *,
    video: Path | None = None,
    inputs: Iterable[Path] = (),
    overwrite: bool = False,
) -> None:
    """Make sure that a result can be written to a folder, by trial.

    video: a result that stands there already must be of this recording, if there is one. inputs:
    what must not lie inside. overwrite: replace the result of another recording, too.

    Raises:
        UsageError: it cannot be written, or holds what would be lost.
    """
    if "\0" in str(folder):
        raise UsageError(f"{folder}: no folder can be called so")
    with writing(folder, "; give another folder with -o"):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder}: is a file; -o wants a folder")
        for path in inputs:
            if _lies_in(path, folder):
                raise UsageError(f"{path}: lies in the output folder; give another one with -o")
        recording = None if overwrite else _to_compare(folder, video)
        with _taken(folder):
            _clean_up(folder)
            names = [p.name for p in folder.iterdir() if not p.name.startswith(_OURS)]
            _check_earlier(folder, sorted(names), recording, overwrite=overwrite)
            with _partial(folder) as trial:
                _write(trial / REPORT_FILE, b"{}\n")


def write_result(
    folder: Path,
    files: Mapping[str, bytes],
    recording: Recording | None,
    *,
    overwrite: bool = False,
) -> None:
    """Write the `RESULT_FILES` into a folder, in place of those of an earlier run; see above.

    files: by name. The `PAGE_FILE` and the `SELFTEST_FILES` may be among them; if they are not,
    those of an earlier run go. Other files that lie there stay as they are.

    Raises:
        UsageError: it cannot be written, or what came there in the meantime would be lost.
    """
    with writing(folder), _taken(folder):
        _clean_up(folder)
        taken = [name for name in _ALL_FILES if os.path.lexists(folder / name)]
        _check_earlier(folder, taken, recording, overwrite=overwrite)
        with _partial(folder) as partial:
            for name in _ALL_FILES:
                if name in files or name not in _OPTIONAL_FILES:
                    _write(partial / name, files[name])
            ready = partial.rename(folder / partial.name.replace(_PARTIAL, _READY))
            _replace(folder, ready)


def write_page(folder: Path, html: bytes, report: bytes) -> None:
    """Write the `PAGE_FILE` of a result that is there. report: its `REPORT_FILE`, as it was read.

    Raises:
        UsageError: it cannot be written, or another result came there in the meantime.
    """
    with writing(folder, "; give a file with -o"), _taken(folder):
        _clean_up(folder)
        path = folder / REPORT_FILE
        if not path.is_file() or path.read_bytes() != report:
            raise UsageError(f"{folder}: holds another result by now; make its report anew")
        if _is_folder(folder / PAGE_FILE):
            raise UsageError(f"{folder / PAGE_FILE}: is a folder; give a file with -o")
        with _partial(folder) as partial:
            _write(partial / PAGE_FILE, html)
            (partial / PAGE_FILE).replace(folder / PAGE_FILE)


def write_elsewhere(folder: Path, files: Mapping[str, bytes]) -> Path | None:
    """Keep a result that could not be written to its folder; None if there is no place at all."""
    for place in _places(folder):
        kept = None
        with suppress(OSError, UsageError):
            kept = Path(tempfile.mkdtemp(dir=place, prefix="vader-rt-kept-"))
            write_result(kept, files, None)
            return kept
        if kept is not None:
            shutil.rmtree(kept, ignore_errors=True)
    return None


def _places(folder: Path) -> Iterator[Path]:
    with suppress(OSError):  # no place for temporary files can be written
        yield Path(tempfile.gettempdir())
    with suppress(OSError):  # the current folder is gone
        yield folder.absolute().parent
    with suppress(RuntimeError):  # who runs this has no home
        yield Path.home()
    yield Path("/dev/shm")


def _to_compare(folder: Path, video: Path | None) -> Recording | None:
    """The recording that an earlier result has to be of; None if there is nothing to compare."""
    if video is None or _earlier(folder) is None or not video.is_file():
        return None
    with reading(video):
        return Recording(video.name, file_sha256(video))


def _check_earlier(
    folder: Path, names: list[str], recording: Recording | None, *, overwrite: bool
) -> None:
    """Refuse files that no earlier result is responsible for, and the result of another recording.

    names: of the files in question.
    """
    earlier = _earlier(folder)
    if earlier is not None:  # what else lies there stays as it is
        names = [name for name in _ALL_FILES if _is_folder(folder / name)]
    if names:
        raise UsageError(
            f"{folder}: holds files that are not of an earlier result ({names[0]}); "
            "give another folder with -o"
        )
    if earlier and recording and not overwrite and recording.is_other(earlier):
        raise UsageError(
            f"{folder}: holds the result of another recording ({earlier.name}); "
            "give another folder with -o, or --overwrite"
        )


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _earlier(folder: Path) -> Recording | None:
    """The recording that the folder holds a result of; None where it holds none of ours."""
    path = folder / REPORT_FILE
    if not path.is_file():
        return None
    report = json_object(path.read_bytes())
    return None if report is None else Recording.of_report(report)


def _lies_in(path: Path, folder: Path) -> bool:
    """Whether a path is a folder, or below it, whatever both are called."""
    if not folder.is_dir():
        return False
    real = Path(os.path.realpath(path))
    return any(os.path.exists(p) and p.samefile(folder) for p in (real, *real.parents))


@contextmanager
def _taken(folder: Path) -> Iterator[None]:
    """A folder with its parents, to which no other run writes meanwhile.

    Those that are made here go again if they stay empty. A lock goes with its process, even if
    that is killed.

    Raises:
        BlockingIOError: another run keeps it for longer than `_WAIT_SECONDS`.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    handle = None
    try:
        handle = _locked(folder)
        yield
    finally:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        if handle is not None:
            os.close(handle)


def _locked(folder: Path) -> int:
    """Make and lock a folder: its handle. Another run may take it away before, as it is empty."""
    end = time.monotonic() + _WAIT_SECONDS
    for tries_left in reversed(range(_TRIES)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY)
            try:
                _lock(handle, end)
                if os.path.samestat(os.fstat(handle), folder.stat()):
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)
        except (FileNotFoundError, FileExistsError):  # it went while it was asked for
            if not tries_left:
                raise
    raise BlockingIOError(errno.EAGAIN, _BUSY)


def _lock(handle: int, end: float) -> None:
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise BlockingIOError(errno.EAGAIN, _BUSY) from None
            time.sleep(0.05)
        except OSError:  # a file system without locks
            return None


@contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """A folder for files that are not whole yet."""
    partial = Path(tempfile.mkdtemp(dir=folder, prefix=_PARTIAL))
    try:
        yield partial
    finally:
        for state in (_PARTIAL, _READY):
            left = folder / partial.name.replace(_PARTIAL, state)
            shutil.rmtree(left, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    """Write a file, down to the disk: only then is it known that there is room for it."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _replace(folder: Path, ready: Path) -> None:
    """Move files that are whole to their place; if one cannot be, all is as it was.

    Raises:
        OSError: a file cannot be moved.
    """
    new = [name for name in _ALL_FILES if (ready / name).exists()]
    # once the first one took its place, no old one is left, and what stands there is new
    leaving = _ALL_FILES if _ALL_FILES[0] in new else new
    aside = Path(tempfile.mkdtemp(dir=folder, prefix=_OLD))
    old = [name for name in reversed(leaving) if os.path.lexists(folder / name)]
    moves = [(folder / name, aside / name) for name in old]
    moves += [(ready / name, folder / name) for name in new]
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            source.rename(target)
            done.append((source, target))
    except BaseException:
        for source, target in reversed(done):
            target.rename(source)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _clean_up(folder: Path) -> None:
    """Finish or remove what runs that were killed left in a folder."""
    for ready in folder.glob(f"{_READY}*"):
        if _is_folder(ready):  # never what a link leads to
            _replace(folder, ready)
    for state in (_PARTIAL, _READY, _OLD):
        for left in folder.glob(f"{state}*"):
            shutil.rmtree(left, ignore_errors=True)
