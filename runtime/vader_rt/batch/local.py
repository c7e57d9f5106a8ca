"""Tasks on this machine: a process each, so many at a time, among which the CPUs are shared out."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from typing import IO

from vader_rt.batch.events import Advanced, Event, Finished, Started
from vader_rt.batch.work import Outcome, Task
from vader_rt.errors import EngineError
from vader_rt.fresh import start_script

_SCRIPT = "from vader_rt.batch.worker import main; main()"
_SECONDS_TO_END = 30.0
"""How long a worker that writes a result may take to its end."""


def run_here(tasks: Mapping[int, Task], *, workers: int, cpus: int) -> Generator[Event, None, None]:
    """Do tasks on this machine, in order, and yield what happens.

    A process that dies fails its task alone. Closing this generator ends those that run; a result
    that is being written is written to its end.

    workers: processes at a time. cpus: shared out among those that run; of the last tasks, fewer
    than `workers`, each gets more.
    """
    events: queue.Queue[Event] = queue.Queue()
    waiting, running = list(tasks)[::-1], dict[int, _Worker]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                index = waiting.pop()
                at_once = min(workers, len(waiting) + len(running) + 1)
                share = replace(tasks[index], cpus=max(1, cpus // at_once))
                running[index] = _Worker(index, share, events)
                yield Started(index)
            event = events.get()
            if isinstance(event, Finished):
                running.pop(event.index).join()
            yield event
    finally:
        for worker in running.values():
            worker.end()
        for worker in running.values():
            worker.join()


class _Worker:
    """A process that does one task, and a thread that hears it."""

    def __init__(self, index: int, task: Task, events: queue.Queue[Event]) -> None:
        self._index, self._events = index, events
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115, closed by join
        self._process = start_script(_SCRIPT, stderr=self._complaints)
        self._thread = threading.Thread(target=self._hear, args=(task,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Ask the process to end."""
        self._process.terminate()

    def join(self) -> None:
        """Wait for the end; what does not end is killed."""
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._thread.join()
        self._complaints.close()

    def _hear(self, task: Task) -> None:
        process, outcome = self._process, None
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            with suppress(OSError):  # it died already
                process.stdin.write(json.dumps(asdict(task)).encode())
                process.stdin.close()
            for line in process.stdout:
                said = json.loads(line)
                if "outcome" in said:
                    outcome = Outcome.from_json(said["outcome"])
                else:
                    self._events.put(Advanced(self._index, *said["progress"]))
        self._events.put(Finished(self._index, outcome or self._death()))

    def _death(self) -> Outcome:
        """The outcome of a process that died before it could tell one."""
        self._complaints.seek(0)
        said = self._complaints.read().decode(errors="replace").strip().splitlines()
        code = self._process.returncode
        why = f"ended with code {code}" if code >= 0 else f"was killed by {_name(-code)}"
        hint = "; too little memory? Take fewer at once (-j)" if code == -signal.SIGKILL else ""
        last = f" ({said[-1]})" if said else ""
        trace = "\n".join(said) or None
        line = f"its process {why}{last}{hint}"
        return Outcome("failed", EngineError.exit_code, line, trace=trace)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
