"""A job that was killed goes on: what there was of it in a file, from time to time.

It holds what the first pass found and what the frames so far told, so that another process does the
rest, and comes to the same result. A job of which anything else than its time differs is refused,
for its result would be neither one nor the other.
"""

from __future__ import annotations

import glob
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vader_rt import provenance
from vader_rt.errors import InputError, OptionError, UsageError
from vader_rt.io.files import file_sha256
from vader_rt.io.state_file import StateFile, write_state
from vader_rt.pipeline.identity import identity, option_files
from vader_rt.pipeline.options import Models, Options
from vader_rt.pipeline.prepared import KINDS
from vader_rt.sources.source import FrameSource
from vader_rt.stateful import State

log = logging.getLogger(__name__)

USUAL_SECONDS = 30.0
_MOST_SHARE = 0.05
"""Unless it is told how often, it takes no more than this share of the time: large pictures have
large states."""
_FORMAT = 1
_KIND = "checkpoint of vader-rt"
_OF_THE_RUN = ("time_limit", "case", "examiner", "full_paths")
"""Options that may differ: they say how long a run goes on, and what the record repeats."""


class Checkpoint:
    """The file of one job. `found` is the state that an earlier run left there, None if none did.

    path: of the file. job: what the result depends on, see `_job`. every: seconds between two
    states; None is `USUAL_SECONDS`, or more where that takes long.

    Raises:
        InputError: the file is damaged, or something else. UsageError: it is of another job, or
        cannot be written.
    """

    def __init__(self, path: Path, job: Mapping[str, Any], every: float | None) -> None:
        self._path, self._every = path, every
        self._head: dict[str, Any] = {"kind": _KIND, "format": _FORMAT, "job": job}
        self._cost, self._last = 0.0, time.monotonic()
        self.found: State | None = None
        _sweep(path)
        if os.path.lexists(path):
            self.found = self._read()
        else:
            write_state(path, self._head, None)
        self._is_kept = self.found is not None

    @classmethod
    def of(cls, options: Options, source: FrameSource, models: Models) -> Checkpoint | None:
        """That of a job; None where nobody asked for one.

        Raises:
            UsageError: this job cannot be gone on with. And see above.
        """
        if options.checkpoint is None:
            return None
        if source.live:
            raise OptionError(
                "checkpoint: a stream cannot be read again; every keeps what was recovered so far",
                *("checkpoint", "every"),
            )
        if source.state() is None:
            raise OptionError(
                "checkpoint: frames in memory are gone with it; give a file", "checkpoint"
            )
        path = Path(options.checkpoint)
        if not path.parent.exists():
            raise UsageError(f"{path}: its folder does not exist; make it, or give another place")
        handed_over = [n for n in ("model", "restoration", "judge") if _is_engine(options, n)]
        if handed_over:
            line = f"checkpoint: {handed_over[0]} has to be a file to be known again"
            raise OptionError(line, "checkpoint")
        return cls(path, _job(options, source, models), options.every)

    @contextmanager
    def taken(self) -> Iterator[State]:
        """Give what was `found`, to be put back, and hold it no longer.

        Raises:
            InputError: it does not fit.
        """
        found, self.found = self.found, None
        assert found is not None
        try:
            yield found
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"{self._path}: is damaged ({error}); delete it to start anew"
            ) from None

    @property
    def is_due(self) -> bool:
        """Whether it is time to `save` again."""
        wait = self._every or max(USUAL_SECONDS, self._cost / _MOST_SHARE)
        return time.monotonic() - self._last >= wait

    def save(self, state: State) -> bool:
        """Replace the state, and say whether that went well; if not, the work can go on.

        It is told as an error, for without a checkpoint all is lost if the job is killed.
        """
        start = time.monotonic()
        try:
            write_state(self._path, self._head, state)
        except UsageError as error:
            what = "the last checkpoint stays" if self._is_kept else "there is no checkpoint"
            log.error("%s; %s, and the work goes on", error, what)
            if not self._is_kept:
                self.remove()  # nobody could go on from it
            return False
        finally:
            self._last = time.monotonic()
            self._cost = self._last - start
        self._is_kept = True
        return True

    def remove(self) -> None:
        """Remove the file: there is nothing to go on with."""
        remove_checkpoint(self._path)

    def _read(self) -> State | None:
        file = StateFile(self._path, _KIND)
        if file.head.get("kind") != _KIND:
            raise InputError(f"{self._path}: is no {_KIND}; give another file")
        if file.head.get("format") != _FORMAT:
            raise UsageError(f"{self._path}: is of another version; delete it to start anew")
        for line in _differences(file.head.get("job", {}), self._head["job"]):
            raise UsageError(
                f"{self._path}: is of another job: {line}; give what it was made with, or another "
                "file, or delete it to start anew"
            )
        return file.tree(KINDS)


def remove_checkpoint(path: Path) -> None:
    """Remove a checkpoint whose result is safe, and what killed runs left of it."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
        _sweep(path)


def _is_engine(options: Options, name: str) -> bool:
    model = getattr(options, name)
    return model is not None and not isinstance(model, str | Path)


def _job(options: Options, source: FrameSource, models: Models) -> dict[str, Any]:
    """What the result depends on; versions count too, as the bytes are to be the same."""
    versions = provenance.versions()
    named = {name: value for name, value in vars(options).items() if name not in _OF_THE_RUN}
    digests = {name: file_sha256(path) for name, path in option_files(named).items()}
    digests["video"] = str(source.sha256())
    return {
        **identity(versions.get("vader-rt", ""), digests, named),
        "engine": {"engine": models.frame.name},
        "versions": versions,
        "ffmpeg": provenance.ffmpeg_versions(),
    }


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs between two jobs, a part of a sentence each."""
    for part in ("files", "options", "engine", "models", "versions", "ffmpeg"):
        old, new = then.get(part, {}), now[part]
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) == new.get(name):
                continue
            if name == "video":
                yield "the recording is another one"
            elif part not in ("files", "models"):
                yield f"{name} was {old.get(name)} and is {new.get(name)}"
            elif name in old and name in new:
                yield f"{name} is another file"
            else:
                yield f"{name} was {'' if name in old else 'not '}given then"


def _sweep(path: Path) -> None:
    """Remove what killed writers of a checkpoint left; it may be large."""
    with suppress(OSError):
        for part in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
            number = part.name.split(".")[-2]
            if number.isdecimal() and not _runs(int(number)):
                part.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
