"""`vader-rt batch` as a user meets it: a real process, its streams, files and exit codes."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import assert_one_line
from tests.vader_rt.cli.test_main import shown_on_terminal
from train.calls import read_calls
from vader_rt.pipeline.save import RESULT_FILES

COMMAND = [sys.executable, "-m", "vader_rt", "batch"]


@pytest.fixture(scope="module")
def models(tiny_models: dict[str, Path]) -> list[str]:
    return ["--model", str(tiny_models["frame"]), "--no-restore"]


@pytest.fixture(scope="module")
def video(tiny_calls: Path) -> Path:
    return read_calls(tiny_calls)[0].video


def run(*argv: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, argv)], cwd=cwd, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def done(
    video: Path, models: list[str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder with a bad recording among others, and the first run on it."""
    folder = tmp_path_factory.mktemp("batch")
    for name in ("calls/monday/call.mp4", "calls/tuesday/call.mp4"):
        (folder / name).parent.mkdir(parents=True)
        shutil.copy(video, folder / name)
    (folder / "calls" / "bad.mp4").write_text("this is no video")
    return folder, run("calls", "-o", "out", "--json", *models, cwd=folder)


def test_a_bad_recording_does_not_stop_the_rest(
    done: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, process = done
    assert process.returncode == 1, process.stderr
    summary = json.loads(process.stdout)
    assert summary["counts"] == {"done": 2, "nothing": 0, "skipped": 0, "failed": 1}
    bad, first, second = summary["jobs"]
    assert (bad["exit_code"], bad["folder"]) == (3, None)
    assert bad["line"].startswith("cannot be opened as a video")
    assert len({first["folder"], second["folder"]}) == 2
    for entry in (first, second):
        names = sorted(os.listdir(folder / "out" / entry["folder"]))
        assert names == sorted([*RESULT_FILES, "job.json"])
    assert sorted(os.listdir(folder / "out")) == sorted(
        [first["folder"], second["folder"], "index.csv", "index.html"]
    )
    with (folder / "out" / "index.csv").open(newline="") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["failed", "done", "done"]
    report = json.loads((folder / "out" / first["folder"] / "result.json").read_text())
    assert report["command_line"][:3] == ["vader-rt", "batch", "calls"]
    assert "[3/3] " in process.stderr
    assert process.stderr.endswith("1 of 3 recordings failed; see out/index.html\n")
    assert "\r" not in process.stderr


def test_the_second_run_does_what_is_left(
    done: tuple[Path, subprocess.CompletedProcess[str]],
    video: Path,
    models: list[str],
    tmp_path: Path,
) -> None:
    shutil.copytree(done[0], tmp_path, dirs_exist_ok=True)
    shutil.copy(video, tmp_path / "calls" / "bad.mp4")
    process = run("calls", "-o", "out", *models, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("3 recordings: 1 done, 2 skipped, in ")
    quiet = run("calls", "-o", "out", "--quiet", *models, cwd=tmp_path)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_an_interrupt_keeps_what_is_done(
    number: signal.Signals, video: Path, models: list[str], tmp_path: Path
) -> None:
    for index in range(4):
        (tmp_path / "calls").mkdir(exist_ok=True)
        shutil.copy(video, tmp_path / "calls" / f"{index}.mp4")
    command = [*COMMAND, "calls", "-o", "out", "-j", "1", *models]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("[1/4] "):
                break
        while process.poll() is None:
            process.send_signal(number)
            time.sleep(0.05)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert rest.endswith("recordings are left, the same command goes on\n")
    assert "Traceback" not in rest
    there = sorted(os.listdir(tmp_path / "out"))
    assert set(there) <= {*(f"{i}.vader" for i in range(4)), "index.csv", "index.html"}
    page = (tmp_path / "out" / "index.html").read_text()
    assert f"interrupted, {6 - len(there)} are left" in page
    again = run("calls", "-o", "out", *models, cwd=tmp_path)
    assert again.returncode == 0
    assert again.stdout.startswith(f"4 recordings: {6 - len(there)} done, {len(there) - 2} skipped")


def test_a_terminal_shows_what_is_at_work(
    done: tuple[Path, subprocess.CompletedProcess[str]], models: list[str], tmp_path: Path
) -> None:
    shutil.copytree(done[0] / "calls", tmp_path / "calls")
    shown = shown_on_terminal([*COMMAND, "calls", "-o", "out", *models], tmp_path)
    assert "recordings: 0/3 [" in shown
    assert "recordings: 2/3 [" in shown
    assert "1 failed]" in shown
    assert " frames" in shown
    assert "/3] failed   bad.mp4: cannot be opened" in shown


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["nowhere", "-o", "out"], 3, "nowhere: does not exist"),
        (["empty", "-o", "out"], 3, "empty: no recording is there"),
        (["calls"], 2, "the following arguments are required: -o/--output"),
        (["calls", "-o", "calls/a.mp4"], 2, "calls/a.mp4: cannot be written"),
        (["calls", "-o", "out", "-j", "0"], 2, "'0' is not a number, 1 or more"),
        (["calls", "-o", "out", "--gpus-per-job", "1"], 2, "--gpus-per-job is for --ray"),
        (["calls", "-o", "out", "--ray", "auto", "--threads", "2"], 2, "--threads is for this"),
        (["calls", "-o", "out", "--model", "x.onnx"], 3, "--model: x.onnx does not exist"),
        (["calls", "-o", "out", "--frames", "1"], 2, "frames: 1 is not"),
        (["list.csv", "-o", "out"], 2, "list.csv:2: truth and mask belong together"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_one_line(
    argv: list[str], code: int, words: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "a.mp4").write_bytes(b"x")
    (tmp_path / "list.csv").write_text("video,truth\ncalls/a.mp4,calls/a.mp4\n")
    process = run(*argv, cwd=tmp_path)
    assert_one_line(process, "vader-rt", code)
    assert words in process.stderr
    assert not (tmp_path / "out").exists()


def test_without_ray_it_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    no_ray = "import sys; sys.modules['ray'] = None"
    script = f"{no_ray}; from vader_rt.cli import program; sys.exit(program())"
    process = subprocess.run(
        [sys.executable, "-c", script, "batch", "a.mp4", "-o", "out", "--ray", "auto"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert_one_line(process, "vader-rt", 2)
    assert "--ray needs Ray" in process.stderr
    assert process.stderr.endswith("pip install 'vader-rt[fleet]'\n")
