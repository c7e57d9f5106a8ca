"""Many tasks on this machine: real processes, of which some are killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.vader_rt.batch.made import processes, task
from train.calls import read_calls
from vader_rt.batch.events import Advanced, Event, Finished, Started
from vader_rt.batch.local import run_here

WORKER = "vader_rt.batch.worker"


@pytest.fixture
def video(tiny_calls: Path) -> Path:
    return read_calls(tiny_calls)[0].video


def mine() -> list[int]:
    return [number for number, parent in processes(WORKER) if parent == os.getpid()]


def awaited(count: int) -> list[int]:
    """So many workers: one that has just begun may not have its command line yet."""
    ends = time.monotonic() + 10
    while len(found := mine()) < count and time.monotonic() < ends:
        time.sleep(0.01)
    assert len(found) == count
    return found


def states(events: list[Event]) -> dict[int, str]:
    return {e.index: e.outcome.state for e in events if isinstance(e, Finished)}


def test_a_bad_recording_does_not_stop_the_others(
    video: Path, tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "bad.mp4").write_text("this is no video")
    videos = [video, tmp_path / "bad.mp4", video]
    tasks = {
        index: task(path, tmp_path / f"{index}.vader", tiny_models["frame"])
        for index, path in enumerate(videos)
    }
    events = list(run_here(tasks, workers=2, cpus=2))
    assert states(events) == {0: "done", 1: "failed", 2: "done"}
    assert [e.index for e in events if isinstance(e, Started)] == [0, 1, 2]
    told = [e for e in events if isinstance(e, Advanced)]
    assert {e.stage for e in told} <= {"scan", "recover"}
    assert told


def test_a_worker_that_is_killed_fails_its_recording_alone(
    video: Path, tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    tasks = {i: task(video, tmp_path / f"{i}.vader", tiny_models["frame"]) for i in range(2)}
    events: list[Event] = []
    for event in run_here(tasks, workers=1, cpus=1):
        events.append(event)
        if event == Started(0):
            (number,) = awaited(1)
            os.kill(number, signal.SIGKILL)
    assert states(events) == {0: "failed", 1: "done"}
    (line,) = [e.outcome.line for e in events if isinstance(e, Finished) and e.index == 0]
    assert line == ("its process was killed by SIGKILL; too little memory? Take fewer at once (-j)")
    assert not (tmp_path / "0.vader").exists()


def test_who_stops_listening_ends_them(
    video: Path, tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    tasks = {i: task(video, tmp_path / f"{i}.vader", tiny_models["frame"]) for i in range(3)}
    events = run_here(tasks, workers=2, cpus=2)
    assert [next(events), next(events)] == [Started(0), Started(1)]
    awaited(2)
    began = time.monotonic()
    events.close()
    assert not mine()
    assert time.monotonic() - began < 10
    assert not list(tmp_path.iterdir())
