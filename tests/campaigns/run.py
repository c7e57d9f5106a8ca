"""One run of the program in a process of its own, and what must hold however it ends."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from vader_rt.pipeline.save import RESULT_FILES

EXIT_CODES = frozenset({0, 3, 4, 5, 130})
"""Of those that are documented, the ones that a recovery may end with: its arguments are right."""
TO_OUT = ("-o", "out", "--quiet")
_LIMIT_S = 120.0
_WITHOUT_A_TRACE = 3
"""Frames that can be cut off at the end of a file and leave none."""
_FORKS = multiprocessing.get_context("forkserver")
"""Forks from a process that has imported the program once, and has no threads yet."""
_FORKS.set_forkserver_preload(["vader_rt.cli.main", "vader_rt.pipeline.api"])


@dataclass(frozen=True)
class Outcome:
    """How a run ended: exit code (None: it had to be killed), and what it wrote."""

    code: int | None
    stdout: str
    stderr: str
    output: Path


def run(
    arguments: Sequence[str],
    folder: Path,
    kill: tuple[int, float] | None = None,
    stdin: Path = Path(os.devnull),
) -> Outcome:
    """Run `vader-rt ARGUMENTS` in a folder, in which `out` is for its result.

    kill: a signal, and the seconds after which it is sent.
    """
    for name in ("stdout", "stderr"):
        (folder / name).touch()
    process = _FORKS.Process(target=_child, args=(arguments, folder, stdin))
    process.start()
    if kill is not None:
        process.join(kill[1])
        if process.is_alive() and process.pid is not None:
            os.kill(process.pid, kill[0])
    process.join(_LIMIT_S)
    code = process.exitcode
    if process.is_alive():
        process.kill()
        process.join()
        code = None
    texts = [(folder / name).read_text(errors="replace") for name in ("stdout", "stderr")]
    return Outcome(code, *texts, folder / "out")


def _child(arguments: Sequence[str], folder: Path, stdin: Path) -> None:
    from vader_rt.cli import program

    os.chdir(folder)
    os.dup2(os.open(stdin, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream, name in ((sys.stdout, "stdout"), (sys.stderr, "stderr")):
        stream.flush()
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_TRUNC), stream.fileno())
    sys.argv = ["vader-rt", *arguments]
    raise SystemExit(program())


def faults_of(
    outcome: Outcome,
    files_before: set[str],
    frames: int | None = None,
    *,
    codes: frozenset[int] = EXIT_CODES,
    recovers: bool = True,
) -> list[str]:
    """What a run did that none may do; nothing, if all is well.

    files_before: the names of what stood beside the output before the run. frames: how many there
    were to find. codes: that the run may end with. recovers: whether it writes a result.
    """
    found = []
    if outcome.code is None:
        return ["hangs"]
    if outcome.code not in codes and not _before_it_began(outcome):
        found.append(f"ends with {outcome.code}")
    if "Traceback" in outcome.stderr:
        found.append("traceback")
    if outcome.code in (3, 4) and not _is_one_line(outcome.stderr):
        found.append("not one line on stderr")
    if outcome.output.exists() and recovers:
        found += _faults_of_result(outcome.output, frames)
    elif outcome.code in (0, 5) and recovers:
        found.append("no result")
    left = {path.name for path in outcome.output.parent.iterdir()}
    if more := left - files_before - {"out", "stdout", "stderr"}:
        found.append(f"leaves {sorted(more)}")
    return found


def _before_it_began(outcome: Outcome) -> bool:
    """Whether a signal came before the program could do anything about it."""
    deaths = (-signal.SIGTERM, -signal.SIGHUP)
    return outcome.code in deaths and not outcome.stderr and not outcome.output.exists()


def _is_one_line(text: str) -> bool:
    return text.startswith("vader-rt: ") and text.count("\n") == 1


def _faults_of_result(folder: Path, frames: int | None) -> list[str]:
    missing = [name for name in RESULT_FILES if not (folder / name).is_file()]
    if missing:
        return [f"half a result, without {missing}"]
    report = json.loads((folder / "result.json").read_text())
    sizes = {
        cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED).shape[:2]
        for name in RESULT_FILES
        if name.endswith(".png")
    }
    size = report["input"]["size_wh"]
    if sizes != {(size[1], size[0])}:
        return [f"pictures of sizes {sizes}"]
    lost = 0 if frames is None else frames - report["input"]["frames"]
    if lost > _WITHOUT_A_TRACE and not report["warnings"]:
        return [f"{report['input']['frames']} of {frames} frames, and no word of it"]
    return []


def seconds_of(arguments: Sequence[str], folder: Path) -> float:
    """How long a run takes that nothing disturbs."""
    start = time.monotonic()
    run([*arguments, *TO_OUT], folder)
    return time.monotonic() - start
