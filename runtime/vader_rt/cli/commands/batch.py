"""`vader-rt batch`: the rooms of many recordings, on this machine or on a Ray cluster."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vader_rt.cli.commands.run import said_words
from vader_rt.cli.exit_codes import EXIT_INTERRUPTED
from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.options import add_recovery_options
from vader_rt.cli.streams import give, note, printable, tell
from vader_rt.cli.values import count, positive, positive_count
from vader_rt.errors import InputError, UsageError, VaderError, writing

if TYPE_CHECKING:
    from vader_rt.batch.events import Event
    from vader_rt.batch.index import Entry
    from vader_rt.batch.jobs import Job
    from vader_rt.batch.work import Outcome, Task
    from vader_rt.cli.batch_table import BatchTable

HELP = "recover the rooms of many recordings, here or on a Ray cluster"
INTERRUPTED = "interrupted before anything was recovered"
EPILOG = """\
examples:
  vader-rt batch calls/ -o out              every recording in a folder and those below it
  vader-rt batch 'calls/*.mkv' -o out -j 4  four at a time
  vader-rt batch calls.csv -o out           a list: `video`, and options of each in other columns
  vader-rt batch calls/ -o out --ray auto --gpus-per-job 0.25

What is done already is skipped: the same recording, models and options give the same result. So
the same command goes on after an interrupt or an error. OUT/index.html shows all, OUT/index.csv
lists it.

exit codes: 0 all is done; 1 some recordings failed; 2 usage, or OUT cannot be written; 3 there is
no recording, or a list cannot be read; 4 no cluster; 130 interrupted, what was done stays.
"""
_EXIT_SOME_FAILED = 1
_ONLY_RAY = ("cpus_per_job", "gpus_per_job", "memory_per_job", "retries")
_NOT_FOR_ALL = ("truth", "mask", "start", "end", "roi", "tile", "checkpoint", "every")
_FILES = ("model", "restoration", "judge", "person_model", "virtual_background", "virtual_library")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command understands."""
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="folder, pattern, list (.csv, .jsonl) or recordings",
    )
    add("-o", "--output", type=Path, metavar="OUT", required=True, help="folder for the results")
    add(
        "-j",
        "--jobs",
        type=positive_count,
        metavar="N",
        help="recordings at a time, which share the CPUs (default: half as many as CPUs)",
    )
    add("--overwrite", action="store_true", help="replace results of other recordings in OUT")
    _add_fleet_options(parser)
    add_recovery_options(parser)
    add(
        "--checkpoint",
        type=Path,
        metavar="DIR",
        help="keep there, every 30 s, what there is of each recording at work, so that the same "
        "command goes on in its middle if it is ended",
    )
    add("--json", action="store_true", help="print what came of each as JSON to stdout")
    add("--quiet", action="store_true", help="print nothing but what failed")


def job(args: argparse.Namespace, interrupts: Interrupts) -> int:
    """Recover the rooms, and return the exit code."""
    with interrupts.held():
        from vader_rt.batch.jobs import find_jobs
        from vader_rt.batch.work import done_already
        from vader_rt.cli.batch_table import BatchTable

    _check(args)
    jobs, notes = find_jobs(args.inputs, args.output)
    tasks = _tasks(args, jobs)
    _prepare(args.output)
    done = {i: outcome for i, task in enumerate(tasks) if (outcome := done_already(task))}
    batch = _Batch(jobs, tasks, done, time.monotonic())
    table = BatchTable(jobs, skipped=len(done), quiet=args.quiet)
    for line in notes:
        table.say(line)
    try:
        batch.run(args, table, interrupts)
    except KeyboardInterrupt:
        if not interrupts.seen:
            raise
    finally:
        table.close()
    interrupts.hold()
    return batch.end(args, is_interrupted=interrupts.seen)


@dataclass
class _Batch:
    """The recordings of a command, and what came of those that are done."""

    jobs: Sequence[Job]
    tasks: Sequence[Task]
    outcomes: dict[int, Outcome]
    started: float

    def run(self, args: argparse.Namespace, table: BatchTable, interrupts: Interrupts) -> None:
        """Do what is left."""
        from vader_rt.batch.events import Finished

        left = {i: task for i, task in enumerate(self.tasks) if i not in self.outcomes}
        with closing(_events(args, left)) as events:
            for event in events:
                if isinstance(event, Finished):
                    self.outcomes[event.index] = event.outcome
                table.update(event)
                interrupts.check()

    def end(self, args: argparse.Namespace, *, is_interrupted: bool) -> int:
        """Write the index, print what came of it all, and return the exit code."""
        from vader_rt.batch.index import PAGE_FILE, counts, write_index
        from vader_rt.batch.publish import sweep

        if is_interrupted:
            self._find_ended()
        sweep(args.output)
        entries = self._entries()
        write_index(args.output, entries, len(self.jobs))
        found, page = counts(entries), args.output / PAGE_FILE
        code = _EXIT_SOME_FAILED if found["failed"] else 0
        code = EXIT_INTERRUPTED if is_interrupted else code
        seconds = time.monotonic() - self.started
        if args.json:
            give(json.dumps(self._summary(entries, code, seconds)))
        if not args.quiet:
            said = ", ".join(f"{number} {state}" for state, number in found.items() if number)
            line = f"{len(self.jobs)} recordings: {said or 'none done'}, in {seconds:.0f} s"
            (note if args.json else give)(printable(line) + "\n" + printable(f"index     {page}"))
        if is_interrupted:
            left = len(self.jobs) - len(entries)
            tell(f"vader-rt: interrupted; {left} recordings are left, the same command goes on")
        elif code:
            tell(f"vader-rt: {found['failed']} of {len(self.jobs)} recordings failed; see {page}")
        return code

    def _find_ended(self) -> None:
        """Count what was written to its end while the rest was interrupted."""
        from vader_rt.batch.work import done_already

        for index, task in enumerate(self.tasks):
            if index not in self.outcomes and (outcome := done_already(task)):
                self.outcomes[index] = outcome.as_new()

    def _entries(self) -> list[Entry]:
        from vader_rt.batch.index import Entry

        return [Entry(self.jobs[index], self.outcomes[index]) for index in sorted(self.outcomes)]

    def _summary(self, entries: Sequence[Entry], code: int, seconds: float) -> dict[str, Any]:
        from vader_rt.batch.index import counts

        return {
            "exit_code": code,
            "recordings": len(self.jobs),
            "counts": counts(entries),
            "seconds": round(seconds, 3),
            "jobs": [entry.row() for entry in entries],
        }


def _check(args: argparse.Namespace) -> None:
    """Refuse what makes no sense before anything is looked for.

    Raises:
        UsageError: an option goes with another one only. InputError: a file is not there.
    """
    for name in _ONLY_RAY:
        if args.ray is None and getattr(args, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is for --ray")
    if args.ray is not None and args.threads:
        raise UsageError("--threads is for this machine; with --ray give --cpus-per-job")
    for name in _FILES:
        path = getattr(args, name)
        if path is not None and not path.exists():
            raise InputError(f"--{name.replace('_', '-')}: {path} does not exist")


def _tasks(args: argparse.Namespace, jobs: Sequence[Job]) -> list[Task]:
    """What there is to do for each recording.

    Raises:
        UsageError: the options of one make no sense.
    """
    import vader_rt
    from vader_rt.batch.work import Task, tasks_options
    from vader_rt.pipeline.options import Options

    common = {o.name: getattr(args, o.name) for o in fields(Options) if o.name not in _NOT_FOR_ALL}
    common["threads"] = 0  # as many as it gets CPUs
    words, tasks = said_words(args), []
    for job in jobs:
        try:
            options = tasks_options(common, job.options)
        except VaderError as error:
            if not job.place:
                raise
            raise UsageError(f"{job.place}: {error}") from None
        tasks.append(
            Task(
                video=str(job.video),
                folder=str((args.output / job.name).absolute()),
                options=options,
                version=vader_rt.__version__,
                cpus=1,
                overwrite=args.overwrite,
                command_line=words,
                debug=args.debug,
                checkpoints=args.checkpoint and str(args.checkpoint.absolute()),
            )
        )
    return tasks


def _prepare(output: Path) -> None:
    """Make the folder for the results, and try it.

    Raises:
        UsageError: it cannot be written.
    """
    from vader_rt.batch.publish import sweep, workshop

    with writing(output, "; give another folder with -o"):
        output.mkdir(parents=True, exist_ok=True)
        sweep(output)
        with workshop(output):
            pass


def _events(args: argparse.Namespace, tasks: Mapping[int, Task]) -> Generator[Event, None, None]:
    if args.ray is not None:
        from vader_rt.batch.fleet import Needs, run_on_ray

        memory = args.memory_per_job
        needs = Needs(
            cpus=args.cpus_per_job or 1.0,
            gpus=args.gpus_per_job or 0.0,
            memory_bytes=memory and int(memory * 1e9),
        )
        retries = 3 if args.retries is None else args.retries
        return run_on_ray(tasks, args.ray, needs=needs, retries=retries, most=args.jobs)
    from vader_rt.batch.local import run_here
    from vader_rt.io.cpus import threads_for

    cpus = threads_for(args.threads)
    return run_here(tasks, workers=args.jobs or max(1, cpus // 2), cpus=cpus)


def _add_fleet_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("on a Ray cluster (pip install 'vader-rt[fleet]')").add_argument
    add(
        "--ray",
        metavar="ADDRESS",
        help="`auto`, HOST:PORT, ray://HOST:PORT, or `local` for one of this machine alone; "
        "nodes must see recordings and OUT under the same paths",
    )
    add("--cpus-per-job", type=positive, metavar="N", help="default: 1")
    add("--gpus-per-job", type=positive, metavar="SHARE", help="of a GPU, such as 0.25")
    add(
        "--memory-per-job",
        type=positive,
        metavar="GB",
        help="memory that a node must have free for it; without it, too many may meet on a node",
    )
    add(
        "--retries",
        type=count,
        metavar="N",
        help="how often a recording is tried again whose process or node died (default: 3)",
    )
