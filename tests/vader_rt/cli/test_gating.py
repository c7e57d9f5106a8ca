"""Gates in a shell: exit codes, and a line for what did not pass."""

from __future__ import annotations

import json
import shutil
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
    assert f"not decided: {saved_damaged}: claimed is" in process.stderr
    suites = ElementTree.parse(tmp_path / "gate.xml").getroot()
    assert [suite.attrib["errors"] for suite in suites] == ["0", "1"]


def test_builds_are_told_apart_by_their_results(saved: Path, tmp_path: Path) -> None:
    """They are of one recording."""
    for build in ("a", "b"):
        (tmp_path / build).symlink_to(saved)
    process = run("gate", "a", "b", "--assert", "seen<0", "--junit", "g.xml", cwd=tmp_path)
    assert [line.split(": ")[2] for line in process.stderr.splitlines()] == ["a", "b"]
    suites = ElementTree.parse(tmp_path / "g.xml").getroot()
    assert [suite.attrib["name"] for suite in suites] == ["a", "b"]


def test_all_files_of_assertions_count(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('error = ["seen < 0"]\n')
    (tmp_path / "b.toml").write_bytes(b"\xef\xbb\xbferror = ['seen <= 1']\n")
    files = ["--assert-file", "a.toml", "--assert-file", "b.toml"]
    assert run("gate", saved, *files, cwd=tmp_path).returncode == 6
    passed = run("gate", saved, *files[2:], cwd=tmp_path)
    assert (passed.returncode, passed.stdout) == (0, "passed: 1 result, 1 assertion\n")


def test_damage_is_told_of_without_an_assertion(saved_damaged: Path, tmp_path: Path) -> None:
    for words in ([], ["--warn", "seen<0"]):
        process = run("gate", saved_damaged, *words, cwd=tmp_path)
        assert process.returncode == 0
        said = f"vader-rt: note: {saved_damaged}: the input is damaged: "
        assert process.stderr.startswith(said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--junit", "mine.xml"], "mine.xml: is there already, and is no JUnit file of vader-rt"),
        (["--metrics", "mine.json"], "mine.json: is there already, and is no file of metrics"),
        (["--junit", "a/result.json"], "a/result.json: lies in a result's folder"),
        (["--metrics", "a/m.csv"], "a/m.csv: lies in a result's folder"),
        (["--junit", "x.json", "--metrics", "x.json"], "is given to both --metrics and --junit"),
        (["--junit", "gate.toml"], "gate.toml: is an input; give another file to --junit"),
        (["--junit", "/proc/x.xml"], "/proc/x.xml: cannot be written"),
    ],
)
def test_nothing_is_lost_by_what_is_written(
    words: list[str], said: str, saved: Path, tmp_path: Path
) -> None:
    shutil.copytree(saved, tmp_path / "a")
    (tmp_path / "gate.toml").write_text('error = ["seen < 0"]\n')
    for name in ("mine.xml", "mine.json"):
        (tmp_path / name).write_text("<mine/>")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    process = run("gate", "a", "--assert-file", "gate.toml", *words, cwd=tmp_path)
    assert_one_line(process, "vader-rt", 2)
    assert said in process.stderr
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_no_verdict_of_an_earlier_time_stays(saved: Path, tmp_path: Path) -> None:
    words = ["--assert", "claimed<=1", "--junit", "gate.xml"]
    for _ in range(2):
        assert run("gate", saved, *words, cwd=tmp_path).returncode == 0
        assert (tmp_path / "gate.xml").is_file()
    assert run("gate", saved, "none", *words, cwd=tmp_path).returncode == 3
    assert not (tmp_path / "gate.xml").exists()


def test_a_recording_is_not_written_over(clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "call.mp4")
    (tmp_path / "mine.png").write_text("no picture")
    process = run("call.mp4", "--preview", "mine.png", cwd=tmp_path)
    assert_one_line(process, "vader-rt", 2)
    assert "mine.png: is there already, and is no PNG picture" in process.stderr
    for option in ("--junit", "--checkpoint"):
        process = run("call.mp4", option, "call.mp4", cwd=tmp_path)
        assert_one_line(process, "vader-rt", 2)
        assert f"call.mp4: is an input; give another file to {option}" in process.stderr
    assert (tmp_path / "call.mp4").read_bytes() == clip.read_bytes()


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
        (["gate", "a", "--junit", "."], 2, ".: is a folder; give a file to --junit"),
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
    process = run("compare", saved, saved_damaged, "--tolerance", "100%", cwd=tmp_path)
    first, *_, last = process.stderr.splitlines()
    assert process.returncode == 7
    assert first == f"vader-rt: note: {saved_damaged} is not of a whole recording"
    assert last == "vader-rt: not decided, as not all of a recording was read"
