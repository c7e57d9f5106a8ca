"""`vader-rt` as a user meets it: a real process, its streams, files and exit codes."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import assert_one_line
from tests.vader_rt.io.made import overwrite, packet_place
from train.calls import read_calls
from vader_rt.io.video import VideoWriter
from vader_rt.pipeline.save import RESULT_FILES

COMMAND = [sys.executable, "-m", "vader_rt"]


def run(*argv: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, argv)], cwd=cwd, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def models(untrained: dict[str, Path]) -> list[str]:
    """Options that take an untrained model, and the shipped ones of the end not at all."""
    return ["--model", str(untrained["frame"]), "--no-restore"]


@pytest.fixture(scope="module")
def done(
    clip: Path,
    models: list[str],
    untrained: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, object]:
    """One run with `--json` and a restoration, and the folder that it ran in."""
    folder = tmp_path_factory.mktemp("run")
    restoration = ["--restoration", untrained["restore"]]
    return folder, run(clip, "--json", *models, *restoration, cwd=folder)


def test_main_job(done: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, process = done
    assert process.returncode == 0, process.stderr
    output = folder / "clip.vader"
    assert sorted(p.name for p in output.iterdir()) == sorted(RESULT_FILES)
    image = cv2.imread(str(output / "background.png"), cv2.IMREAD_UNCHANGED)
    assert image.shape == (180, 320, 4)
    assert (image[..., 3] > 0).any()


def test_json_is_the_result_and_nothing_else(
    done: tuple[Path, subprocess.CompletedProcess[str]], clip: Path
) -> None:
    folder, process = done
    report = json.loads(process.stdout)
    assert report == json.loads((folder / "clip.vader" / "result.json").read_text())
    assert report["input"]["frames"] == 20 == len(report["leak_timeline"])
    assert report["input"]["sha256"]
    assert report["scores"] is None
    assert [m["name"] for m in report["models"]] == ["frame.onnx", "restore.onnx"]
    assert set(report["timings"]["stages_seconds"]) >= {"scan", "virtual", "network", "unmix"}
    assert 0 <= report["coverage"] <= report["seen"] <= 1
    assert report["seen"] > 0


def test_progress_elsewhere_than_on_a_terminal_is_plain_lines(
    done: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, process = done
    assert "virtual background …\nroom …\n" in process.stderr
    assert "\r" not in process.stderr


def shown_on_terminal(command: list[str], cwd: Path) -> str:
    """What a process writes to stderr where that is a terminal of 80 columns."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=terminal):
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while data := os.read(master, 4096):
                shown += data
    os.close(master)
    return shown.decode()


def test_progress_on_a_terminal_is_a_bar(clip: Path, models: list[str], tmp_path: Path) -> None:
    shown = shown_on_terminal([*COMMAND, str(clip), *models], tmp_path)
    assert "\rvirtual background: " in shown
    assert "\rroom: 100%" in shown
    assert "20/20" in shown


def test_quiet(clip: Path, models: list[str], tmp_path: Path) -> None:
    process = run(clip, "--quiet", "-o", "out", *models, cwd=tmp_path)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
    assert (tmp_path / "out" / "background.png").is_file()


def test_the_result_of_another_recording_is_replaced_when_asked_for(
    clip: Path, models: list[str], tmp_path: Path
) -> None:
    report = tmp_path / "clip.vader" / "result.json"
    report.parent.mkdir()
    report.write_text('{"input": {"name": "clip", "sha256": "of another clip"}}')
    process = run(clip, "--quiet", *models, cwd=tmp_path)
    assert_one_line(process, "vader-rt", 2)
    assert "another recording" in process.stderr
    for options in (["--overwrite"], []):
        process = run(clip, "--quiet", *models, *options, cwd=tmp_path)
        assert process.returncode == 0, process.stderr
        assert json.loads(report.read_text())["coverage"] > 0
    assert [p.name for p in tmp_path.iterdir()] == ["clip.vader"]


def test_score_with_truth(small_calls: Path, tmp_path: Path) -> None:
    """With the shipped model."""
    (call,) = read_calls(small_calls)
    process = run(call.video, "--truth", call.room, "--mask", call.mask, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert "challenge" in process.stdout
    report = json.loads((tmp_path / f"{call.video.stem}.vader" / "result.json").read_text())
    assert 0 < report["scores"]["challenge"] < 1


def make_inputs(folder: Path) -> None:
    """The bad inputs that the table below names."""
    (folder / "text.mp4").write_text("this is not a video\n" * 20)
    (folder / "empty.mp4").touch()
    (folder / "model.onnx").write_bytes(b"this is not a model")
    (folder / "busy").mkdir()
    (folder / "busy" / "thesis.txt").write_text("mine")
    (folder / "pics").mkdir()
    cv2.imwrite(str(folder / "pics" / "a.png"), np.full((180, 320, 3), 255, np.uint8))
    cv2.imwrite(str(folder / "small.png"), np.full((10, 10, 3), 255, np.uint8))
    cv2.imwrite(str(folder / "other.png"), np.full((180, 320, 3), (0, 255, 0), np.uint8))
    cv2.imwrite(str(folder / "black.png"), np.zeros((180, 320), np.uint8))
    with VideoWriter(folder / "tiny.mp4", size_wh=(32, 32)) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8))


BAD = [
    (["missing.mp4"], 3, "missing.mp4: does not exist"),
    (["."], 3, ".: is a folder of videos, such as empty.mp4; give a file"),
    (["busy"], 3, "busy: is a folder without pictures; give a video file"),
    (["text.mp4"], 3, "cannot be opened as a video"),
    (["empty.mp4"], 3, "is empty"),
    (["tiny.mp4"], 3, "too small"),
    (["CLIP", "--model", "missing.onnx"], 3, "missing.onnx: does not exist"),
    (["CLIP", "--model", "model.onnx", "--engine", "onnx-cpu"], 3, "is no ONNX model"),
    (["CLIP", "--model", "RESTORE"], 3, "a frame model is needed here"),
    (["CLIP", "--restoration", "FRAME"], 3, "a restore model is needed here"),
    (["CLIP", "--model", "COPIES", "--restoration", "RESTORE"], 2, "this frame model copies"),
    (["CLIP", "--restoration", "missing.onnx"], 3, "missing.onnx: does not exist"),
    (["CLIP", "--virtual-background", "missing.png"], 3, "missing.png: does not exist"),
    (["CLIP", "--virtual-background", "text.mp4"], 3, "not an image"),
    (["CLIP", "--virtual-background", "other.png"], 3, "not the virtual background of this call"),
    (["CLIP", "--virtual-library", "busy"], 3, "busy: has no pictures"),
    (["CLIP", "--virtual-library", "missing"], 3, "missing: is not a folder"),
    (["CLIP", "--truth", "small.png"], 2, "vader-rt: --truth and --mask belong together: give the"),
    (["CLIP", "--mask", "black.png"], 2, "vader-rt: --truth and --mask belong together: give the"),
    (["CLIP", "--truth", "missing.png", "--mask", "black.png"], 3, "missing.png: does not exist"),
    (["CLIP", "--truth", "small.png", "--mask", "black.png"], 3, "truth is 10×10"),
    (["CLIP", "--truth", "other.png", "--mask", "black.png"], 3, "black"),
    (["CLIP", "-o", "busy"], 2, "thesis.txt"),
    (["CLIP", "-o", "/"], 2, "give another"),
    (["CLIP", "-o", "x" * 5000], 2, "(File name too long); give another folder"),
    (["x" * 5000], 2, "x.vader: cannot be written (File name too long)"),
    (["CLIP", "--virtual-background", "x" * 5000], 3, "x: cannot be read (File name too long)"),
    (["CLIP", "--virtual-background", "pics/a.png", "-o", "pics"], 2, "lies in the output folder"),
    (["CLIP", "-o", "text.mp4"], 2, "is a file"),
    (["CLIP", "-o", "text.mp4/deeper"], 2, "cannot be written"),
    (["CLIP", "--engine", "onnx-cuda"], 4, "--engine onnx-cuda"),
    (["CLIP", "--max-pixels", "57599"], 3, "allow it with --max-pixels 57600"),
]


@pytest.mark.parametrize(("argv", "code", "words"), BAD, ids=[" ".join(b[0])[:80] for b in BAD])
def test_bad_input_is_one_clear_line(
    argv: list[str],
    code: int,
    words: str,
    clip: Path,
    models: list[str],
    untrained: dict[str, Path],
    tmp_path: Path,
) -> None:
    names = {name.upper(): model for name, model in untrained.items()} | {"CLIP": clip}
    make_inputs(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    # the last of an option counts
    process = run(*models, "--quiet", *(names.get(a, a) for a in argv), cwd=tmp_path)
    assert_one_line(process, "vader-rt", code)
    assert words in process.stderr
    assert process.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["a", "--engine", "magic"],
        ["a", "--fail-above", "2"],
        ["a", "--threads", "-1"],
        ["a", "--threads", "9" * 5000],
        ["a", "--frames", "9" * 5000],
        ["a", "--virtual-background", "b.png", "--virtual-library", "c"],
    ],
)
def test_usage(argv: list[str], tmp_path: Path) -> None:
    process = run(*argv, cwd=tmp_path)
    assert_one_line(process, "vader-rt", 2)
    assert process.stderr.endswith("see `vader-rt run --help`\n")


def test_a_still_picture_gives_nothing(tmp_path: Path) -> None:
    """A smooth picture without a person, and the shipped model."""
    shade = np.linspace(60, 200, 320)[None, :, None].repeat(180, 0).repeat(3, 2).astype(np.uint8)
    with VideoWriter(tmp_path / "still.mp4", size_wh=(320, 180)) as writer:
        for _ in range(6):
            writer.write(shade)
    process = run("still.mp4", cwd=tmp_path)
    assert process.returncode == 5, process.stderr
    assert "nothing was recovered" in process.stderr
    image = cv2.imread(str(tmp_path / "still.vader" / "background.png"), cv2.IMREAD_UNCHANGED)
    assert not image[..., 3].any()


def test_nothing_recovered(clip: Path, untrained: dict[str, Path], tmp_path: Path) -> None:
    """The outputs are written, the exit code and one line say that they are empty."""
    models = ["--model", untrained["blind"], "--no-restore"]
    process = run(clip, *models, "--json", "--quiet", cwd=tmp_path)
    assert_one_line(process, "vader-rt", 5)
    assert "nothing was recovered" in process.stderr
    assert json.loads(process.stdout)["coverage"] == 0
    assert sorted(p.name for p in (tmp_path / "clip.vader").iterdir()) == sorted(RESULT_FILES)
    image = cv2.imread(str(tmp_path / "clip.vader" / "background.png"), cv2.IMREAD_UNCHANGED)
    assert not image[..., 3].any()


@pytest.fixture(scope="module")
def damaged(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip with eight bytes in its middle overwritten: a frame is lost."""
    path = shutil.copy(clip, tmp_path_factory.mktemp("damaged") / "damaged.mp4")
    return overwrite(Path(path), packet_place(clip, 10)[0], bytes(range(0xA0, 0xA8)))


def test_what_is_lost_of_a_damaged_call_is_said(
    damaged: Path, models: list[str], tmp_path: Path
) -> None:
    process = run(damaged, *models, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    report = json.loads((tmp_path / "damaged.vader" / "result.json").read_text())
    assert 15 <= report["input"]["frames"] < 20
    assert report["input"]["damaged"] is True
    assert report["complete"] is False
    assert report["warnings"]
    assert all(f"warning   {sentence}\n" in process.stdout for sentence in report["warnings"])


@pytest.mark.parametrize(
    ("model", "limit", "code", "words"),
    [
        ("frame", "0", 6, "failed: claimed is "),
        ("frame", "1", 7, "(the input is damaged: 1 packet could not be decoded)"),
        ("blind", "1", 7, "not decided: claimed is 0 %"),
        ("blind", None, 5, "in what could be read of this call"),
    ],
)
def test_a_gate_on_a_damaged_call_never_passes(
    model: str,
    limit: str | None,
    code: int,
    words: str,
    damaged: Path,
    untrained: dict[str, Path],
    tmp_path: Path,
) -> None:
    gate = [] if limit is None else ["--assert", f"claimed<={limit}"]
    options = ["--model", untrained[model], "--no-restore", "--quiet"]
    process = run(damaged, *gate, *options, cwd=tmp_path)
    assert_one_line(process, "vader-rt", code)
    assert words in process.stderr


def test_a_gate_on_a_call_that_was_cut_short_never_passes(
    clip: Path, models: list[str], tmp_path: Path
) -> None:
    argv = ["--quiet", "--time-limit", "1e-3", "--assert", "claimed<=1"]
    process = run(clip, *models, *argv, cwd=tmp_path)
    assert_one_line(process, "vader-rt", 7)
    assert "(the work was ended early)" in process.stderr


@pytest.mark.parametrize(("share", "code"), [("0", 6), ("1", 0)])
def test_the_old_name_of_a_gate(
    share: str, code: int, clip: Path, models: list[str], tmp_path: Path
) -> None:
    process = run(clip, "--fail-above", share, "--quiet", *models, cwd=tmp_path)
    assert process.returncode == code, process.stderr
    said = process.stderr.splitlines()
    assert said[0] == f"vader-rt: --fail-above is old; write --assert 'claimed<={float(share)}'"
    assert len(said) == 1 + (code == 6)
    assert (tmp_path / "clip.vader" / "result.json").is_file()
