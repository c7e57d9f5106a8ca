"""Tasks on a Ray cluster: they carry paths, and each result is renamed into its place once.

Ray runs a task at least once: where a node is lost, or seems to be, its tasks run again. What they
leave is one result all the same, see `vader_rt.batch.publish`. So all nodes must see the recordings
and the folder of the results under the same paths.
"""

from __future__ import annotations

import os
import platform
import signal
import socket
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, redirect_stdout, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import vader_rt
from vader_rt.batch.events import Event, Finished, Started, Told
from vader_rt.batch.publish import workshop
from vader_rt.batch.work import Outcome, Task, run
from vader_rt.errors import EngineError, UsageError, reason
from vader_rt.io.cpus import share_cpus

_SECONDS_BETWEEN_LOOKS = 5.0
"""How often the cluster is asked for the nodes that it has."""
_SECONDS_TO_ANSWER = 10.0
_IN_STORE = 2
"""Tasks that Ray has at a time, for each one that the cluster can run at once."""


@dataclass(frozen=True)
class Needs:
    """What a task takes of its node. gpus: a share of one, or several. memory_bytes: or None."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int | None = None

    @property
    def by_resource(self) -> dict[str, float]:
        """As a node of Ray names them; nothing that is not needed."""
        needs = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory_bytes or 0.0}
        return {name: need for name, need in needs.items() if need}

    def slots(self, resources: Mapping[str, float]) -> int:
        """How many tasks a node can run at once."""
        return int(min(resources.get(name, 0.0) // n for name, n in self.by_resource.items()))

    def __str__(self) -> str:
        memory = f", {self.memory_bytes / 1e9:g} GB" if self.memory_bytes else ""
        return f"{self.cpus:g} CPUs{f', {self.gpus:g} GPUs' if self.gpus else ''}{memory}"


def run_on_ray(
    tasks: Mapping[int, Task],
    address: str,
    *,
    needs: Needs,
    retries: int,
    most: int | None = None,
) -> Generator[Event, None, None]:
    """Do tasks on a Ray cluster and yield what happens. Closing this generator ends those that run.

    address: `auto`, `local` (a cluster in this process), HOST:PORT or ray://HOST:PORT. retries: how
    often a task is given again whose process or node died. most: tasks at a time; None for as many
    as the cluster has room for.

    Raises:
        EngineError: there is no Ray, or no cluster.
    """
    if not tasks:
        return
    with _cluster(address) as ray, _landmark(tasks) as landmark:
        cpus = max(1, int(needs.cpus))
        marked = {i: replace(t, cpus=cpus, landmark=str(landmark)) for i, t in tasks.items()}
        fleet = _Fleet(ray, marked, needs, retries, most)
        try:
            yield from fleet.run()
        finally:
            fleet.cancel()


def _landmark(tasks: Mapping[int, Task]) -> AbstractContextManager[Path]:
    """What nodes must see beside the results, or else they would write them to another place."""
    return workshop(Path(next(iter(tasks.values())).folder).parent)


class _Fleet:
    """The tasks that Ray has, and those that it is to get."""

    def __init__(
        self,
        ray: ModuleType,
        tasks: Mapping[int, Task],
        needs: Needs,
        retries: int,
        most: int | None,
    ) -> None:
        self._ray, self._tasks, self._needs = ray, tasks, needs
        self._retries, self._most = retries, most
        self._waiting, self._deaths = list(tasks)[::-1], dict.fromkeys(tasks, 0)
        self._running: dict[Any, int] = {}
        self._remote = ray.remote(
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            memory=needs.memory_bytes,
            max_retries=0,  # ours are counted; Ray would retry for ever what has too little memory
            max_calls=1,  # as a process that ends gives all its memory back, a GPU's too
        )(_on_node)

    def run(self) -> Iterator[Event]:
        """See `run_on_ray`."""
        has_room = True
        while self._waiting or self._running:
            slots, had_room = self._slots(), has_room
            has_room = slots > 0
            if had_room and not has_room:
                yield Told(f"no node of the cluster has {self._needs}; waiting for one that has")
            window = self._most or max(1, slots * _IN_STORE)  # one, to show what is wanted
            while self._waiting and len(self._running) < window:
                yield Started(self._give(self._waiting.pop()))
            ready, _ = self._ray.wait(list(self._running), timeout=_SECONDS_BETWEEN_LOOKS)
            for ref in ready:
                yield self._settled(self._running.pop(ref), self._outcome(ref))

    def _give(self, index: int) -> int:
        self._running[self._remote.remote(asdict(self._tasks[index]))] = index
        return index

    def _settled(self, index: int, outcome: Outcome | str) -> Event:
        """What comes of a task, or of the death of its process: another try, or the end."""
        if isinstance(outcome, Outcome):
            return Finished(index, outcome)
        self._deaths[index] += 1
        if self._deaths[index] > self._retries:
            times = "once" if self._deaths[index] == 1 else f"{self._deaths[index]} times"
            line = f"{outcome}; it was tried {times}"
            return Finished(index, Outcome("failed", EngineError.exit_code, line))
        self._waiting.append(index)
        return Told(f"{Path(self._tasks[index].video).name}: {outcome}; it is tried once more")

    def cancel(self) -> None:
        """End what runs."""
        for ref in self._running:
            with suppress(Exception):  # the cluster may be gone
                self._ray.cancel(ref, force=True)

    def _slots(self) -> int:
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return sum(map(self._needs.slots, nodes))

    def _outcome(self, ref: Any) -> Outcome | str:
        """What came of a task; a sentence if its process died, and it may be tried again."""
        errors = self._ray.exceptions
        try:
            return Outcome.from_json(self._ray.get(ref))
        except errors.OutOfMemoryError:
            return "its node had too little memory (--memory-per-job)"
        except (errors.NodeDiedError, errors.LocalRayletDiedError, errors.ObjectLostError):
            return "its node is gone"
        except errors.WorkerCrashedError:
            return "its process or node died"
        except errors.RayError as error:
            last = str(error).strip().splitlines()[-1:]
            line = f"it cannot run on the cluster ({' '.join(last)}); is vader-rt on every node?"
            return Outcome("failed", EngineError.exit_code, line, trace=str(error))


def _on_node(given: Mapping[str, Any]) -> dict[str, Any]:
    """Do a task in a worker of Ray."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    task = Task(**given)
    share_cpus(task.cpus)
    if vader_rt.__version__ == task.version:
        outcome = run(task)
    else:
        line = f"this node has vader-rt {vader_rt.__version__}, not {task.version}"
        outcome = Outcome("failed", EngineError.exit_code, line)
    return replace(outcome, node=platform.node()).to_json()


@contextmanager
def _cluster(address: str) -> Iterator[ModuleType]:
    """Ray, connected to a cluster.

    Raises:
        UsageError: it is not installed. EngineError: there is no cluster at the address.
    """
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"--ray needs Ray ({error}): pip install 'vader-rt[fleet]'") from None
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == "local":
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        options["include_dashboard"] = False
    try:
        _call(address)
        ray.init(address=address, **options)
    except Exception as error:  # of many kinds
        raise EngineError(f"--ray {address}: no cluster answers ({_first_line(error)})") from None
    try:
        for number, handler in handlers.items():  # Ray takes SIGTERM for itself
            if handler is not None:
                signal.signal(number, handler)
        # Ray prints there what dies; to whom that matters we tell, and stdout is for data
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            yield ray
    finally:
        ray.shutdown()


def _call(address: str) -> None:
    """Make sure that somebody listens at an address; Ray itself would try for many minutes.

    Raises:
        OSError: nobody does. ValueError: it has no port.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_ANSWER).close()


def _first_line(error: BaseException) -> str:
    return (reason(error).strip().splitlines() or [type(error).__name__])[0]
