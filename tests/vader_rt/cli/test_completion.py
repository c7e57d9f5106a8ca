"""What real shells make of the tab key, on a terminal."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "vader_rt"]
LIST, SAY = "\t", "\x181"  # Ctrl-X 1 prints the line as it is then
WIDE = "stty cols 200 rows 100; PS1='$ '; "
SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        WIDE + "bind 'set show-all-if-ambiguous on' 'set completion-query-items 0'; "
        "bind 'set enable-bracketed-paste off'; . ./_vader-rt; "
        """bind -x '"\\C-x1": echo "@[$READLINE_LINE]@"'""",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        WIDE + "setopt no_beep no_prompt_sp no_list_ambiguous; LISTMAX=999; "
        "fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; "
        "say() { print -r -- \"@[$BUFFER]@\" }; zle -N say; bindkey '^X1' say",
    ),
}


class Shell:
    """A shell on a terminal, in a folder."""

    def __init__(self, name: str, folder: Path) -> None:
        argv, setup = SHELLS[name]
        self._terminal, other = pty.openpty()
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "LC_ALL": "C"}
        streams = {"stdin": other, "stdout": other, "stderr": other}
        self._process = subprocess.Popen(
            argv, cwd=folder, env=env, start_new_session=True, **streams
        )
        os.close(other)
        os.write(self._terminal, f"{setup}; echo rea''dy\n".encode())
        self._until("ready\r")

    def completed(self, line: str) -> tuple[str, list[str]]:
        """What the tab key makes of a line, and the words that it shows."""
        os.write(self._terminal, f"\x15{line}{LIST}{SAY}".encode())  # Ctrl-U empties the line
        shown, _, made = self._until("]@").rpartition("@[")
        return made.partition("]@")[0], shown.split()

    def end(self) -> None:
        os.close(self._terminal)
        self._process.kill()
        self._process.wait()

    def _until(self, end: str) -> str:
        said = ""
        while end not in said:
            ready, _, _ = select.select([self._terminal], [], [], 30)
            assert ready, said
            said += os.read(self._terminal, 4096).decode()
        return said


@pytest.fixture(scope="module", params=SHELLS)
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    """A shell with our script, in a folder with a result, recordings and a gate."""
    if shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}")
    folder = tmp_path_factory.mktemp(request.param)
    for name in ("build-41.vader", "my calls", "recordings"):
        (folder / name).mkdir()
    for name in ("call.mp4", "my calls/a b.mp4", "my video.mp4", "gate.toml", "rtsp.txt"):
        (folder / name).touch()
    with (folder / "_vader-rt").open("w") as script:
        subprocess.run([*COMMAND, "completion", request.param], stdout=script, check=True)
    shell = Shell(request.param, folder)
    yield shell
    shell.end()


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("vader-rt doc", "vader-rt doctor "),
        ("vader-rt doctor --js", "vader-rt doctor --json "),
        ("vader-rt run --virtual-l", "vader-rt run --virtual-library "),
        ("vader-rt call.m", "vader-rt call.mp4 "),
        ("vader-rt run call.mp4 rec", "vader-rt run call.mp4 recordings/"),
        ("vader-rt batch my\\ v", "vader-rt batch my\\ video.mp4 "),
        ("vader-rt my\\ calls/", "vader-rt my\\ calls/a\\ b.mp4 "),
        ("vader-rt gate build-4", "vader-rt gate build-41.vader/"),
        ("vader-rt gate call.mp4 build-4", "vader-rt gate call.mp4 build-41.vader/"),
        ("vader-rt gate --assert-file gat", "vader-rt gate --assert-file gate.toml "),
        ("vader-rt report -o gat", "vader-rt report -o gate.toml "),
        ("vader-rt call.mp4 -o r", "vader-rt call.mp4 -o recordings/"),
        ("vader-rt call.mp4 --virtual-l", "vader-rt call.mp4 --virtual-library "),
        ("vader-rt call.mp4 --engine ope", "vader-rt call.mp4 --engine openvino "),
        ("vader-rt call.mp4 --truth gat", "vader-rt call.mp4 --truth gate.toml "),
        ("vader-rt --virtual-l", "vader-rt --virtual-library "),
        ("vader-rt --engine ope", "vader-rt --engine openvino "),
    ],
)
def test_what_fits_is_completed(line: str, made: str, shell: Shell) -> None:
    assert shell.completed(line)[0] == made


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vader-rt re", {"report", "recordings/"}),
        ("vader-rt call.mp4 --virt", {"--virtual-background", "--virtual-library"}),
        ("vader-rt call.mp4 --engine ", {"auto", "onnx-cpu", "openvino", "tensorrt"}),
        ("vader-rt call.mp4 ", {"gate.toml", "recordings/"}),
        ("vader-rt --", {"--version", "--virtual-background"}),
    ],
)
def test_what_might_be_meant_is_shown(line: str, words: set[str], shell: Shell) -> None:
    assert set(shell.completed(line)[1]) >= words
