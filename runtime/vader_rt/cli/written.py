"""Files that a command writes beside its result: nothing that is given may be lost by them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

from vader_rt.errors import UsageError


def check_written(
    written: Mapping[str, Path | None], *, inputs: Iterable[Path], results: Iterable[Path]
) -> None:
    """Refuse to write over an input, into a result, or two things into one file.

    written: by option. inputs: files that are read. results: folders, be they there or not.

    Raises:
        UsageError: one would be lost; it says which option.
    """
    asked = {option: _real(path) for option, path in written.items() if path is not None}
    taken = {_real(path) for path in inputs if not os.path.isdir(path)}
    folders = {_real(folder) for folder in results}
    for option, path in asked.items():
        if os.path.isdir(path):
            raise UsageError(f"{written[option]}: is a folder; give a file to {option}")
        if path in taken:
            raise UsageError(f"{written[option]}: is an input; give another file to {option}")
        if folders & {path, *path.parents}:
            raise UsageError(
                f"{written[option]}: lies in a result's folder, which holds nothing but the "
                f"result; give another place to {option}"
            )
    for (one, path), (other, same) in combinations(asked.items(), 2):
        if path == same:
            raise UsageError(f"{written[one]}: is given to both {one} and {other}")


def _real(path: Path) -> Path:
    try:
        return Path(os.path.realpath(path))
    except OSError:  # the current folder is gone: whoever opens it says so
        return path
