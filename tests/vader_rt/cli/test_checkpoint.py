"""Killed in the middle, the same command goes on: as a user meets it, with real signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.conftest import TINY_WH, assert_one_line
from vader_rt.errors import InputError
from vader_rt.io.state_file import StateFile
from vader_rt.io.video import VideoWriter
from vader_rt.pipeline.prepared import KINDS

COMMAND = [sys.executable, "-m", "vader_rt"]
COUNT = 60
Job = list[str]


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal() -> Iterator[None]:
    """What started the tests may ignore signals, as `nohup` does, and its children inherit that."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def job(
    frames: list[np.ndarray], tiny_models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Job:
    """A command of some frames, all of which go through the network."""
    path = tmp_path_factory.mktemp("call") / "call.mp4"
    tiny = [cv2.resize(frame, TINY_WH, interpolation=cv2.INTER_AREA) for frame in frames]
    with VideoWriter(path, size_wh=TINY_WH, crf=20) as writer:
        for index in range(COUNT):
            writer.write(tiny[index % len(tiny)])
    model = str(tiny_models["frame"])
    return [str(path), "--model", model, "--no-restore", "--frames", "all", "--engine", "onnx-cpu"]


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def whole(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(*job, "-o", "out", cwd=folder).returncode == 0
    return folder / "out"


def content(folder: Path) -> dict[str, Any]:
    """The files of a result, but for what tells when and how it was made."""
    found: dict[str, Any] = {path.name: path.read_bytes() for path in folder.iterdir()}
    report = json.loads(found.pop("result.json"))
    for name in ("timings", "started", "finished", "command_line"):
        del report[name]
    return found | {"result.json": report}


def done(path: Path) -> int:
    """How many frames a checkpoint has; -1 before it has any, or the first pass."""
    try:
        tree = StateFile(path, "checkpoint").tree(KINDS)
    except InputError:
        return -1
    return len(tree["recovery"]["leaks"]) if tree and tree["recovery"] else -1


def ended_when(
    is_time: Callable[[Path], bool], number: signal.Signals, words: list[str], cwd: Path
) -> tuple[int, str]:
    """Exit code and stderr of a run that gets a signal as soon as its checkpoint is so far."""
    with subprocess.Popen(
        [*COMMAND, *words, "--checkpoint", "call.ckpt", "--every", "0.05"],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while process.poll() is None:
            if is_time(cwd / "call.ckpt"):
                process.send_signal(number)
                break
            time.sleep(0.03)
        _, stderr = process.communicate()
        return process.returncode, stderr


def test_killed_time_and_again_it_is_the_same_to_the_byte(
    job: Job, whole: Path, tmp_path: Path
) -> None:
    words = [*job, "-o", "out"]
    places: list[Callable[[Path], bool]] = [
        lambda path: path.exists(),  # in the first pass, of which nothing is kept
        lambda path: done(path) > 0,
        lambda path: done(path) > COUNT / 2,
        lambda path: done(path) == COUNT,  # while the result is made
    ]
    for is_time in places:
        code, _ = ended_when(is_time, signal.SIGKILL, words, tmp_path)
        assert code == -signal.SIGKILL
    again = run(*words, "--checkpoint", "call.ckpt", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert f"goes on after {COUNT} of {COUNT} frames" in again.stderr
    assert content(tmp_path / "out") == content(whole)
    report = json.loads((tmp_path / "out" / "result.json").read_text())
    assert report["timings"]["runs"] == 4
    assert os.listdir(tmp_path) == ["out"]  # neither the checkpoint nor a part of one is left


def test_interrupted_it_says_how_to_go_on(job: Job, whole: Path, tmp_path: Path) -> None:
    words = [*job, "-o", "out"]
    code, stderr = ended_when(lambda path: done(path) > 0, signal.SIGTERM, words, tmp_path)
    assert code == 130, stderr
    assert "not all is done; the same command goes on from call.ckpt" in stderr
    report = json.loads((tmp_path / "out" / "result.json").read_text())
    assert not report["complete"]
    # not a frame is lost: what the result was made of is what is gone on with
    assert done(tmp_path / "call.ckpt") == len(report["inferred_frames"]) < COUNT
    assert run(*words, "--checkpoint", "call.ckpt", cwd=tmp_path).returncode == 0
    assert content(tmp_path / "out") == content(whole)


def test_what_is_no_checkpoint_stays_as_it_is(job: Job, tmp_path: Path) -> None:
    shutil.copy(job[0], tmp_path / "call.mp4")
    words = ["call.mp4", *job[1:], "-o", "out", "--checkpoint"]
    before = shutil.copy(job[0], tmp_path / "other.mp4").read_bytes()
    foreign = run(*words, "other.mp4", cwd=tmp_path)
    assert_one_line(foreign, "vader-rt", 3)
    assert "other.mp4: is no checkpoint of vader-rt" in foreign.stderr
    assert (tmp_path / "other.mp4").read_bytes() == before
    inside = run(*words, "out/call.ckpt", cwd=tmp_path)
    assert_one_line(inside, "vader-rt", 2)
    assert "out/call.ckpt: lies in a result's folder" in inside.stderr
    mistyped = run(*words, "mistyped/call.ckpt", cwd=tmp_path)
    assert_one_line(mistyped, "vader-rt", 2)
    assert "mistyped/call.ckpt: its folder does not exist; make it, or" in mistyped.stderr
    nowhere = run(*words, "call.mp4/call.ckpt", cwd=tmp_path)
    assert_one_line(nowhere, "vader-rt", 2)
    assert "cannot be written" in nowhere.stderr
    with open(job[0], "rb") as stdin:
        stream = subprocess.run(
            [*COMMAND, "-", *words[1:], "call.ckpt"],
            cwd=tmp_path, stdin=stdin, capture_output=True, text=True,
        )  # fmt: skip
    assert stream.returncode == 2
    assert "vader-rt: --checkpoint: a stream cannot be read again; --every keeps" in stream.stderr
    assert sorted(os.listdir(tmp_path)) == ["call.mp4", "other.mp4"]


def test_a_failure_to_keep_is_told_once_even_quietly(job: Job, tmp_path: Path) -> None:
    words = [*job, "-o", "out", "--quiet", "--checkpoint", "call.ckpt"]
    limited = ["bash", "-c", 'ulimit -f 1500 && exec "$@"', "bash", *COMMAND, *words]
    done = subprocess.run(limited, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("vader-rt: call.ckpt: cannot be written (File too large); the last ")
    assert not (tmp_path / "call.ckpt").exists()


def test_a_recording_of_many_goes_on(job: Job, tmp_path: Path) -> None:
    shutil.copy(job[0], tmp_path / "call.mp4")
    words = ["batch", "call.mp4", *job[1:], "-o", "out", "--checkpoint", "kept", "--quiet"]
    with subprocess.Popen([*COMMAND, *words], cwd=tmp_path) as process:
        while process.poll() is None:
            kept = list((tmp_path / "kept").glob("*.ckpt"))
            if kept and StateFile(kept[0], "checkpoint").tree(KINDS) is not None:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    assert len(list((tmp_path / "kept").glob("*.ckpt"))) == 1
    assert run(*words, cwd=tmp_path).returncode == 0
    report = json.loads((tmp_path / "out" / "call.vader" / "result.json").read_text())
    assert (report["complete"], report["timings"]["runs"]) == (True, 2)
    assert not list((tmp_path / "kept").iterdir())
    assert "checkpoint" not in report["options"]
    assert "1 skipped" in run(*words[:-1], cwd=tmp_path).stdout
