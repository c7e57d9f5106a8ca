"""Read ahead in a thread, so that decoding and inference overlap."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")

_END = object()
_POLL_SECONDS = 0.1


def prefetch(items: Iterator[T], depth: int = 4, *, patience: float | None = None) -> Iterator[T]:
    """Yield the items of an iterator that runs in a thread, at most `depth` ahead.

    An error in the iterator is raised here; closing this generator stops the thread. patience:
    seconds to wait for that, as a stream may not answer; None: as long as it takes.
    """
    ahead: queue.Queue = queue.Queue(depth)
    closed = threading.Event()

    def put(entry: object) -> None:
        while not closed.is_set():
            try:
                return ahead.put(entry, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
        return None

    def read() -> None:
        try:
            for item in items:
                put((item, None))
                del item  # it may be large, and the next one is not made yet
                if closed.is_set():
                    return
            put((_END, None))
        except BaseException as error:  # whatever it is, it belongs to the reader's caller
            put((_END, error))

    thread = threading.Thread(target=read, name="vader-rt-decode", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ahead.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
            del item
    finally:
        closed.set()
        thread.join(patience)
