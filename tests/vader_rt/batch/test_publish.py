"""A result comes to its place once, whole, and whoever writes it may be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vader_rt.batch.publish import publish, sweep, workshop
from vader_rt.batch.record import JOB_FILE, Figures, Record, read_record
from vader_rt.errors import UsageError
from vader_rt.pipeline.save import RESULT_FILES, Recording

FILES = {name: name.encode() for name in RESULT_FILES}
RECORD = Record("key", 0, Figures(1, 1.0, 0.1, 0.1, 0.1, 0.1, 0, 0, True), {}, (0, 0, ""))
REPORT = b'{"input": {"name": "a.mp4", "sha256": "of a"}}'


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_result_comes_with_its_record_and_nothing_else(tmp_path: Path) -> None:
    publish(tmp_path / "a.vader", FILES, RECORD)
    assert names(tmp_path) == ["a.vader"]
    assert names(tmp_path / "a.vader") == sorted([*RESULT_FILES, JOB_FILE])
    record = read_record(tmp_path / "a.vader")
    assert record is not None
    assert replace(record, result=(0, 0, "")) == RECORD


def test_the_second_of_the_same_is_thrown_away(tmp_path: Path) -> None:
    publish(tmp_path / "a.vader", FILES, RECORD)
    publish(tmp_path / "a.vader", dict.fromkeys(FILES, b"second"), RECORD)
    assert (tmp_path / "a.vader" / "guess.png").read_bytes() == b"guess.png"


def test_an_earlier_result_is_replaced_and_what_lies_beside_it_stays(tmp_path: Path) -> None:
    folder, recording = tmp_path / "a.vader", Recording("a.mp4", "of a")
    publish(folder, FILES | {"result.json": REPORT}, RECORD)
    (folder / "notes.txt").write_text("mine")
    newer = replace(RECORD, key="another")
    files = dict.fromkeys(FILES, b"new") | {"result.json": REPORT}
    publish(folder, files, newer, recording=recording)
    assert names(folder) == sorted([*RESULT_FILES, JOB_FILE, "notes.txt"])
    assert (folder / "guess.png").read_bytes() == b"new"
    record = read_record(folder)
    assert record is not None
    assert record.key == "another"


def test_the_result_of_another_recording_is_not_lost(tmp_path: Path) -> None:
    folder, other = tmp_path / "a.vader", Recording("b.mp4", "of b")
    publish(folder, FILES | {"result.json": REPORT}, RECORD)
    with pytest.raises(UsageError, match="another recording"):
        publish(folder, FILES, replace(RECORD, key="another"), recording=other)
    assert (folder / "result.json").read_bytes() == REPORT


def test_a_record_counts_for_its_own_result_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a.vader"
    publish(folder, FILES, RECORD)
    (folder / "result.json").write_bytes(FILES["result.json"])  # the same, at another time
    assert read_record(folder) is not None
    (folder / "result.json").write_bytes(b"RESULT.JSON")
    assert read_record(folder) is None
    (folder / "result.json").write_bytes(FILES["result.json"])
    (folder / "guess.png").unlink()
    assert read_record(folder) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"job_version": 1}', "[" * 100_000])
def test_a_record_that_is_none_is_no_record(text: str, tmp_path: Path) -> None:
    publish(tmp_path / "a.vader", FILES, RECORD)
    (tmp_path / "a.vader" / JOB_FILE).write_text(text)
    assert read_record(tmp_path / "a.vader") is None


def test_what_a_killed_writer_leaves_is_swept_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    script = """
import os, signal, sys
from pathlib import Path
from vader_rt.batch.publish import workshop
with workshop(Path(sys.argv[1])) as place:
    (place / "result").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()
    assert names(left) == ["lock", "result"]
    (tmp_path / "a.vader").mkdir()
    with workshop(tmp_path) as place:
        sweep(tmp_path)
        assert names(tmp_path) == sorted([place.name, "a.vader"])
    assert names(tmp_path) == ["a.vader"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    os.symlink(tmp_path / "nowhere", tmp_path / "a.vader")
    with pytest.raises(UsageError, match=r"a.vader: cannot be written"):
        publish(tmp_path / "a.vader", FILES, RECORD)
    assert names(tmp_path) == ["a.vader"]
