"""Tasks for tests: short clips, and a model that learned nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import vader_rt
from vader_rt.batch.work import Task, tasks_options


def task(video: Path, folder: Path, model: Path, **changes: Any) -> Task:
    options = tasks_options({"model": model, "restore": False, "engine": "onnx-cpu"}, {})
    options |= changes.pop("options", {})
    return Task(
        *(str(video), str(folder), options), version=vader_rt.__version__, cpus=1, **changes
    )


def processes(word: str) -> Iterator[tuple[int, int]]:
    """Number and parent's number of the processes whose command line has a word in it."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command = (entry / "cmdline").read_bytes()
                status = (entry / "stat").read_text()
            except OSError:  # it has ended
                continue
            if word.encode() in command and int(entry.name) != os.getpid():
                yield int(entry.name), int(status.rpartition(")")[2].split()[1])
