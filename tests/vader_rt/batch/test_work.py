"""One recording of many: done once, again when something changed, and never an exception."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from tests.vader_rt.batch.made import task
from train.calls import read_calls
from vader_rt.batch.work import Task, done_already, run, tasks_options
from vader_rt.errors import UsageError


@pytest.fixture(scope="module")
def made(
    tiny_calls: Path, tiny_models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Task:
    """A task that was done once."""
    folder = tmp_path_factory.mktemp("made")
    (call,) = read_calls(tiny_calls)
    shutil.copy(call.video, folder / "call.mp4")
    shutil.copy(call.virtual, folder / "virtual.png")
    options = {"virtual_background": str(folder / "virtual.png"), "case": "7"}
    model = tiny_models["frame"]
    first = task(folder / "call.mp4", folder / "out" / "call.vader", model, options=options)
    (folder / "out").mkdir()
    stages: set[str] = set()
    outcome = run(first, lambda stage, frame, total: stages.add(stage))
    assert (outcome.state, outcome.line, outcome.exit_code) == ("done", "", 0)
    assert outcome.figures is not None
    assert outcome.figures.frames == 8
    assert stages == {"scan", "recover"}
    return first


@pytest.fixture
def again(made: Task, tmp_path: Path) -> Task:
    """The same in a folder of its own."""
    shutil.copytree(Path(made.video).parent, tmp_path, dirs_exist_ok=True)
    options = {**made.options, "virtual_background": str(tmp_path / "virtual.png")}
    return replace(
        made,
        video=str(tmp_path / "call.mp4"),
        folder=str(tmp_path / "out" / "call.vader"),
        options=options,
    )


def test_it_says_what_it_was_told(made: Task) -> None:
    report = json.loads((Path(made.folder) / "result.json").read_text())
    assert report["case"] == "7"
    assert report["options"]["virtual_background"] == "virtual.png"
    job = (Path(made.folder) / "job.json").read_text()
    assert str(Path(made.video).parent) not in job  # results do not say where files lie


def test_what_is_done_is_known_without_reading_it(made: Task) -> None:
    outcome = done_already(made)
    assert outcome is not None
    assert (outcome.state, outcome.figures and outcome.figures.frames) == ("skipped", 8)
    assert run(made).state == "skipped"


def test_what_only_lies_elsewhere_is_known_by_its_digest(again: Task) -> None:
    assert done_already(again) is None
    assert run(again).state == "skipped"


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "0.0"},
        {"options": {"case": "8"}},
        {"options": {"fill": True}},
        {"options": {"virtual_background": None}},
    ],
    ids=str,
)
def test_it_is_done_anew_when_what_it_depends_on_changes(
    changes: dict[str, object], again: Task
) -> None:
    if "options" in changes:
        changes = {"options": {**again.options, **changes["options"]}}  # type: ignore[dict-item]
    other = replace(again, **changes)  # type: ignore[arg-type]
    assert done_already(other) is None
    assert run(other).state == "done"
    assert run(other).state == "skipped"


def test_a_picture_that_changes_counts(made: Task, again: Task) -> None:
    path = Path(again.options["virtual_background"])
    picture = cv2.imread(str(path))
    picture[0, 0] ^= 1
    cv2.imwrite(str(path), picture)
    assert run(again).state == "done"


def test_threads_and_cpus_do_not_count(made: Task) -> None:
    assert done_already(replace(made, cpus=7, options={**made.options, "threads": 1}))


def test_another_recording_is_told_and_replaced_when_asked_for(again: Task, clip: Path) -> None:
    shutil.copy(clip, again.video)
    other = replace(again, options={**again.options, "virtual_background": None})
    outcome = run(other)
    assert (outcome.state, outcome.exit_code) == ("failed", 2)
    assert "holds the result of another recording (call.mp4)" in outcome.line
    assert run(replace(other, overwrite=True)).state == "done"


def test_nothing_recovered_is_done(clip: Path, untrained: dict[str, Path], tmp_path: Path) -> None:
    blind = task(clip, tmp_path / "clip.vader", untrained["blind"])
    assert run(blind).state == "nothing"
    assert run(blind).state == "skipped"
    assert run(blind).exit_code == 5


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "the file is empty"), (b"this is no video\n", "cannot be opened as a video")],
)
def test_a_bad_recording_is_an_outcome(
    content: bytes, words: str, tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "bad.mp4").write_bytes(content)
    bad = task(tmp_path / "bad.mp4", tmp_path / "bad.vader", tiny_models["frame"])
    outcome = run(bad)
    assert (outcome.state, outcome.exit_code, outcome.trace) == ("failed", 3, None)
    assert outcome.line.startswith(words)
    assert os.listdir(tmp_path) == ["bad.mp4"]
    assert run(replace(bad, debug=True)).trace


def test_what_lies_nowhere_is_an_outcome(made: Task, tmp_path: Path) -> None:
    assert run(replace(made, video=str(tmp_path / "x.mp4"))).line == "does not exist"
    lost = replace(made, landmark=str(tmp_path / "nowhere"), folder=str(tmp_path / "x.vader"))
    assert "is another folder on this node" in run(lost).line


def test_a_virtual_image_of_its_own_leaves_out_that_of_all(tmp_path: Path) -> None:
    common = {"virtual_library": tmp_path, "case": "all"}
    options = tasks_options(common, {"virtual_background": "/x.png", "case": "one"})
    assert options == {"virtual_library": None, "case": "one", "virtual_background": "/x.png"}
    with pytest.raises(UsageError, match="truth and mask belong together"):
        tasks_options(common, {"truth": "/x.png"})
