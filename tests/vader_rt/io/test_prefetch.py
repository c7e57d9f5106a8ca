"""Reading ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from vader_rt.io.prefetch import prefetch


def decoding_threads() -> int:
    return sum(t.name == "vader-rt-decode" for t in threading.enumerate())


def test_order_is_kept() -> None:
    assert list(prefetch(iter(range(100)), depth=3)) == list(range(100))


def test_errors_arrive_after_the_items_before_them() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    items = prefetch(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_it_runs_ahead_no_further_than_its_depth() -> None:
    made = []

    def counting() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    items = prefetch(counting(), depth=4)
    assert next(items) == 0
    time.sleep(0.3)
    assert 2 <= len(made) <= 1 + 4 + 1  # taken, queued, and one that waits to be queued
    items.close()


def test_closing_stops_the_thread() -> None:
    before = decoding_threads()
    items = prefetch(iter(range(10_000)))
    next(items)
    assert decoding_threads() == before + 1
    items.close()
    assert decoding_threads() == before
