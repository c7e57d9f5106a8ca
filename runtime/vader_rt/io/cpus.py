"""The CPUs that this process may use, by its affinity and its container's quota; work on all."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)

_CGROUP = Path("/sys/fs/cgroup")
_share: int | None = None


def share_cpus(cpus: int | None) -> None:
    """Let this process count on so many CPUs at most; others work beside it. None: on all."""
    global _share
    _share = cpus


def usable_cpus(cgroup: Path = _CGROUP) -> int:
    """CPUs that this process may run on at once, 1 or more.

    A container on a large host sees all of the host's CPUs, but gets no more time than its quota;
    with as many threads as the host has, they only take turns.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limits = (affinity or 1, _quota(cgroup), _share)
    return max(1, min(math.ceil(limit) for limit in limits if limit is not None))


def threads_for(asked: int) -> int:
    """As many threads as were asked for, 0 = all, but no more than this process may use CPUs."""
    usable = usable_cpus()
    if asked > usable:
        log.warning("--threads %d: this process may use %d CPUs; taking %d", asked, usable, usable)
    return min(asked, usable) if asked else usable


def in_threads(work: Callable[[T], None], items: Iterable[T]) -> None:
    """Do the work on every item, as many at once as this process may use CPUs.

    It is worth it where the work leaves Python, as NumPy and OpenCV do.
    """
    with ThreadPoolExecutor(usable_cpus()) as pool:
        for _ in pool.map(work, items):
            pass


def _quota(cgroup: Path) -> float | None:
    """CPUs by the quota of cgroup v2 or v1; None where there is none."""
    for quota, period in (
        ("cpu.max", None),
        ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"),
    ):
        words = _words(cgroup / quota) + (_words(cgroup / period) if period else [])
        if len(words) == 2 and words[0].isdecimal() and words[1].isdecimal() and int(words[1]):
            return int(words[0]) / int(words[1])
    return None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
