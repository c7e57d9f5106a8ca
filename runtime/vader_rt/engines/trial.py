"""A model's first run, in a process of its own: what it takes there, it cannot take here.

A small file can ask for any amount of memory and time, and can crash what runs it. A model that
did not come with the package therefore has to run once on zeros within `MOST_MEMORY` and
`MOST_SECONDS` before it is loaded. What depends on the frames, it may still do later.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from vader_rt.engines.engine import accepted
from vader_rt.engines.onnx_file import OnnxFile, Shapes
from vader_rt.errors import EngineError, InputError, VaderError, reason
from vader_rt.fresh import run_script

MOST_MEMORY = 2 << 30
"""Bytes. The largest network of ours takes a tenth."""
MOST_SECONDS = 20
"""On one CPU."""
_MOST_WAITING = 300.0
"""Seconds after which a trial that does nothing is ended."""
_TOO_MUCH = (
    f"takes more than {MOST_SECONDS} s or {MOST_MEMORY >> 20} MiB for one run; export it again"
)
_OUT_OF_MEMORY = ("bad_alloc", "Failed to allocate memory", "Unable to allocate")
"""What ONNX Runtime and NumPy say then."""
_SCRIPT = "from vader_rt.engines.trial import main; main()"
_PASSED: set[tuple[str, ...]] = set()
"""What was tried in this process: digests, with the shapes."""


def try_out(file: OnnxFile, inputs: Shapes, outputs: Shapes) -> None:
    """Run a model once; one that came with the package, or was tried before, need not.

    inputs: it gets zeros of these shapes. outputs: what it must give then.

    Raises:
        InputError: it cannot be loaded, takes too much, or gives something else.
        EngineError: it fails when it runs.
    """
    asked = json.dumps([{n: list(s) for n, s in shapes.items()} for shapes in (inputs, outputs)])
    if file.shipped or (file.sha256, asked) in _PASSED:
        return
    said = _child(file, asked)
    if "error" in said:
        kind = EngineError if said["error"] == "run" else InputError
        raise kind(f"{file.path}: {said['reason']}")
    _PASSED.add((file.sha256, asked))


def _child(file: OnnxFile, asked: str) -> dict[str, str]:
    """What the process says: nothing, or `error` and its reason."""
    try:
        run = run_script(_SCRIPT, asked, data=file.data, seconds=_MOST_WAITING)
    except TimeoutError as error:
        return {"error": "load", "reason": str(error)}
    except OSError as error:
        raise EngineError(f"{sys.executable}: cannot be run ({reason(error)})") from None
    try:
        said: dict[str, str] = json.loads(run.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        # what ends it by a signal: the limit on its time, on its memory, or a fault in the engine
        return {
            "error": "load",
            "reason": f"ends ONNX Runtime (exit status {run.returncode}), or {_TOO_MUCH}",
        }
    return said


def main() -> None:
    """The process: a model comes in, one line of JSON goes out."""
    inputs, outputs = json.loads(sys.argv[1])
    _limit(resource.RLIMIT_CPU, MOST_SECONDS)
    _limit(resource.RLIMIT_CORE, 0)
    data = sys.stdin.buffer.read()
    _limit(resource.RLIMIT_DATA, MOST_MEMORY)
    sys.stdout.write(json.dumps(_tried(data, inputs, outputs)) + "\n")


def _tried(data: bytes, inputs: Shapes, outputs: Shapes) -> dict[str, Any]:
    import numpy as np

    from vader_rt.engines.sessions import CPU, reason_of, session

    stage = "load"
    try:
        network = session(data, CPU, threads=1)
        stage = "run"
        planes = {name: np.zeros(shape, np.float32) for name, shape in inputs.items()}
        found = network.run(list(outputs), planes)
        stage = "outputs"
        accepted(found, outputs, check_values=False)
    except VaderError as error:
        return {"error": stage, "reason": str(error)}
    except Exception as error:  # ONNX Runtime has no common base for what a model can raise
        if any(words in str(error) for words in _OUT_OF_MEMORY):
            return {"error": "load", "reason": _TOO_MUCH}
        what = "cannot load it" if stage == "load" else "fails on it"
        return {"error": stage, "reason": f"ONNX Runtime {what} ({reason_of(error)})"}
    return {}


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))
