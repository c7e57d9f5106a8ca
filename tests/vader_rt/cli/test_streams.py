"""What is printed, whatever things are called and whoever listens."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from tests.conftest import assert_one_line
from vader_rt.cli.streams import give, note, printable
from vader_rt.errors import UsageError
from vader_rt.pipeline.save import RESULT_FILES

COMMAND = [sys.executable, "-m", "vader_rt"]
FORGED = "a\nvader-rt: \x1b[2Jall is well\r\u2028\u202e"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bildschirm foto\u3000日本 é 😀.mp4", "Bildschirm foto\u3000日本 é 😀.mp4"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31m\x00\x7f\x9b", r"\x1b[31m\x00\x7f\x9b"),
        ("\u2028\u2029\u202e\u2066", r"\u2028\u2029\u202e\u2066"),
        (os.fsdecode(b"caf\xe9"), r"caf\udce9"),
        (r"a\nb", r"a\nb"),
    ],
)
def test_a_text_is_one_line(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_an_encoding_that_cannot_write_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="idna")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    note("one\n\ntwo.")
    with pytest.raises(UsageError, match=r"standard output: .*idna"):
        give("one\n\ntwo.")


@pytest.mark.parametrize(
    ("argv", "code"), [([FORGED], 3), (["a", "--" + FORGED], 3), (["a", "--threads", FORGED], 2)]
)
def test_a_name_forges_no_line(argv: list[str], code: int, tmp_path: Path) -> None:
    run = subprocess.run([*COMMAND, *argv], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == code
    assert "\x1b" not in run.stderr
    assert "\nvader-rt: \\" not in run.stderr
    assert run.stderr.splitlines()[-1].startswith("vader-rt: ")
    if code == 3:
        assert_one_line(run, "vader-rt", 3)


@pytest.fixture
def job(clip: Path, untrained: dict[str, Path], tmp_path: Path) -> list[str]:
    """A command with a recording whose name is neither UTF-8 nor one line; to be run in a shell."""
    name = os.fsdecode(b"caf\xe9\n\x1b[2Jroom.mp4")
    shutil.copy(clip, tmp_path / name)
    options = ["--model", str(untrained["frame"]), "--no-restore", "-o", "out"]
    return [*COMMAND, str(tmp_path / name), *options]


@pytest.mark.parametrize(
    ("redirection", "options", "code"),
    [
        ("| true", ["--json"], 0),
        (">/dev/full 2>/dev/full", ["--json"], 2),
        (">/dev/full", ["--assert", "claimed<=0", "--quiet"], 6),
        (">&- 2>&- <&-", ["--assert", "claimed<=0"], 6),
    ],
)
def test_no_result_is_lost_where_nobody_listens(
    redirection: str, options: list[str], code: int, job: list[str], tmp_path: Path
) -> None:
    script = f'set -o pipefail; "$@" {redirection}'
    argv = ["bash", "-c", script, "bash", *job, *options]
    run = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (code, "")
    assert "Traceback" not in run.stderr
    assert "Exception" not in run.stderr
    assert sorted(os.listdir(tmp_path / "out")) == sorted(RESULT_FILES)
    assert cv2.imread(str(tmp_path / "out" / "background.png"), cv2.IMREAD_UNCHANGED) is not None
    assert json.loads((tmp_path / "out" / "result.json").read_text())["coverage"] > 0


def test_json_is_ascii_and_the_names_are_whole(job: list[str], tmp_path: Path) -> None:
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    run = subprocess.run([*job, "--json"], cwd=tmp_path, capture_output=True, env=env, check=True)
    report = json.loads(run.stdout.decode("ascii"))
    assert os.fsencode(report["input"]["name"]) == b"caf\xe9\n\x1b[2Jroom.mp4"
    assert report == json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    run = subprocess.run([*job, "--quiet", "-o", os.fsdecode(b"\xff\n")], cwd=tmp_path, env=env)
    assert run.returncode == 0


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_for_nobody(option: str) -> None:
    script = 'set -o pipefail; "$@" | true && ! "$@" > /dev/full'
    argv = ["bash", "-c", script, "bash", *COMMAND, option]
    run = subprocess.run(argv, capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"})
    assert run.returncode == 0
    last = "vader-rt: standard output: cannot be written (No space left on device)\n"
    assert run.stderr == last
