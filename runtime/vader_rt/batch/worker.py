"""A process that does one task: the task on its stdin, what becomes of it on its stdout, as JSON.

It ends by SIGTERM at once, but not while it writes a result; and soon if nobody listens any more.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_SECONDS_BETWEEN_WORDS = 0.2


def main() -> None:
    """Do the task on stdin."""
    listener = _private_stdout()

    def say(kind: str, what: Any) -> None:
        try:
            listener.write(json.dumps({kind: what}) + "\n")
            listener.flush()
        except BrokenPipeError:
            os._exit(1)

    given = json.load(sys.stdin)
    from vader_rt.batch.work import Task, run
    from vader_rt.io.cpus import share_cpus

    task, told = Task(**given), 0.0
    share_cpus(task.cpus)

    def tell(stage: str, frame: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told > _SECONDS_BETWEEN_WORDS:
            told = time.monotonic()
            say("progress", [stage, frame, total])

    say("outcome", run(task, tell, writing=_undisturbed).to_json())


def _private_stdout() -> TextIO:
    """The stdout that the parent reads; what libraries print there goes to stderr instead."""
    private = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return private


@contextmanager
def _undisturbed() -> Iterator[None]:
    """What is being written is written to its end."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
