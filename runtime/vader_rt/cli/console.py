"""What a person sees while `vader-rt` works, and at its end."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

from vader_rt.cli.streams import printable, tell
from vader_rt.pipeline.api import Progress
from vader_rt.pipeline.result import Reconstruction

_TITLES = {"scan": "virtual background", "recover": "room"}
_LOGGER = logging.getLogger("vader_rt")
_SECONDS_BETWEEN_LINES = 10.0
_MOST_TIMES = 4


class _Lines(logging.Handler):
    """What is logged, each record on one line, and none twice; what is amiss, as an error is."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        amiss = "vader-rt: " if record.levelno >= logging.WARNING else ""
        line = f"{amiss}{self.format(record)}"
        if line not in self._told:
            tell(line)
        self._told.add(line)


class ProgressPrinter:
    """A progress bar on a terminal, a plain line now and then elsewhere; always on stderr.

    As a context manager it also prints what the package logs, such as the build of an engine.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._bar: tqdm | None = None
        self._stage = ""
        self._started = self._last_line = time.monotonic()
        self._handler = _Lines()

    def update(self, progress: Progress) -> None:
        """Show where the work stands."""
        if self._quiet:
            return
        if self._terminal:
            with suppress(OSError):  # the terminal is gone
                self._update_bar(progress)
        else:
            self._update_lines(progress)

    def __enter__(self) -> ProgressPrinter:
        _LOGGER.setLevel(logging.ERROR if self._quiet else logging.INFO)
        _LOGGER.addHandler(self._handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _LOGGER.removeHandler(self._handler)
        _LOGGER.setLevel(logging.NOTSET)
        if self._bar is not None:
            with suppress(OSError):
                self._bar.close()

    def _update_bar(self, progress: Progress) -> None:
        if self._bar is None or progress.stage != self._stage:
            if self._bar is not None:
                self._bar.close()
            self._stage = progress.stage
            self._bar = tqdm(desc=_TITLES[progress.stage], unit=" frames", file=sys.stderr)
        self._bar.total = max(progress.total, progress.frame) or None
        self._bar.update(progress.frame - self._bar.n)

    def _update_lines(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._started = progress.stage, now
            tell(f"{_TITLES[progress.stage]} …")
        elif now - self._last_line < _SECONDS_BETWEEN_LINES:
            return
        else:
            rate = progress.frame / max(now - self._started, 1e-6)
            tell(f"  {progress.frame} of {progress.total or '?'} frames, {rate:.1f}/s")
        self._last_line = now


_NOTES = {
    "moving": "the virtual background moves and no loop was found; believe the room less",
    "loop": "the virtual background is a looping video; each of its pictures was estimated",
    "changing": "the virtual background changes during the call; each is un-mixed by itself",
    "plain": "the virtual background has no detail: a plain picture, or the room itself, blurred",
}


def summary(result: Reconstruction, folder: Path, *, page: Path | None = None) -> str:
    """A few lines on what was recovered and where it lies. page: its report, if there is one."""
    report = result.report
    timings = report["timings"]
    lines = [
        *_unmasked(report["unmasked"]),
        f"room      {folder / 'background.png'}",
        f"shown     {report['shown']:.1%} of the picture, claimed {result.coverage:.1%}",
        f"guess     {folder / 'guess.png'}: {report['seen']:.1%}, most of it may be wrong",
    ]
    if report["client"] and report["client"]["cut"] != "unknown":
        lines.append(f"client    {_client(report['client'])}")
    if page is not None:
        lines.append(f"report    {page}")
    kind = report["virtual_background"]["kind"]
    if kind in _NOTES:
        lines.append(f"note      {_NOTES[kind]}")
    lines += [f"warning   {sentence}" for sentence in report["warnings"]]
    if result.scores is not None:
        lines.append(f"score     {_scores(result)}")
    lines.append(
        f"{report['input']['frames']} frames in {timings['total_seconds']:.1f} s, "
        f"{timings['seconds_per_frame'] * 1000:.0f} ms a frame, engine {report['engine']}"
    )
    return "\n".join(map(printable, lines))


def _client(found: dict[str, Any]) -> str:
    width = f"its edge is about {found['edge_width']:.0f} pixels wide"
    return f"makes a {found['cut']} cut, {width}"


def _unmasked(found: dict[str, Any]) -> Iterator[str]:
    if found["frames"]:
        yield f"UNMASKED  {_counted(found['frames'])} the room itself: {_times(found['intervals'])}"
    if found["suspected_frames"]:
        yield (
            f"SUSPECT   {_counted(found['suspected_frames'])} the room itself, or another virtual "
            f"background: {_times(found['suspected'])}"
        )


def _counted(frames: int) -> str:
    return "1 frame shows" if frames == 1 else f"{frames} frames show"


def _times(intervals: Sequence[dict[str, Any]]) -> str:
    """When intervals are, the first few of them."""
    said = [f"{start:.2f}–{stop:.2f} s" for start, stop in (i["seconds"] for i in intervals)]
    more = len(said) - _MOST_TIMES
    return ", ".join(said[:_MOST_TIMES]) + (f" and {more} more times" if more > 0 else "")


def _scores(result: Reconstruction) -> str:
    scores = result.scores
    assert scores is not None
    artifact = "" if scores.artifact is None else f", artifact {scores.artifact:.3f}"
    return f"challenge {scores.challenge:.3f}{artifact}, precision {scores.precision:.3f}"
