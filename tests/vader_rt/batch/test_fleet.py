"""Many tasks on a real Ray cluster of three nodes, of which some die."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.vader_rt.batch.made import processes, task
from train.calls import read_calls
from vader_rt.batch.events import Event, Finished, Told
from vader_rt.batch.fleet import Needs, run_on_ray
from vader_rt.batch.publish import sweep
from vader_rt.batch.record import read_record
from vader_rt.batch.work import Task, done_already
from vader_rt.errors import EngineError

pytestmark = [pytest.mark.fleet, pytest.mark.slow, pytest.mark.filterwarnings("default")]
WORKER = "ray::_on_node"
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}


@pytest.fixture(scope="module")
def ray() -> ModuleType:
    return pytest.importorskip("ray", reason="needs pip install 'vader-rt[fleet]'")


@pytest.fixture
def cluster(ray: ModuleType) -> Iterator[Any]:
    """Three nodes on this machine, each with a CPU."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    try:
        for _ in range(2):
            cluster.add_node(**NODE)
        yield cluster
    finally:
        cluster.shutdown()


@pytest.fixture
def tasks(tiny_calls: Path, tiny_models: dict[str, Path], tmp_path: Path) -> dict[int, Task]:
    out, (call,) = tmp_path / "out", read_calls(tiny_calls)
    out.mkdir()
    return {i: task(call.video, out / f"{i}.vader", tiny_models["frame"]) for i in range(6)}


def assert_all_done_once(tasks: dict[int, Task], events: list[Event]) -> None:
    """Each task came to one end, and left one whole result and nothing else."""
    ends = [event for event in events if isinstance(event, Finished)]
    assert sorted(end.index for end in ends) == sorted(tasks)
    assert {end.outcome.state for end in ends} <= {"done", "skipped"}, ends
    out = Path(tasks[0].folder).parent
    sweep(out)
    assert sorted(os.listdir(out)) == sorted(Path(t.folder).name for t in tasks.values())
    for one in tasks.values():
        assert read_record(Path(one.folder)) is not None
        assert done_already(one) is not None


def test_all_is_done_and_a_broken_recording_is_no_retry(
    cluster: Any, tasks: dict[int, Task], tmp_path: Path
) -> None:
    (tmp_path / "bad.mp4").write_text("this is no video")
    bad = task(tmp_path / "bad.mp4", tmp_path / "out" / "bad.vader", Path(tasks[0].video))
    good = {0: tasks[0], 1: tasks[1]}
    events = list(
        run_on_ray({**good, 9: bad}, cluster.address, needs=Needs(memory_bytes=10**8), retries=3)
    )
    ends = {e.index: e.outcome for e in events if isinstance(e, Finished)}
    assert not [e for e in events if isinstance(e, Told)]
    assert (ends[9].state, ends[9].exit_code) == ("failed", 3)
    assert ends[0].node
    del ends[9]
    assert_all_done_once(good, [e for e in events if getattr(e, "index", 0) != 9])


def test_a_node_that_is_killed_loses_nothing(cluster: Any, tasks: dict[int, Task]) -> None:
    events: list[Event] = []
    killed: list[Any] = []
    for event in run_on_ray(tasks, cluster.address, needs=Needs(), retries=3):
        events.append(event)
        if isinstance(event, Finished) and not killed:
            killed.append(busy_node(cluster))
            cluster.remove_node(killed[0], allow_graceful=False)
    assert [e for e in events if isinstance(e, Told) and "it is tried once more" in e.line]
    assert_all_done_once(tasks, events)


def busy_node(cluster: Any) -> Any:
    """A node beside the head on which a task runs."""
    raylets = {n.all_processes["raylet"][0].process.pid: n for n in cluster.worker_nodes}
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for _, parent in processes(WORKER):
            if parent in raylets:
                return raylets[parent]
        time.sleep(0.05)
    raise AssertionError("no task runs on a node beside the head")


def test_a_process_that_is_killed_while_it_writes_leaves_one_result(
    cluster: Any, tasks: dict[int, Task]
) -> None:
    out, halves, over = Path(tasks[0].folder).parent, list[list[str]](), threading.Event()

    def kill_a_writer() -> None:
        while not over.is_set() and not halves:
            for place in out.glob(".vader-rt-job-*/result"):
                for number in owners(place.parent):
                    os.kill(number, signal.SIGSTOP)  # it cannot come to its end while we look
                    if place.is_dir() and not (place / "job.json").exists():
                        halves.append(os.listdir(place))
                        os.kill(number, signal.SIGKILL)
                    os.kill(number, signal.SIGCONT)
            time.sleep(0.001)

    killer = threading.Thread(target=kill_a_writer)
    killer.start()
    try:
        events = list(run_on_ray(tasks, cluster.address, needs=Needs(), retries=3))
    finally:
        over.set()
        killer.join()
    assert halves
    assert [e.line for e in events if isinstance(e, Told)] == [
        f"{Path(tasks[0].video).name}: its process or node died; it is tried once more"
    ]
    assert_all_done_once(tasks, events)


def owners(workshop: Path) -> list[int]:
    """The processes of Ray that hold a workshop's lock."""
    found = []
    for number, _ in processes(WORKER):
        with suppress(OSError):  # it has ended
            links = [os.readlink(handle) for handle in Path(f"/proc/{number}/fd").iterdir()]
            if str(workshop / "lock") in links:
                found.append(number)
    return found


def test_what_always_dies_fails_in_the_end(cluster: Any, tasks: dict[int, Task]) -> None:
    over = threading.Event()

    def kill_all() -> None:
        while not over.wait(0.02):
            for number, _ in processes(WORKER):
                os.kill(number, signal.SIGKILL)

    killer = threading.Thread(target=kill_all)
    killer.start()
    try:
        events = list(run_on_ray({0: tasks[0]}, cluster.address, needs=Needs(), retries=1))
    finally:
        over.set()
        killer.join()
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.outcome.line == "its process or node died; it was tried 2 times"
    assert len([e for e in events if isinstance(e, Told)]) == 1


def test_a_node_that_nobody_has_is_told_and_waited_for(
    cluster: Any, tasks: dict[int, Task]
) -> None:
    needs = Needs(cpus=2)
    events = run_on_ray({0: tasks[0]}, cluster.address, needs=needs, retries=0)
    assert next(events) == Told("no node of the cluster has 2 CPUs; waiting for one that has")
    cluster.add_node(**{**NODE, "num_cpus": 2})
    assert [e.outcome.state for e in events if isinstance(e, Finished)] == ["done"]


def test_no_cluster_is_an_error(ray: ModuleType, tasks: dict[int, Task]) -> None:
    with pytest.raises(EngineError, match=r"--ray 127.0.0.1:1: no cluster answers \(Connection"):
        next(run_on_ray(tasks, "127.0.0.1:1", needs=Needs(), retries=0))
