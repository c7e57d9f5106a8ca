"""One recording of many: what there is to do, doing it, and what came of it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from vader_rt.batch.publish import publish
from vader_rt.batch.record import (
    Figures,
    Known,
    Record,
    all_remembered,
    files_read,
    key_of,
    known_files,
    read_record,
)
from vader_rt.errors import EngineError, InputError, VaderError, explained, typed, writing
from vader_rt.pipeline.api import reconstruct_stream
from vader_rt.pipeline.checkpoint import remove_checkpoint
from vader_rt.pipeline.options import Options
from vader_rt.pipeline.result import Reconstruction
from vader_rt.pipeline.save import check_output

State = Literal["done", "nothing", "skipped", "failed"]
STATES: tuple[State, ...] = get_args(State)
Tell = Callable[[str, int, int], None]
"""Hears where the work stands: the stage of `Progress`, its frames done, and those in it."""
_NOTHING_RECOVERED = 5
_LOGGER = logging.getLogger("vader_rt")


@dataclass(frozen=True)
class Task:
    """A recording to do: paths and options, in what JSON has; no frames.

    video, folder: absolute. folder: of the result. options: of `Options`. version: of the package
    that gives the task. cpus: how many it counts on. overwrite: replace another recording's result.
    command_line: what result.json repeats. debug: tell where in the program an error came up.
    landmark: a folder that must be there, as it is where the task comes from; None for this
    machine. checkpoints: a folder for what is left of work that was ended; None keeps nothing.
    """

    video: str
    folder: str
    options: Mapping[str, Any]
    version: str
    cpus: int
    overwrite: bool = False
    command_line: list[str] = field(default_factory=list)
    debug: bool = False
    landmark: str | None = None
    checkpoints: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a task.

    state: `nothing` is done, too: there was no leak. line: what to tell; empty where all is well.
    exit_code: that of `vader-rt run`. figures: None if it failed. notes: what was logged, a
    sentence each. trace: where an error came up. node: the machine of a fleet.
    """

    state: State
    exit_code: int
    line: str = ""
    figures: Figures | None = None
    notes: tuple[str, ...] = ()
    trace: str | None = None
    node: str | None = None

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Outcome:
        """An outcome that was JSON meanwhile."""
        figures = given["figures"] and Figures(**given["figures"])
        return cls(**{**given, "figures": figures, "notes": tuple(given["notes"])})

    def as_new(self) -> Outcome:
        """A skipped one as what it was when it was made."""
        return replace(self, state=_state(self.exit_code))

    def to_json(self) -> dict[str, Any]:
        """This, in what JSON has."""
        return asdict(self)


def tasks_options(common: Mapping[str, Any], own: Mapping[str, str]) -> dict[str, Any]:
    """The options of one recording: those of all, and its own, which go first.

    Paths become absolute. One kind of virtual image that is its own leaves out the other of all.

    Raises:
        UsageError: they make no sense.
    """
    options = {**common, **own}
    virtual = {"virtual_background", "virtual_library"}
    if len(virtual & own.keys()) == 1:
        options |= dict.fromkeys(virtual - own.keys())
    Options(**options)
    return {
        name: str(value.absolute()) if isinstance(value, Path) else value
        for name, value in options.items()
    }


def done_already(task: Task) -> Outcome | None:
    """The outcome of an earlier run, if nothing changed since; no file is read for that.

    None says only that it has to be looked at more closely, by `run`.
    """
    folder = Path(task.folder)
    try:
        record = read_record(folder)
        if record is None:
            return None
        files = all_remembered(files_read(Path(task.video), task.options), record)
        return _skipped(record) if files and _key(task, files) == record.key else None
    except (VaderError, OSError):
        return None


def run(
    task: Task,
    tell: Tell = lambda stage, frame, total: None,
    *,
    writing: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Outcome:
    """Do a task; every error is an outcome.

    writing: entered while the result is written.
    """
    with _noted() as notes:
        try:
            outcome = _run(task, tell, writing)
        except Exception as error:
            known = explained(error)
            is_ours = type(known) is VaderError
            trace = traceback.format_exc() if task.debug or is_ours else None
            line = typed(known).removeprefix(f"{task.video}: ")
            outcome = Outcome("failed", known.exit_code, line, trace=trace)
    return replace(outcome, notes=tuple(notes))


def _run(task: Task, tell: Tell, writing: Callable[[], AbstractContextManager[None]]) -> Outcome:
    video, folder = Path(task.video), Path(task.folder)
    if task.landmark is not None and not Path(task.landmark).is_dir():
        raise EngineError(
            f"{folder.parent}: is another folder on this node; give one that all nodes share"
        )
    if not video.is_file():
        raise InputError(f"{video}: does not exist")
    paths, earlier = files_read(video, task.options), read_record(folder)
    files = known_files(paths, earlier)
    key = _key(task, files)
    if earlier is not None and earlier.key == key:
        return _skipped(earlier)
    inputs = [*paths.values(), *map(Path, filter(None, [task.options.get("virtual_library")]))]
    check_output(folder, video=video, inputs=inputs, overwrite=task.overwrite)
    checkpoint = None if task.checkpoints is None else Path(task.checkpoints) / f"{key}.ckpt"
    result = _recovered(task, tell, checkpoint)
    digest = result.report["input"]["sha256"]
    if digest != files["video"].sha256:
        raise InputError(f"{video}: changed while it was read; start again when it is whole")
    exit_code = _NOTHING_RECOVERED if result.is_empty else 0
    record = Record(key, exit_code, Figures.of_report(result.report), files, (0, 0, ""))
    content = result.files()
    with writing():
        publish(folder, content, record, recording=result.recording, overwrite=task.overwrite)
    if checkpoint is not None:
        remove_checkpoint(checkpoint)
    return Outcome(_state(exit_code), exit_code, figures=record.figures)


def _key(task: Task, files: Mapping[str, Known]) -> str:
    options = {option.name: option.default for option in fields(Options)} | dict(task.options)
    return key_of(task.version, files, options)


def _state(exit_code: int) -> State:
    return "nothing" if exit_code else "done"


def _skipped(record: Record) -> Outcome:
    return Outcome("skipped", record.exit_code, figures=record.figures)


def _recovered(task: Task, tell: Tell, checkpoint: Path | None) -> Reconstruction:
    if checkpoint is not None:
        with writing(checkpoint.parent):
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
    result = None
    for progress in reconstruct_stream(task.video, **task.options, checkpoint=checkpoint):
        tell(progress.stage, progress.frame, progress.total)
        result = progress.result
    assert result is not None
    return result.with_report(command_line=task.command_line)


class _Notes(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.lines[self.format(record)] = None


@contextmanager
def _noted() -> Iterator[dict[str, None]]:
    """What the package logs meanwhile, from warnings on, each sentence once."""
    handler = _Notes()
    _LOGGER.addHandler(handler)
    try:
        yield handler.lines
    finally:
        _LOGGER.removeHandler(handler)
