"""`vader-rt report`, and `--report`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from vader_rt.cli.main import main
from vader_rt.io.video import VideoWriter


@pytest.fixture(scope="module")
def saved(clip: Path, untrained: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result with its report, of a run with `--report`."""
    out = tmp_path_factory.mktemp("reported") / "out"
    models = ["--model", str(untrained["frame"]), "--no-restore"]
    assert main([str(clip), "--report", "--quiet", "-o", str(out), *models]) == 0
    return out


@pytest.fixture
def result(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "call.vader"))


def pictures(path: Path) -> int:
    return path.read_bytes().count(b'class="thumb"')


def test_a_run_writes_it_and_the_next_one_takes_it_away(
    result: Path, clip: Path, untrained: dict[str, Path]
) -> None:
    assert (result / "report.html").read_bytes().startswith(b"<!doctype html>\n")
    models = ["--model", str(untrained["frame"]), "--no-restore"]
    assert main([str(clip), "--quiet", "-o", str(result), *models]) == 0
    assert not (result / "report.html").exists()


def test_of_a_saved_result(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = result / "report.html"
    page.unlink()
    assert main(["report", str(result)]) == 0
    assert capsys.readouterr().out == f"report    {page}\n"
    first = page.read_bytes()
    assert pictures(page) > 10
    assert main(["report", str(result), "-o", str(result.parent / "new" / "page.html")]) == 0
    assert (result.parent / "new" / "page.html").read_bytes() == first


def test_frames_are_taken_from_the_recording(result: Path, clip: Path) -> None:
    (result / "provenance.json").unlink()
    for options, some in ((["--video", str(clip)], True), ([], False)):
        assert main(["report", str(result), *options]) == 0
        assert (pictures(result / "report.html") > 0) == some
        assert (b'data-picture="call"' in (result / "report.html").read_bytes()) == some


def test_nothing_but_a_page_is_written_over(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (result / "guess.png", result):
        assert main(["report", str(result), "-o", str(path)]) == 2
    assert (result / "guess.png").read_bytes().startswith(b"\x89PNG")
    other = result.parent / "page.html"
    for _ in range(2):
        assert main(["report", str(result), "-o", str(other)]) == 0
    (result / "report.html").unlink()
    (result / "report.html").mkdir()
    assert main(["report", str(result)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3, "one for each"
    assert "is no report; give another file" in lines[0]


def test_another_recording_is_refused(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.mp4"
    with VideoWriter(other, size_wh=(64, 64)) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8))
    assert main(["report", str(result), "--video", str(other)]) == 3
    assert "is not the recording of the result" in capsys.readouterr().err
    assert main(["report", str(result), "--video", str(tmp_path / "none.mp4")]) == 3
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("result.json", None, "holds no result.json"),
        ("result.json", b"{", "result.json: is not what"),
        ("result.json", b'{"schema_version": 1, "outputs": {}}', "is damaged ('input' is missing"),
        ("provenance.json", b'{"places": 1}', "is not what vader-rt writes"),
        ("guess.png", None, "guess.png: does not exist"),
        ("guess.png", b"x", "guess.png: is not an image"),
    ],
)
def test_what_is_no_result_is_one_line(
    name: str, content: bytes | None, said: str, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (result / name).unlink()
    if content is not None:
        (result / name).write_bytes(content)
    before = (result / "report.html").read_bytes()
    assert main(["report", str(result)]) == 3
    error = capsys.readouterr().err
    assert said in error.splitlines()[-1]
    assert "Traceback" not in error
    assert (result / "report.html").read_bytes() == before


def test_a_picture_that_was_changed_is_told_of(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(result / "guess.png", result / "background.png")
    assert main(["report", str(result)]) == 0
    assert "background.png: was changed later on" in capsys.readouterr().err
    assert b"background.png is not the file that" in (result / "report.html").read_bytes()


def test_a_key_that_is_missing_is_one_line(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, page = json.loads((result / "result.json").read_text()), tmp_path / "page.html"
    for name in ("virtual_background", "versions"):
        less = {key: value for key, value in said.items() if key != name}
        (result / "result.json").write_text(json.dumps(less))
        assert main(["report", str(result), "-o", str(page)]) == 3
        (line,) = capsys.readouterr().err.splitlines()
        assert "is not what vader-rt writes" in line
    assert not page.exists()
