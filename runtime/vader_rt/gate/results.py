"""Results that were saved, read again for their figures."""

from __future__ import annotations

import math
from numbers import Real
from pathlib import Path

from vader_rt.entries import json_object, shown
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
    report = json_object(data)
    if report is None:
        raise InputError(f"{file}: is no JSON object; give the folder of a result")
    version = report.get("schema_version")
    if version != RESULT_VERSION:
        said = f"version {version}" if version else "no version"
        raise InputError(f"{file}: has {said}, not {RESULT_VERSION}; recover it again with this")
    try:
        list(frame_metrics(report)), report["input"]["name"], report["complete"]
        for name, value in pooled(report).items():
            if value is not None and not (isinstance(value, Real) and math.isfinite(value)):
                raise ValueError(f"{name} is {shown(value)}")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{file}: is damaged ({type(error).__name__}: {error})") from None
    return report
