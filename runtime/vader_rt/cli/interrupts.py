"""Ctrl-C, SIGTERM and SIGHUP: each asks the work to end, and none disturbs its end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While it is entered, the first of the signals is a `KeyboardInterrupt`; others only count.

    A result that is being written, or what was recovered by then, is not lost to impatience.
    Signals that are ignored, as by `nohup`, stay so.

    seen: whether there was one. What raised it may have been caught on its way, or taken for
    another error: in the midst of an import, or where Python cleans up.
    """

    def __init__(self) -> None:
        self.seen = False
        self._held = False
        self._before: dict[signal.Signals, Any] = {}

    def check(self) -> None:
        """Raise a `KeyboardInterrupt` if there was a signal."""
        if self.seen:
            raise KeyboardInterrupt

    def hold(self) -> None:
        """From here on, signals only count."""
        self._held = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold what cannot be left in the middle, such as an import; then `check`."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.check()

    def ignore(self) -> None:
        """Ignore the signals in what is left of the process: there is nothing to interrupt."""
        self.hold()
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)

    def __enter__(self) -> Interrupts:
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if before in (signal.SIG_IGN, None):
                continue
            try:
                self._before[number] = signal.signal(number, self._note)
            except ValueError:  # only the main thread gets signals
                break
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        first, self.seen = not self.seen, True
        if first and not self._held:
            raise KeyboardInterrupt
