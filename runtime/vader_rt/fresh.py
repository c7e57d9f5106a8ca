"""Python, started afresh: what is tried there can end that process, and not this one."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO

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
    try:
        return subprocess.run(
            [sys.executable, "-c", _SAFELY + script, *arguments],
            input=data,
            capture_output=True,
            timeout=seconds,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"did not answer within {seconds:.0f} s") from None


def start_script(script: str, *, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a script as `run_script` does, with pipes to its stdin and from its stdout.

    It has a session of its own: no Ctrl-C of a terminal comes to it, but what we send.

    Raises:
        OSError: it cannot be started.
    """
    return subprocess.Popen(
        [sys.executable, "-c", _SAFELY + script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=_environment(),
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
