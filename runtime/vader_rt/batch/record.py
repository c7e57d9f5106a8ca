"""What a result was made from, `job.json` beside it: whether it need not be made again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vader_rt.errors import reading
from vader_rt.io.files import file_sha256
from vader_rt.pipeline.identity import identity, option_files
from vader_rt.pipeline.save import REPORT_FILE, RESULT_FILES

JOB_FILE = "job.json"
_VERSION = 1


@dataclass(frozen=True)
class Known:
    """The digest of a file. stamp: of its path, size and time; as long as it holds, so it does."""

    stamp: str
    sha256: str


@dataclass(frozen=True)
class Figures:
    """What the index says of a result; shares from 0 to 1. seconds: of work."""

    frames: int
    seconds: float
    shown: float
    claimed: float
    leak_mean: float
    leak_max: float
    unmasked_frames: int
    warnings: int
    complete: bool

    @classmethod
    def of_report(cls, report: Mapping[str, Any]) -> Figures:
        """Those of a result.json."""
        leaks = report["leak_timeline"] or [0.0]
        return cls(
            frames=report["input"]["frames"],
            seconds=report["timings"]["total_seconds"],
            shown=round(report["shown"], 6),
            claimed=round(report["coverage"], 6),
            leak_mean=round(sum(leaks) / len(leaks), 6),
            leak_max=max(leaks),
            unmasked_frames=report["unmasked"]["frames"],
            warnings=len(report["warnings"]),
            complete=report["complete"],
        )


@dataclass(frozen=True)
class Record:
    """What `job.json` says.

    key: digest of all that the result depends on. exit_code: 0, or 5 where nothing was recovered.
    result: size, time (ns) and digest of the result.json that it belongs to. files: those that were
    read, by what they were.
    """

    key: str
    exit_code: int
    figures: Figures
    files: Mapping[str, Known]
    result: tuple[int, int, str]

    def to_bytes(self) -> bytes:
        """The content of `job.json`."""
        return (json.dumps({"job_version": _VERSION, **asdict(self)}, indent=2) + "\n").encode()


def read_record(folder: Path) -> Record | None:
    """The record of a whole result; None where there is none, or another result took its place."""
    try:
        given = json.loads((folder / JOB_FILE).read_bytes())
        if given.pop("job_version") != _VERSION:
            return None
        figures, result = Figures(**given.pop("figures")), tuple(given.pop("result"))
        files = {name: Known(**known) for name, known in given.pop("files").items()}
        record = Record(figures=figures, files=files, result=result, **given)
        return record if _is_of(record, folder) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _is_of(record: Record, folder: Path) -> bool:
    """Whether the result that is there is the one that was recorded."""
    if not all((folder / name).is_file() for name in RESULT_FILES):
        return False
    report, (size, time_ns, digest) = folder / REPORT_FILE, record.result
    status = report.stat()
    if status.st_size != size:
        return False
    return status.st_mtime_ns == time_ns or file_sha256(report) == digest


def result_of(folder: Path) -> tuple[int, int, str]:
    """What `Record.result` is of the result in a folder."""
    report = folder / REPORT_FILE
    status = report.stat()
    return status.st_size, status.st_mtime_ns, file_sha256(report)


def files_read(video: Path, options: Mapping[str, Any]) -> dict[str, Path]:
    """The files that a result depends on, beside the models of the package, by what they are.

    Raises:
        InputError: a folder cannot be read.
    """
    return {"video": video, **option_files(options)}


def known_files(paths: Mapping[str, Path], earlier: Record | None) -> dict[str, Known]:
    """The digests of files: as an earlier record has them, if they did not change since.

    Raises:
        InputError: a file cannot be read.
    """
    found = dict(_remembered(paths, earlier))
    for name, path in paths.items():
        if name not in found:
            with reading(path):
                stamp = _stamp(path)  # before it is read: a change meanwhile is a change
                found[name] = Known(stamp, file_sha256(path))
    return found


def _remembered(paths: Mapping[str, Path], earlier: Record | None) -> Iterator[tuple[str, Known]]:
    if earlier is None:
        return
    for name, path in paths.items():
        known = earlier.files.get(name)
        with reading(path):
            if known is not None and known.stamp == _stamp(path):
                yield name, known


def all_remembered(paths: Mapping[str, Path], earlier: Record) -> dict[str, Known] | None:
    """The digests of files without reading them; None if one of them is not known.

    Raises:
        InputError: a file is not there.
    """
    found = dict(_remembered(paths, earlier))
    return found if found.keys() == paths.keys() else None


def key_of(version: str, files: Mapping[str, Known], options: Mapping[str, Any]) -> str:
    """The digest of all that a result depends on: version, models, files and options."""
    digests = {name: known.sha256 for name, known in files.items()}
    everything = identity(version, digests, options)
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()


def _stamp(path: Path) -> str:
    """A digest, as results do not say where files lie."""
    status = path.stat()
    text = f"{os.path.realpath(path)}\0{status.st_size}\0{status.st_mtime_ns}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
