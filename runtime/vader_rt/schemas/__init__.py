"""What result.json and provenance.json hold, as JSON Schema (draft 2020-12).

Entries are added under the same version; one that goes, or means something else, makes a new one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULT_VERSION = PROVENANCE_VERSION = 1
RESULT_SCHEMA = Path(__file__).parent / "result.v1.schema.json"
PROVENANCE_SCHEMA = Path(__file__).parent / "provenance.v1.schema.json"


def result_schema() -> dict[str, Any]:
    """The schema of result.json."""
    return json.loads(RESULT_SCHEMA.read_text())


def provenance_schema() -> dict[str, Any]:
    """The schema of provenance.json."""
    return json.loads(PROVENANCE_SCHEMA.read_text())
