"""Python, started afresh: what is tried there can end that process, and not this one."""

from __future__ import annotations

import os
import subprocess
import sys

_SAFELY = "import sys; sys.path[:] = filter(None, sys.path)\n"
"""`-c` puts the current folder first on the path: a `json.py` beside a recording would be run."""


def run_script(
    script: str, *arguments: str, data: bytes = b"", seconds: float
) -> subprocess.CompletedProcess[bytes]:
    """Run a script in an interpreter that finds what this one finds.

    data: its stdin. seconds: after which it is killed.

    Raises:
        TimeoutError: it was. OSError: it cannot be started.
    """
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        return subprocess.run(
            [sys.executable, "-c", _SAFELY + script, *arguments],
            input=data,
            capture_output=True,
            timeout=seconds,
            env={**os.environ, "PYTHONPATH": paths},
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"did not answer within {seconds:.0f} s") from None
