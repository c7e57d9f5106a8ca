"""Gates in a shell: exit codes, and a line for what did not pass."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import assert_one_line

COMMAND = [sys.executable, "-m", "vader_rt"]


def run(*argv: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    words = [*COMMAND, *map(str, argv)]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_all_figures_are_listed_where_nothing_is_asserted(saved: Path, tmp_path: Path) -> None:
    process = run("gate", saved, cwd=tmp_path)
    assert process.returncode == 0
    assert "\n  unmasked.frames " in process.stdout


@pytest.mark.parametrize(
    ("expressions", "code"),
    [
        (["--assert", "claimed<=1", "--assert", "unmasked.frames==0"], 0),
        (["--assert", "claimed<=1", "--assert", "seen<0"], 6),
        (["--warn", "seen<0"], 0),
        (["--assert", "score.challenge<1"], 7),
        (["--assert", "score.challenge<1", "--assert", "seen<0"], 6),
    ],
)
def test_exit_codes(expressions: list[str], code: int, saved: Path, tmp_path: Path) -> None:
    process = run("gate", saved, *expressions, cwd=tmp_path)
    assert process.returncode == code, process.stderr
    assert process.stderr.count("\n") == sum(
        word in ("seen<0", "score.challenge<1") for word in expressions
    )


def test_a_damaged_recording_never_passes(saved: Path, saved_damaged: Path, tmp_path: Path) -> None:
    argv = [saved, saved_damaged, "--assert", "claimed<=1", "--junit", "gate.xml"]
    process = run("gate", *argv, cwd=tmp_path)
    assert_one_line(process, "vader-rt", 7)
    assert "not decided: clip.mp4: claimed is" in process.stderr
    suites = ElementTree.parse(tmp_path / "gate.xml").getroot()
    assert [suite.attrib["errors"] for suite in suites] == ["0", "1"]


def test_a_job_is_its_own_gate(clip: Path, untrained: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text('error = ["seen > 100%"]\nwarn = ["seen > 100%"]\n')
    model = ["--model", untrained["frame"], "--no-restore", "--frames", "8", "--quiet"]
    files = ["--assert-file", "gate.toml", "--junit", "g/gate.xml", "--metrics", "g/m.json"]
    process = run(clip, *model, *files, cwd=tmp_path)
    assert process.returncode == 6
    first, second = process.stderr.splitlines()
    assert first.startswith("vader-rt: failed: seen is ")
    assert second.startswith("vader-rt: warning: seen is ")
    metrics = json.loads((tmp_path / "g" / "m.json").read_text())
    report = json.loads((tmp_path / "clip.vader" / "result.json").read_text())
    assert metrics["pooled"]["seen"] == report["seen"]


def test_a_call_without_leaks_passes(tmp_path: Path, tiny_models: dict[str, Path]) -> None:
    """Nothing recovered is what a maker wants; without an assertion it is exit code 5."""
    import numpy as np

    from vader_rt.io.video import VideoWriter

    with VideoWriter(tmp_path / "still.mp4", size_wh=(160, 90)) as writer:
        for _ in range(8):
            writer.write(np.full((90, 160, 3), 120, np.uint8))
    argv = ["still.mp4", "--model", tiny_models["copies"], "--quiet"]
    assert run(*argv, cwd=tmp_path).returncode in (0, 5)
    assert run(*argv, "--assert", "unmasked.frames==0", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["gate", "none"], 3, "none: does not exist; give the folder of a result"),
        (["gate", "none", "--assert", "x<1"], 2, "there is no metric x"),
        (["gate", "a", "b", "--metrics", "m.csv"], 2, "--metrics writes the figures of one result"),
        (["gate", "a", "--metrics", "m.txt"], 2, "--metrics writes a .json or a .csv file"),
        (["gate", "a", "--junit", "."], 2, ".: is a folder; give a file to write to"),
        (["gate", "a", "--assert-file", "no.toml"], 3, "no.toml: does not exist"),
        (["compare", "a"], 2, "compare wants two results or more"),
        (["compare", "a", "b"], 3, "a: does not exist"),
        (["none.mp4", "--assert", "leak<1"], 2, "there is no metric leak;"),
    ],
)
def test_bad_input_is_one_line(argv: list[str], code: int, words: str, tmp_path: Path) -> None:
    process = run(*argv, cwd=tmp_path)
    assert_one_line(process, "vader-rt", code)
    assert words in process.stderr
    assert not list(tmp_path.iterdir())


def test_builds_are_compared(saved: Path, saved_damaged: Path, tmp_path: Path) -> None:
    process = run("compare", saved, saved, cwd=tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.splitlines()[0].split() == [str(saved)] * 2
    said = json.loads(run("compare", saved, saved, "--json", cwd=tmp_path).stdout)
    assert {row["metric"] for row in said["metrics"]} >= {"leak.mean", "unmasked.frames"}
    process = run("compare", saved, saved_damaged, "--tolerance", "1", cwd=tmp_path)
    assert_one_line(process, "vader-rt", 7)
