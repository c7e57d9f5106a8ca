"""Results that were saved, read again for their figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from vader_rt.entries import Entries, EntryError, json_object, shown
from vader_rt.errors import InputError
from vader_rt.gate.metrics import METRICS, Report, pooled
from vader_rt.io.files import read_bytes
from vader_rt.pipeline.checked import check_report
from vader_rt.schemas import RESULT_VERSION

_FILE = "result.json"


def read_report(path: Path) -> Report:
    """Read the result.json of a result's folder, or that file itself.

    Raises:
        InputError: it cannot be read, is none of this version, or says what no result can.
    """
    file = path / _FILE if path.is_dir() else path
    data = read_bytes(file, "the folder of a result, such as call.vader")
    report = json_object(data)
    if report is None:
        raise InputError(f"{file}: is no JSON object; give the folder of a result")
    version = report.get("schema_version")
    if type(version) is not int or version != RESULT_VERSION:
        said = "no version" if version is None else f"version {shown(version)}"
        raise InputError(f"{file}: has {said}, not {RESULT_VERSION}; recover it again with this")
    try:
        check_report(report)
        _check_figures(pooled(report))
    except (EntryError, KeyError, TypeError, ValueError, OverflowError) as error:
        what = str(error) if isinstance(error, EntryError) else f"{type(error).__name__}: {error}"
        raise InputError(f"{file}: is damaged ({what})") from None
    return report


def _check_figures(figures: dict[str, Any]) -> None:
    for name, value in figures.items():
        if value is not None:
            most = 1.0 if METRICS[name].unit == "share" else math.inf
            Entries({name: value}).number(name, 0, most)
