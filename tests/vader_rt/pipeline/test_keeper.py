"""What there is of a second pass is kept, whatever comes in between."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import vader_rt
from tests.vader_rt.sources.made import write_video
from vader_rt.errors import UsageError

FRAMES = 12
ALWAYS = 1e-9
Job = dict[str, Any]


@pytest.fixture
def job(tiny_models: dict[str, Path], tmp_path: Path) -> Job:
    """A recording, and options that take little time."""
    call = write_video(tmp_path / "call.mp4", range(FRAMES))
    model = tiny_models["frame"]
    return {"source": call, "model": model, "restore": False, "engine": "onnx-cpu"}


@pytest.mark.parametrize(
    ("every", "write", "done"),
    [(ALWAYS, 2, 0), (ALWAYS, 6, 4), (1000.0, 3, FRAMES)],
    ids=["after the first pass", "in the midst", "at the end"],
)
def test_an_interrupt_while_it_is_saved_loses_nothing(
    every: float,
    write: int,
    done: int,
    job: Job,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job["checkpoint"] = tmp_path / "call.ckpt"
    flush, times = os.fsync, iter(range(1, 1000))

    def flush_or_be_interrupted(number: int) -> None:
        if next(times) == write:
            raise KeyboardInterrupt
        flush(number)

    monkeypatch.setattr(os, "fsync", flush_or_be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        vader_rt.reconstruct(**job, every=every)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["call.ckpt", "call.mp4"]
    stream = vader_rt.reconstruct_stream(**job)
    begun = next(stream)
    assert (begun.stage, begun.frame) == ("recover", max(done, 1))
    result = list(stream)[-1].result
    assert result is not None
    assert len(result.report["inferred_frames"]) == FRAMES


@pytest.mark.parametrize(
    ("after", "said"),
    [(0, "there is no checkpoint, and the work"), (4, "the last checkpoint stays, and the work")],
)
def test_the_work_goes_on_where_none_can_be_written(
    after: int, said: str, job: Job, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    job |= {"checkpoint": folder / "call.ckpt", "every": ALWAYS}
    result = None
    for progress in vader_rt.reconstruct_stream(**job):
        is_time = (progress.stage == "recover") == bool(after) and progress.frame > after
        if is_time and folder.is_dir():
            shutil.rmtree(folder)
            folder.write_bytes(b"a file now")
        result = progress.result
    assert result is not None
    assert result.whole
    told = {record.levelname: record.message for record in caplog.records}
    assert said in told["ERROR"]


def test_a_folder_that_is_not_there_is_not_made(job: Job, tmp_path: Path) -> None:
    job["checkpoint"] = tmp_path / "mistyped" / "call.ckpt"
    with pytest.raises(UsageError, match=r"call\.ckpt: its folder does not exist; make it, or"):
        vader_rt.reconstruct(**job)
    assert not (tmp_path / "mistyped").exists()
