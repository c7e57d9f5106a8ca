"""What is written, and what is left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from vader_rt.errors import UsageError
from vader_rt.io.files import file_sha256
from vader_rt.pipeline.result import Reconstruction, heat
from vader_rt.pipeline.save import RESULT_FILES
from vader_rt.room.strongest import Strongest
from vader_rt.virtual.estimate import VirtualBackground

REPORT = {"input": {"name": "caf\udce9 日", "sha256": "1"}}
"""Its name is not UTF-8."""


def result(confidence: float = 0.7) -> Reconstruction:
    """A small result: nothing seen at the left, then a guess, unsure, and claimed at the right."""
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    plane = np.zeros((20, 30), np.float32)
    sure = plane.copy()
    sure[:, 5:10], sure[:, 10:20], sure[:, 20:] = 0.2, 0.25, confidence
    strongest = Strongest(picture, plane, sure, plane, plane)
    gray = np.zeros((20, 30), np.uint8)
    hidden = gray.copy()
    hidden[:4] = 255
    virtual = VirtualBackground(picture, gray, picture, gray, hidden)
    return Reconstruction(picture, sure, strongest, virtual, [0.1], REPORT)


def test_files_are_written_and_read_back(tmp_path: Path) -> None:
    folder = result().save(tmp_path / "deep" / "call.vader")
    assert sorted(p.name for p in folder.iterdir()) == sorted(RESULT_FILES)
    assert [p.name for p in folder.parent.iterdir()] == ["call.vader"]
    report = json.loads((folder / "result.json").read_text())
    digests = report.pop("outputs")
    assert report == REPORT
    for name in set(RESULT_FILES) - {"result.json"}:
        assert digests.pop(name) == file_sha256(folder / name)
    assert not digests
    image = cv2.imread(str(folder / "background.png"), cv2.IMREAD_UNCHANGED)
    assert (image[:, 10:, :3] == result().background[:, 10:]).all()
    assert [image[0, x, 3] for x in (0, 7, 15, 25)] == [0, 0, 64, 178]
    assert not image[:, :10].any(), "what is not shown has no colour either"
    guess = cv2.imread(str(folder / "guess.png"), cv2.IMREAD_UNCHANGED)
    assert (guess[..., :3] == result().background).all()
    assert [guess[0, x, 3] for x in (0, 7, 15, 25)] == [0, 255, 255, 255]
    sure = cv2.imread(str(folder / "confidence.png"), cv2.IMREAD_UNCHANGED)
    assert [sure[0, x] for x in (0, 15, 25)] == [0, 64, 178]
    virtual = cv2.imread(str(folder / "virtual.png"), cv2.IMREAD_UNCHANGED)
    assert (virtual[..., :3] == result().virtual).all()
    assert not virtual[:4, :, 3].any()
    assert (virtual[4:, :, 3] == 255).all()


def test_figures() -> None:
    assert result().coverage == pytest.approx(1 / 3)
    assert result(0.4).coverage == 0
    assert not result().is_empty
    assert (result().virtual == result().virtual_background.image).all()


def test_an_earlier_result_is_replaced(tmp_path: Path) -> None:
    folder = result().save(tmp_path / "out")
    (folder / "leak.png").unlink()
    (folder / "virtual.png").write_text("old")
    result().save(folder)
    assert sorted(p.name for p in folder.iterdir()) == sorted(RESULT_FILES)
    assert cv2.imread(str(folder / "virtual.png")) is not None


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        result().save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        result().save(tmp_path / "out")
    with pytest.raises(UsageError, match="cannot be written"):
        result().save(tmp_path / "out" / "deeper")


def test_the_result_of_another_recording_is_replaced_when_asked_for(tmp_path: Path) -> None:
    folder = result().save(tmp_path / "out")
    other = replace(result(), report={"input": {"name": "other", "sha256": "2"}})
    with pytest.raises(UsageError, match="another recording"):
        other.save(folder)
    assert json.loads((folder / "result.json").read_text())["input"] == REPORT["input"]
    other.save(folder, overwrite=True)
    assert json.loads((folder / "result.json").read_text()) == other.signed_report


def test_heat_grows_brighter() -> None:
    colors = heat(np.linspace(0, 1, 5, dtype=np.float32)[None])
    assert np.diff(colors[0].sum(axis=1).astype(int)).min() > 0
