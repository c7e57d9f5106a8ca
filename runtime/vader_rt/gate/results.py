"""Results that were saved, read again for their figures."""

from __future__ import annotations

import json
from pathlib import Path

from vader_rt.errors import InputError
from vader_rt.gate.metrics import Report, frame_metrics, pooled
from vader_rt.io.files import read_bytes
from vader_rt.schemas import RESULT_VERSION

_FILE = "result.json"


def read_report(path: Path) -> Report:
    """Read the result.json of a result's folder, or that file itself.

    Raises:
        InputError: it cannot be read, or is none of this version.
    """
    file = path / _FILE if path.is_dir() else path
    data = read_bytes(file, "the folder of a result, such as call.vader")
    try:
        report = json.loads(data)
    except ValueError:
        raise InputError(f"{file}: is no JSON; give the folder of a result") from None
    version = report.get("schema_version") if isinstance(report, dict) else None
    if version != RESULT_VERSION:
        said = f"version {version}" if version else "no version"
        raise InputError(f"{file}: has {said}, not {RESULT_VERSION}; recover it again with this")
    try:
        pooled(report), list(frame_metrics(report)), report["input"]["name"], report["complete"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file}: is damaged ({type(error).__name__}: {error})") from None
    return report
