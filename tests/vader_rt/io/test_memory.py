"""Freed memory goes back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

HOARD = """
from vader_rt.io.memory import give_back

def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

small = [bytearray(60_000) for _ in range(2000)]  # too small to be mapped each by itself
held = resident_mb()
last = small[-1]  # so that the heap cannot simply end earlier
del small
before = resident_mb()
give_back()
print(held - resident_mb(), before - resident_mb())
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="only glibc keeps what was freed"
)
def test_what_was_freed_goes_back() -> None:
    run = subprocess.run(
        [sys.executable, "-c", HOARD], stdout=subprocess.PIPE, text=True, check=True
    )
    given_back, by_this = map(float, run.stdout.split())
    assert given_back > 100  # of 120 MB
    assert by_this > 50
