"""How every command ends."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from vader_rt.cli.exit_codes import exit_code
from vader_rt.errors import EngineError, InputError, OptionError, ParityError, UsageError


def raising(error: BaseException) -> Callable[[], int]:
    def job() -> int:
        raise error

    return job


OUT_OF_MEMORY = "program: out of memory; free some, or take a smaller recording\n"
BROKEN = "program: this installation is broken (no\\nx); see `vader-rt doctor`\n"
NO_THREAD = "program: the system refuses: can't start new thread\n"


@pytest.mark.parametrize(
    ("job", "code", "words"),
    [
        (lambda: 0, 0, ""),
        (raising(UsageError("odd")), 2, "program: odd\n"),
        (raising(InputError("bad")), 3, "program: bad\n"),
        (raising(EngineError("none")), 4, "program: none\n"),
        (raising(ParityError("far")), 4, "program: far\n"),
        (raising(KeyboardInterrupt()), 130, "program: interrupted; nothing was written\n"),
        (raising(UsageError("a\nprogram: b")), 2, "program: a\\nprogram: b\n"),
        (
            lambda: len(Path("missing").read_text()),
            3,
            "program: missing: No such file or directory\n",
        ),
        (raising(OSError(24, "Too many")), 4, "program: the system refuses: Too many\n"),
        (raising(ImportError("no\nx")), 4, BROKEN),
        (raising(MemoryError()), 4, OUT_OF_MEMORY),
        (lambda: len(bytes(1 << 62)), 4, OUT_OF_MEMORY),
        (raising(RuntimeError("can't start new thread")), 4, NO_THREAD),
    ],
)
def test_one_line_and_a_code(
    job: Callable[[], int], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("program", job) == code
    assert capsys.readouterr() == ("", words)


def test_opencv_out_of_memory() -> None:
    def job() -> int:
        return len(cv2.resize(np.zeros((2, 2, 3), np.float64), (1 << 24, 1 << 24)))

    assert exit_code("program", job) == 4


@pytest.mark.parametrize(
    ("debug", "has_traceback", "end"),
    [(None, True, ""), (True, True, ""), (False, False, ", with what --debug prints")],
)
def test_other_errors_are_ours_to_mend(
    debug: bool | None, has_traceback: bool, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("program", raising(ZeroDivisionError("1/0\n")), debug=debug) == 1
    shown = capsys.readouterr().err
    line = f"program: unexpected ZeroDivisionError: 1/0\\n; please report it{end}\n"
    assert shown.endswith(line)
    assert shown.startswith("Traceback") == has_traceback == (shown != line)


@pytest.mark.parametrize(("debug", "has_traceback"), [(None, False), (True, True), (False, False)])
def test_where_an_error_of_the_user_came_up_is_printed_when_asked_for(
    debug: bool | None, has_traceback: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("program", raising(InputError("bad")), debug=debug) == 3
    assert capsys.readouterr().err.startswith("Traceback") == has_traceback


GONE = "the current folder does not exist any more, change to one that does\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["call.mp4"], 4, f"vader-rt: {GONE}"),
        (["CLIP"], 2, f"; give another folder with -o; {GONE}"),
        (["gate", "call.vader"], 3, f"vader-rt: call.vader: does not exist; .*; {GONE}"),
        (["completion", "tcsh"], 0, ""),
    ],
)
def test_a_folder_that_is_gone_is_told_of(
    words: list[str], code: int, said: str, clip: Path, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    given = [str(clip) if word == "CLIP" else word for word in words]
    script = 'rmdir "$PWD" && exec "$@"'
    argv = ["sh", "-c", script, "sh", sys.executable, "-m", "vader_rt", *given]
    process = subprocess.run(argv, cwd=here, capture_output=True, text=True)
    assert process.returncode == code
    assert re.search(f"{said}$", process.stderr)
    assert process.stderr.count("\n") == (code != 0)


def test_options_are_called_as_they_are_typed(capsys: pytest.CaptureFixture[str]) -> None:
    line = "virtual_library and end: the end is not `virtual_library`"
    assert exit_code("program", raising(OptionError(line, "virtual_library", "end"))) == 2
    shown = "program: --virtual-library and --end: the end is not `virtual_library`\n"
    assert capsys.readouterr().err == shown
