"""What a person sees while many recordings are done."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tqdm import tqdm

from vader_rt.batch.events import Advanced, Event, Finished, Told
from vader_rt.batch.index import Entry
from vader_rt.batch.jobs import Job
from vader_rt.cli.streams import printable, tell

_STAGES = {"scan": "background", "recover": "room"}
_NAME_WIDTH = 28
_ALL = "{desc}: {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
_ONE = "  {desc} {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} frames"


class BatchTable:
    """On a terminal, a line that counts and one for each recording at work, drawn anew.

    Elsewhere a line for each recording that is done; always on stderr. Failures and what else is to
    be known have lines of their own.
    """

    def __init__(self, jobs: Sequence[Job], *, skipped: int, quiet: bool) -> None:
        self._jobs, self._quiet = jobs, quiet
        self._ended, self._failed = skipped, 0
        self._told: set[str] = set()
        self._bars: dict[int, tuple[tqdm, str]] = {}
        self._all: tqdm | None = None
        if sys.stderr.isatty() and not quiet:
            total, place = len(jobs), {"file": sys.stderr, "position": 0, "leave": False}
            with suppress(OSError):  # the terminal is gone
                self._all = tqdm(
                    desc="recordings", total=total, initial=skipped, bar_format=_ALL, **place
                )

    def update(self, event: Event) -> None:
        """Show what happened."""
        if isinstance(event, Told):
            self.say(event.line)
        elif isinstance(event, Finished):
            self._finish(event)
        elif isinstance(event, Advanced) and self._all is not None:
            with suppress(OSError):
                self._advance(event)

    def say(self, line: str, *, anyway: bool = False) -> None:
        """Print a line above what is drawn anew, once; anyway: even if it was asked to be quiet."""
        if line in self._told or (self._quiet and not anyway):
            return
        self._told.add(line)
        if self._all is None:
            tell(line)
        else:
            with suppress(OSError):
                tqdm.write(printable(line), file=sys.stderr)

    def close(self) -> None:
        """Take away what is drawn anew."""
        with suppress(OSError):
            for bar, _ in self._bars.values():
                bar.close()
            if self._all is not None:
                self._all.close()

    def _advance(self, event: Advanced) -> None:
        bar, stage = self._bars.get(event.index, (None, ""))
        if bar is None:
            free = set(range(1, len(self._bars) + 2)) - {-b.pos for b, _ in self._bars.values()}
            place: dict[str, Any] = {"file": sys.stderr, "position": min(free), "leave": False}
            bar = tqdm(total=event.total or None, bar_format=_ONE, **place)
        total = max(event.total, event.frame) or None
        if event.stage != stage:
            name = _short(printable(self._jobs[event.index].name))
            bar.set_description_str(f"{name} {_STAGES[event.stage]:10}", refresh=False)
            bar.reset(total)
        self._bars[event.index] = bar, event.stage
        bar.total = total
        bar.update(event.frame - bar.n)

    def _finish(self, event: Finished) -> None:
        self._ended += 1
        entry = Entry(self._jobs[event.index], event.outcome)
        failed = event.outcome.state == "failed"
        self._failed += failed
        bar = self._bars.pop(event.index, None)
        with suppress(OSError):
            if bar is not None:
                bar[0].close()
            if self._all is not None:
                self._all.set_postfix_str(f"{self._failed} failed" if self._failed else "", False)
                self._all.update()
                self._all.refresh()  # by itself it leaves out what comes soon after another
        for note in event.outcome.notes:
            self.say(note)
        if failed or self._all is None:
            self.say(f"[{self._ended}/{len(self._jobs)}] {_line(entry)}", anyway=failed)
        if event.outcome.trace:
            for line in event.outcome.trace.splitlines():
                self.say(f"    {line}", anyway=True)


def _line(entry: Entry) -> str:
    outcome, figures = entry.outcome, entry.outcome.figures
    if figures is None:
        said = outcome.line
    else:
        said = (
            f"shown {figures.shown:.1%}, claimed {figures.claimed:.1%}, "
            f"{figures.frames} frames in {figures.seconds:.1f} s"
        )
        if figures.unmasked_frames:
            said += f", UNMASKED in {figures.unmasked_frames}"
    return f"{outcome.state:8} {entry.job.shown}: {said}"


def _short(name: str) -> str:
    """A name in a column of its own: its end tells similar ones apart better."""
    cut = name if len(name) <= _NAME_WIDTH else f"…{name[1 - _NAME_WIDTH :]}"
    return f"{cut:{_NAME_WIDTH}}"
