"""What a result depends on: two jobs of which all of this is the same give the same room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vader_rt.errors import reading
from vader_rt.models import shipped_sums
from vader_rt.pipeline.options import said

FILE_OPTIONS = (
    *("model", "restoration", "judge", "person_model"),
    *("virtual_background", "truth", "mask"),
)
"""Options that are files: their content counts, and not where they lie."""
_LIBRARY = "virtual_library"
_WITHOUT_EFFECT = ("threads", "device_memory", "checkpoint", "every")


def option_files(options: Mapping[str, Any]) -> dict[str, Path]:
    """The files that options name, by what they are.

    Raises:
        InputError: a folder cannot be read.
    """
    found = {name: Path(options[name]) for name in FILE_OPTIONS if options.get(name)}
    library = options.get(_LIBRARY)
    if library:
        with reading(library):
            paths = sorted(path for path in Path(library).iterdir() if path.is_file())
        found |= {f"{_LIBRARY}/{path.name}": path for path in paths}
    return found


def identity(
    version: str, digests: Mapping[str, str], options: Mapping[str, Any]
) -> dict[str, Any]:
    """All that a result depends on, in what JSON has.

    version: of the package. digests: SHA-256 of the recording, `video`, and of the `option_files`.
    """
    left_out = (*FILE_OPTIONS, *_WITHOUT_EFFECT, _LIBRARY)
    return {
        "version": version,
        "models": dict(shipped_sums()),
        "files": dict(digests),
        "options": {name: said(v) for name, v in options.items() if name not in left_out},
    }
