"""Ctrl-C, SIGTERM and SIGHUP, as a user meets them: a real process that gets real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vader_rt.cli.interrupts import Interrupts
from vader_rt.io.video import VideoWriter

COMMAND = [sys.executable, "-m", "vader_rt"]


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal() -> Iterator[None]:
    """What started the tests may ignore signals, as `nohup` does, and its children inherit that."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_signal_interrupts_and_the_others_count() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with Interrupts() as interrupts:
        interrupts.check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGHUP)
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
    assert signal.getsignal(signal.SIGHUP) == before


def test_a_signal_waits_for_the_end_of_what_is_held() -> None:
    with Interrupts() as interrupts:
        held = interrupts.held()
        held.__enter__()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            held.__exit__(None, None, None)
    with Interrupts() as interrupts:
        interrupts.hold()
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.seen


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interrupts.seen
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def long_clip(frames: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frames of `frames`, sixty times over."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    with VideoWriter(path, size_wh=(320, 180), crf=30) as writer:
        for _ in range(60):
            for frame in frames:
                writer.write(frame)
    return path


def interrupted(
    argv: list[str], stage: str, numbers: list[signal.Signals], cwd: Path
) -> tuple[int, str]:
    """Exit code and remaining stderr of a run that gets signals after a stage's first frame.

    The last of them comes again and again until it has ended.
    """
    with subprocess.Popen(
        [*COMMAND, *argv],
        cwd=cwd,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # what a shell starts in the background ignores Ctrl-C, and so would its children
        preexec_fn=lambda: [signal.signal(n, signal.SIG_DFL) for n in numbers],
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(stage):
                break
        for number in numbers:
            process.send_signal(number)
        while process.poll() is None:
            time.sleep(0.02)
            process.send_signal(numbers[-1])
        return process.returncode, process.stderr.read()


@pytest.mark.parametrize(
    "numbers", [[signal.SIGINT], [signal.SIGTERM, signal.SIGINT], [signal.SIGHUP]]
)
def test_an_interrupt_keeps_what_there_is(
    numbers: list[signal.Signals], long_clip: Path, untrained: dict[str, Path], tmp_path: Path
) -> None:
    options = ["--model", str(untrained["frame"]), "--no-restore", "--frames", "all"]
    argv = [str(long_clip), *options]
    code, stderr = interrupted(argv, "room", numbers, tmp_path)
    assert code == 130, stderr
    last = "vader-rt: interrupted; the result in long.vader is what was recovered by then\n"
    assert stderr == last
    report = json.loads((tmp_path / "long.vader" / "result.json").read_text())
    assert 0 < report["input"]["frames"] < 1200
    assert report["complete"] is False


def test_interrupt_before_anything_was_recovered(
    long_clip: Path, untrained: dict[str, Path], tmp_path: Path
) -> None:
    argv = [str(long_clip), "--model", str(untrained["frame"])]
    code, stderr = interrupted(argv, "virtual background", [signal.SIGINT], tmp_path)
    assert (code, stderr) == (130, "vader-rt: interrupted before anything was recovered\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "module", ["vader_rt.cli.streams", "argparse", "numpy.linalg", "cv2", "vader_rt.pipeline.api"]
)
def test_an_interrupt_while_modules_are_loaded_is_quiet(
    module: str, clip: Path, tmp_path: Path
) -> None:
    argv = [sys.executable, "-X", "importtime", "-m", "vader_rt", str(clip)]
    with subprocess.Popen(
        argv,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.endswith(f" {module}\n"):
                process.send_signal(signal.SIGINT)
                break
        rest = [line for line in process.stderr if not line.startswith("import time:")]
    assert process.returncode == 130
    assert len(rest) == 1, rest
    assert rest[0].startswith("vader-rt: interrupted")
    assert not list(tmp_path.iterdir())


def test_a_result_that_cannot_be_written_is_kept(
    clip: Path, untrained: dict[str, Path], tmp_path: Path
) -> None:
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    options = ["--model", str(untrained["frame"]), "--no-restore", "-o", str(out)]
    argv = [*COMMAND, str(clip), *options]
    process = subprocess.Popen(
        argv,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("virtual background"):
            out.write_text("it was free when it was tried")
            break
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    (kept,) = temporary.iterdir()
    assert stderr.endswith(f"out: cannot be written (File exists); the result is kept in {kept}\n")
    assert json.loads((kept / "result.json").read_text())["coverage"] > 0
