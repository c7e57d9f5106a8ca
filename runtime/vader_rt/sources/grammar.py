"""What may be given as a recording, and what is made of it."""

from __future__ import annotations

import glob
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import numpy as np

from vader_rt.errors import InputError, reading
from vader_rt.io.images import IMAGE_SUFFIXES, MAX_PIXELS
from vader_rt.io.video import checked_size, open_video
from vader_rt.sources.live import LiveStream, is_live
from vader_rt.sources.memory import FrameArray, checked, spooled
from vader_rt.sources.parts import Parts
from vader_rt.sources.pictures import Pictures
from vader_rt.sources.selection import Selected, Selection
from vader_rt.sources.source import FrameSource

Source = str | Path | Sequence[str] | Sequence[Path] | Iterable[np.ndarray]
"""A recording: see `expanded` for paths; or frames, (H, W, 3) uint8 BGR each."""
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".mpg", ".mpeg", ".flv"}
)
"""What a recording's file name mostly ends in."""
_LIST_SUFFIX = ".txt"
_NUMBERED = re.compile(r"%0?\d*d")
_ALL = Selection()


@contextmanager
def open_source(
    source: Source, *, max_pixels: int = MAX_PIXELS, selection: Selection = _ALL
) -> Iterator[FrameSource]:
    """Make a source that can be read again of what was given.

    A one-way iterable is spooled, losslessly, into a temporary file that goes with the context.

    Raises:
        InputError: it is none, or cannot be read. UsageError: nothing can be selected so.
    """
    with _whole(source, max_pixels) as whole:
        yield whole if selection.is_all else Selected(whole, selection)


@contextmanager
def _whole(source: Source, max_pixels: int) -> Iterator[FrameSource]:
    paths = _given_paths(source)
    address = _address(source)
    if address is not None:
        yield LiveStream.of(address, max_pixels)
    elif paths is not None:
        yield _of_files(expanded(paths), max_pixels)
    elif isinstance(source, np.ndarray | Sequence) and not _is_scalar(source):
        if len(source) == 0:
            raise InputError("no frames were given")
        items = cast("Sequence[np.ndarray]", source)
        yield FrameArray(items, checked_size(checked(items[0]), "frames", max_pixels))
    elif isinstance(source, Iterable) and not _is_scalar(source):
        with tempfile.TemporaryDirectory(prefix="vader-rt-") as folder:
            frames = cast("Iterable[np.ndarray]", source)
            yield spooled(frames, Path(folder) / "frames.mkv", max_pixels)
    else:
        raise InputError(f"a path or frames were expected, not {type(source).__name__}")


def expanded(paths: Sequence[Path]) -> list[Path]:
    """The files that paths mean, in the order of the recording.

    A file that exists is that file. Else a path may be a list (`parts.txt`, a path a line, from its
    own folder), a folder of pictures, a pattern (`part-*.mp4`), or a numbered one (`%04d.png`).

    Raises:
        InputError: there is no such file.
    """
    return [file for path in paths for file in _expanded(path)]


def _expanded(path: Path) -> list[Path]:
    with reading(path):
        if path.is_file() and path.suffix.lower() == _LIST_SUFFIX:
            return _listed(path)
        if path.is_dir():
            return _pictures_in(path)
        if path.exists():
            return [path]
        found = _matching(path)
    return found if found is not None else [path]


def _listed(path: Path) -> list[Path]:
    """The files that a list names. A line that begins with # is a comment if no file is called so.

    Raises:
        InputError: it is not UTF-8, or names nothing.
    """
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: is not UTF-8; save it as that, with the path of a video a line"
        ) from None
    names = [line.strip() for line in lines]
    files = [path.parent / name for name in names if name and not _is_comment(path, name)]
    if not files:
        raise InputError(f"{path}: lists nothing; write the path of a video a line")
    return files


def _is_comment(path: Path, line: str) -> bool:
    return line.startswith("#") and not os.path.lexists(path.parent / line)


def _pictures_in(folder: Path) -> list[Path]:
    files = [path for path in folder.iterdir() if path.is_file()]
    videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
    pictures = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    if videos:
        raise InputError(
            f"{folder}: is a folder of videos, such as {min(videos).name}; give a file"
        )
    if not pictures:
        raise InputError(f"{folder}: is a folder without pictures; give a video file, or its parts")
    return sorted(pictures, key=_natural)


def _matching(path: Path) -> list[Path] | None:
    """The files that a pattern means; None if it is none."""
    pattern = _NUMBERED.sub("*", str(path))
    if not glob.has_magic(pattern):
        return None
    numbered = re.compile(_NUMBERED.sub(r"\\d+", re.escape(path.name).replace(r"\%", "%")))
    found = [Path(name) for name in glob.glob(pattern)]
    if _NUMBERED.search(path.name):
        found = [file for file in found if numbered.fullmatch(file.name)]
    if not found:
        raise InputError(f"{path}: no file fits this pattern; correct it, or give files")
    return sorted(found, key=_natural)


def _of_files(files: Sequence[Path], max_pixels: int) -> FrameSource:
    pictures = [file.suffix.lower() in IMAGE_SUFFIXES for file in files]
    if len(files) > 1 and all(pictures):
        return Pictures.of(files, max_pixels)
    if len(files) > 1 and any(pictures):
        for file in files:
            if not file.exists():
                raise InputError(f"{file}: does not exist; give a video file")
        raise InputError(f"{files[pictures.index(True)]}: is a picture among videos")
    opened = [open_video(file, max_pixels=max_pixels) for file in files]
    return opened[0] if len(opened) == 1 else Parts.of(opened)


def _address(source: object) -> str | None:
    """The address of a stream, if it is one; a file that exists is that file."""
    if isinstance(source, list | tuple) and len(source) == 1:
        (source,) = source
    if not isinstance(source, str) or not is_live(source):
        return None
    return None if Path(source).is_file() else source


def _given_paths(source: object) -> list[Path] | None:
    """Paths, if they are what was given."""
    if isinstance(source, str | Path):
        return [Path(source)]
    is_list = isinstance(source, list | tuple) and len(source) > 0
    if is_list and all(isinstance(one, str | Path) for one in cast("Sequence[object]", source)):
        return [Path(one) for one in cast("Sequence[str]", source)]
    return None


def _natural(path: Path) -> list[tuple[int, str]]:
    """For sorting: `part-10` after `part-9`."""
    return [(int(p or -1), t) for p, t in re.findall(r"(\d*)(\D*)", path.name)]


def _is_scalar(source: object) -> bool:
    """Whether it is an array that cannot be iterated."""
    return isinstance(source, np.ndarray) and source.ndim == 0
