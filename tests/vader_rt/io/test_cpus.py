"""How many CPUs this process may use."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from vader_rt.io.cpus import in_threads, share_cpus, threads_for, usable_cpus

HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),  # half a CPU is one thread
        ({"cpu.max": "nonsense"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu.max": "10000000 100000"}, 100),
    ],
)
def test_the_quota_counts(files: dict[str, str], quota: int | None, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert usable_cpus(tmp_path) == min(HERE, quota or HERE)


def test_no_more_threads_than_cpus(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "vader_rt")
    assert threads_for(0) == usable_cpus()
    assert threads_for(1) == 1
    assert not caplog.messages
    assert threads_for(10**9) == usable_cpus()
    assert "taking" in caplog.messages[0]


def test_a_process_may_be_given_a_share() -> None:
    try:
        share_cpus(1)
        assert threads_for(0) == usable_cpus() == 1
        share_cpus(10**6)
        assert usable_cpus() <= HERE
    finally:
        share_cpus(None)


def test_work_is_done_on_every_item_and_its_error_is_raised() -> None:
    done: list[int] = []
    in_threads(done.append, range(20))
    assert sorted(done) == list(range(20))
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda item: 1 / item, [1, 0, 2])
