"""What is written, and what is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from vader_rt.errors import UsageError
from vader_rt.pipeline.result import RESULT_FILES, Reconstruction, heat
from vader_rt.room.strongest import Strongest
from vader_rt.virtual.estimate import VirtualBackground


def result(confidence: float = 0.7) -> Reconstruction:
    """A small result: nothing seen at the left, then a guess, unsure, and claimed at the right."""
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    plane = np.zeros((20, 30), np.float32)
    sure = plane.copy()
    sure[:, 5:10], sure[:, 10:20], sure[:, 20:] = 0.2, 0.25, confidence
    strongest = Strongest(picture, plane, sure, plane, plane)
    gray = np.zeros((20, 30), np.uint8)
    virtual = VirtualBackground(picture, gray, picture, gray, gray)
    return Reconstruction(picture, sure, strongest, virtual, [0.1], {"frames": 1})


def test_files_are_written_and_read_back(tmp_path: Path) -> None:
    folder = result().save(tmp_path / "deep" / "call.vader")
    assert sorted(p.name for p in folder.iterdir()) == sorted(RESULT_FILES)
    assert [p.name for p in folder.parent.iterdir()] == ["call.vader"]
    assert json.loads((folder / "result.json").read_text()) == {"frames": 1}
    image = cv2.imread(str(folder / "background.png"), cv2.IMREAD_UNCHANGED)
    assert (image[:, 10:, :3] == result().background[:, 10:]).all()
    assert [image[0, x, 3] for x in (0, 7, 15, 25)] == [0, 0, 64, 178]
    assert not image[:, :10].any(), "what is not shown has no colour either"
    guess = cv2.imread(str(folder / "guess.png"), cv2.IMREAD_UNCHANGED)
    assert (guess[..., :3] == result().background).all()
    assert [guess[0, x, 3] for x in (0, 7, 15, 25)] == [0, 255, 255, 255]
    sure = cv2.imread(str(folder / "confidence.png"), cv2.IMREAD_UNCHANGED)
    assert [sure[0, x] for x in (0, 15, 25)] == [0, 64, 178]


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


def test_a_failed_write_leaves_the_earlier_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = result().save(tmp_path / "out")
    before = (folder / "background.png").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UsageError, match="No space left"):
        result().save(folder)
    assert (folder / "background.png").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_heat_grows_brighter() -> None:
    colors = heat(np.linspace(0, 1, 5, dtype=np.float32)[None])
    assert np.diff(colors[0].sum(axis=1).astype(int)).min() > 0
