"""Results to make reports of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vader_rt.report.saved import Saved

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\">{{ 7 * 7 }}\u202e\n"
"""As a name, it would be run where it is not escaped."""


def changed(files: Mapping[str, bytes], change: Callable[[dict[str, Any]], Any]) -> Saved:
    """The result of some files, with another result.json."""
    said = json.loads(files["result.json"])
    change(said)
    return Saved.of({**files, "result.json": json.dumps(said).encode()})


def with_provenance(
    files: Mapping[str, bytes], change: Callable[[dict[str, Any]], Any]
) -> dict[str, bytes]:
    """The files with another provenance.json, and its digest."""
    provenance, said = (json.loads(files[f"{n}.json"]) for n in ("provenance", "result"))
    change(provenance)
    data = json.dumps(provenance).encode()
    said["outputs"]["provenance.json"] = hashlib.sha256(data).hexdigest()
    return {**files, "provenance.json": data, "result.json": json.dumps(said).encode()}


def overfilled(provenance: dict[str, Any]) -> None:
    """Eight samples at every place, of colours that do not compress, out of 100,000 frames."""
    rng = np.random.default_rng(0)

    def color() -> str:
        return rng.bytes(3).hex()

    columns, rows = 64, 36
    provenance["grid_wh"] = [columns, rows]
    provenance["places"] = [
        {
            "cell": [n % columns, n // columns],
            "pixel": [n % columns, n // columns],
            "room": color(),
            "confidence": round(float(rng.random() ** 3), 3),
            "voted": color(),
            "unmasked": False,
            "samples": [
                [int(rng.integers(100_000)), color(), color(), round(float(rng.random()), 3), 0.1]
                for _ in range(8)
            ],
            "bins": rng.integers(0, 100_000, 6).tolist(),
        }
        for n in range(columns * rows)
    ]


def unmask(said: dict[str, Any]) -> None:
    """Let frames 3 to 5 show the room, and 9 something like it."""
    said["unmasked"] = {
        "frames": 3,
        "intervals": [{"start": 3, "stop": 6, "seconds": [0.1, 0.2]}],
        "suspected_frames": 1,
        "suspected": [{"start": 9, "stop": 10, "seconds": [0.3, 0.333]}],
    }


def name_hostile(said: dict[str, Any]) -> None:
    """Put what would be run into all that others may have written."""
    said["input"]["name"] = said["case"] = said["examiner"] = HOSTILE
    said["input"]["file"]["metadata"] = {HOSTILE: HOSTILE, "long": "x" * 1_000_000}
    said["input"]["file"]["streams"][0]["metadata"] = {"title": HOSTILE}
    said["warnings"] = [HOSTILE] * 1000
    said["command_line"] = ["vader-rt", HOSTILE]
    said["virtual_background"]["given"] = HOSTILE
    said["models"][0]["name"] = said["host"]["name"] = HOSTILE
    said["options"]["virtual_background"] = HOSTILE
    said["versions"]["vader-rt"] = HOSTILE
