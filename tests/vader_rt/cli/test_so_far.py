"""What was recovered so far is written while the work goes on, or it is told why not."""

from __future__ import annotations

from pathlib import Path

import pytest

import vader_rt
from tests.vader_rt.sources.made import write_video
from vader_rt.cli.so_far import SoFar, write_preview
from vader_rt.pipeline.result import Reconstruction


def run(so_far: SoFar, folder: Path, models: dict[str, Path]) -> Reconstruction:
    """A job of some frames, followed."""
    call = write_video(folder / "call.mp4", range(12))
    options = {"model": models["frame"], "restore": False, "engine": "onnx-cpu"}
    with so_far:
        for progress in vader_rt.reconstruct_stream(call, **options):
            so_far.update(progress)
    assert progress.result is not None
    return progress.result


def test_a_job_that_is_done_before_the_first_time_is_written(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "preview.png"
    result = run(SoFar(1000.0, lambda found: write_preview(path, found)), tmp_path, tiny_models)
    assert path.read_bytes() == result.files()["background.png"]


@pytest.mark.parametrize("every", [1e-9, 1000.0])
def test_why_it_cannot_be_written_is_told_once(
    every: float,
    tiny_models: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "call.mp4" / "preview.png"
    run(SoFar(every, lambda found: write_preview(path, found)), tmp_path, tiny_models)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("vader-rt: what was recovered so far is not written: ")
    assert "preview.png: cannot be written (" in line


def test_nothing_is_written_where_nobody_asked(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    written: list[Reconstruction] = []
    run(SoFar(None, written.append), tmp_path, tiny_models)
    assert not written
