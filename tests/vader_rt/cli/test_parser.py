"""Commands: which one is meant, and what each says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import assert_one_line
from vader_rt.cli.parser import COMMANDS, check_command, parsed, with_command

COMMAND = [sys.executable, "-m", "vader_rt"]


def run(*argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *argv], cwd=cwd, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("words", [["call.mp4"], ["--quiet", "call.mp4"], ["./doctor"], []])
def test_run_may_be_left_out(words: list[str]) -> None:
    assert with_command(words) == ["run", *words]


@pytest.mark.parametrize("words", [[name] for name in COMMANDS] + [["--version"], ["-h"]])
def test_what_is_said_stays(words: list[str]) -> None:
    assert with_command(words) == words


def test_both_forms_mean_the_same() -> None:
    short, long = (
        {**vars(parsed(with_command(words))), "parser": None}
        for words in (["a.mp4"], ["run", "a.mp4"])
    )
    assert short == long


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    process = run(name, "--help")
    assert process.returncode == 0
    assert process.stdout.startswith(f"usage: vader-rt {name} ")
    assert "\nexamples:\n" in process.stdout or "exit codes:" in process.stdout


def test_a_recording_that_is_called_like_a_command_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "completion").write_bytes(b"")
    process = run("completion", "bash", cwd=tmp_path)
    assert process.returncode == 0
    assert process.stderr == (
        "vader-rt: completion is a command; the recording of that name is ./completion\n"
    )


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["gaet", "build-41.vader"], "gate"),
        (["compre", "a", "b", "--tolerance", "1"], "compare"),
        (["self-test", "--pair", "a", "b"], "selftest"),
        (["runs", "call.mp4"], "run"),
    ],
)
def test_a_command_that_is_mistyped_is_guessed(
    words: list[str], meant: str, tmp_path: Path
) -> None:
    process = run(*words, cwd=tmp_path)
    assert_one_line(process, "vader-rt", 3)
    asked = f"vader-rt: {words[0]}: does not exist; did you mean `vader-rt {meant}`?\n"
    assert process.stderr == asked


@pytest.mark.parametrize(
    "words",
    [[], ["call"], ["runs"], ["gate"], ["run", "gaet"], ["--report"], ["batch*.mp4"], ["gate.mp4"]],
)
def test_what_may_be_a_recording_is_not_guessed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    check_command(words)


def test_version_names_the_engines() -> None:
    line = run("--version").stdout
    assert line.startswith("vader-rt ")
    assert "onnxruntime " in line
