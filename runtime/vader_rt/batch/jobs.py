"""Which recordings are meant by folders, patterns, lists and files, and how results are called."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vader_rt.batch.manifest import SUFFIXES, read_manifest
from vader_rt.errors import InputError, UsageError, reason

VIDEO_SUFFIXES = frozenset(
    (
        *(
            ".mp4",
            ".m4v",
            ".mov",
            ".mkv",
            ".webm",
            ".avi",
            ".divx",
            ".flv",
            ".f4v",
            ".mpg",
            ".mpeg",
        ),
        *(".ts", ".m2ts", ".mts", ".vob", ".ogv", ".wmv", ".asf", ".mxf", ".nut", ".3gp", ".3g2"),
        *(".dv", ".rm", ".rmvb", ".wtv", ".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".y4m"),
    )
)
"""Endings by which a recording is known in a folder; what is named by itself may have any."""
RESULT_SUFFIX = ".vader"


@dataclass(frozen=True)
class Job:
    """A recording, and how its result is called.

    video: absolute. shown: how a user finds it again. name: of the result's folder. options: those
    of `Options` that are its own. place: the line of the list that it comes from, None elsewhere.
    """

    video: Path
    shown: str
    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    place: str | None = None


@dataclass(frozen=True)
class _Found:
    """A recording without a name. given: the one that a list gives it."""

    video: Path
    shown: str
    given: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    place: str | None = None

    @property
    def identity(self) -> str:
        """What it is, whatever links lead to it and wherever the program was started."""
        options = json.dumps(sorted(self.options.items())) if self.options else ""
        return f"{os.path.realpath(self.video)}\0{options}"

    @property
    def names(self) -> list[str]:
        """What the result may be called, the best first; each depends on this recording alone."""
        if self.given is not None:
            return [self.given]
        stem = self.video.stem
        options = self.identity.partition("\0")[2]
        local = _digest(os.path.normpath(self.shown) + options)
        whole = _digest(self.identity)
        return [stem, f"{stem}-{local[:8]}", f"{stem}-{whole}"]


def find_jobs(inputs: Sequence[str], output: Path) -> tuple[list[Job], list[str]]:
    """The recordings that are meant, in the order given, and sentences on what was left out.

    inputs: folders, which are searched through, patterns such as `calls/*.mp4`, lists (.csv,
    .jsonl), and recordings. output: what lies in it is not taken, if a folder above it is searched.

    Raises:
        InputError: something cannot be read, or there is no recording. UsageError: two lines of
        lists want the same name.
    """
    notes: list[str] = []
    found: dict[str, _Found] = {}
    for text in inputs:
        for one in _meant(text, output, notes):
            first = found.setdefault(one.identity, one)
            if first is not one:
                notes.append(f"{one.place or one.shown}: is {first.place or first.shown} once more")
    if not found:
        endings = ", ".join(sorted(VIDEO_SUFFIXES))
        raise InputError(f"{', '.join(inputs)}: no recording is there; taken are {endings}")
    return _named(list(found.values())), notes


def _meant(text: str, output: Path, notes: list[str]) -> Iterator[_Found]:
    path = Path(text)
    if path.is_dir():
        yield from _in_folder(path, output, notes)
    elif path.suffix.lower() in SUFFIXES and path.is_file():
        for line in read_manifest(path):
            yield _Found(line.video, line.written, line.name, line.options, line.place)
    elif os.path.lexists(path):
        yield _Found(path.absolute(), text)
    elif glob.has_magic(text):
        yield from _of_pattern(text)
    else:
        raise InputError(f"{text}: does not exist; give a folder, a pattern, a list or recordings")


def _in_folder(folder: Path, output: Path, notes: list[str]) -> Iterator[_Found]:
    """The recordings in a folder and those below it; no links to folders, nothing hidden."""

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read ({reason(error)})")

    others = 0
    for where, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if _is_searched(Path(where, name), output))
        for name in sorted(files):
            path = Path(where, name)
            if name.startswith("."):
                continue
            if path.suffix.lower() in VIDEO_SUFFIXES:
                yield _Found(path.absolute(), str(path.relative_to(folder)))
            else:
                others += 1
    if others:
        files_are = "1 other file is" if others == 1 else f"{others} other files are"
        notes.append(f"{folder}: {files_are} passed over, by the ending of the name")


def _is_searched(folder: Path, output: Path) -> bool:
    """Whether a folder may hold recordings: not what we write."""
    if folder.name.startswith(".") or folder.suffix == RESULT_SUFFIX:
        return False
    return os.path.realpath(folder) != os.path.realpath(output)


def _of_pattern(pattern: str) -> Iterator[_Found]:
    found = [path for path in sorted(glob.glob(pattern, recursive=True)) if not os.path.isdir(path)]
    if not found:
        raise InputError(f"{pattern}: fits no file")
    for path in found:
        yield _Found(Path(path).absolute(), path)


def _named(found: Sequence[_Found]) -> list[Job]:
    """Names that no two share, and that do not depend on the order.

    Raises:
        UsageError: a list gives one name twice.
    """
    level = [0] * len(found)
    while True:
        names = [one.names[n] for one, n in zip(found, level, strict=True)]
        times = Counter(map(_same_name, names))
        shared = [i for i, name in enumerate(names) if times[_same_name(name)] > 1]
        free = [i for i in shared if level[i] + 1 < len(found[i].names)]
        if not free:
            break
        for i in free:
            level[i] += 1
    if shared:
        one = found[shared[-1]]
        raise UsageError(f"{one.place}: another recording is called {names[shared[-1]]!r}, too")
    return [
        Job(one.video, one.shown, name + RESULT_SUFFIX, one.options, one.place)
        for one, name in zip(found, names, strict=True)
    ]


def _same_name(name: str) -> str:
    """The same for names that some file systems do not tell apart."""
    return unicodedata.normalize("NFC", name).casefold()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
