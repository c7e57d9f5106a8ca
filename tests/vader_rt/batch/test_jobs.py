"""Which recordings are meant, and how their results are called."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from vader_rt.batch.jobs import find_jobs
from vader_rt.errors import InputError, UsageError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def named(*inputs: object, output: Path = Path("out")) -> dict[str, str]:
    """Names of results by the recording as it is shown."""
    return {job.shown: job.name for job in find_jobs([str(i) for i in inputs], output)[0]}


def test_a_folder_is_searched_for_recordings(tmp_path: Path) -> None:
    touch(tmp_path, "b.mp4", "a.MKV", "sub/c.webm", "notes.txt", ".hidden.mp4", ".git/d.mp4")
    touch(tmp_path, "b.vader/e.mp4", "out/f.mp4")
    jobs, notes = find_jobs([str(tmp_path)], tmp_path / "out")
    assert [job.name for job in jobs] == ["a.vader", "b.vader", "c.vader"]
    assert all(job.video.is_absolute() for job in jobs)
    assert notes == [f"{tmp_path}: 1 other file is passed over, by the ending of the name"]


def test_results_may_lie_in_the_folder_itself(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4")
    assert named(tmp_path, output=tmp_path) == {"a.mp4": "a.vader"}


def test_equal_stems_have_names_of_their_own_whatever_the_order(tmp_path: Path) -> None:
    touch(tmp_path, "monday/call.mp4", "tuesday/call.mp4", "tuesday/Call.mkv", "other.mp4")
    names = named(tmp_path)
    assert names["other.mp4"] == "other.vader"
    assert len(set(map(str.lower, names.values()))) == 4
    assert all(n.lower().startswith("call-") for shown, n in names.items() if "day" in shown)
    (tmp_path / "monday" / "more.mp4").write_bytes(b"x")
    assert named(tmp_path).items() > names.items()
    files = [str(tmp_path / shown) for shown in names]
    assert sorted(named(*files).values()) == sorted(named(*files[::-1]).values())


def test_folders_that_are_alike_do_not_collide(tmp_path: Path) -> None:
    touch(tmp_path, "x/call.mp4", "y/call.mp4")
    jobs, _ = find_jobs([str(tmp_path / "x"), str(tmp_path / "y")], tmp_path / "out")
    assert len({job.name for job in jobs}) == 2


def test_what_is_named_twice_is_done_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4")
    os.symlink(tmp_path / "a.mp4", tmp_path / "link.mp4")
    jobs, notes = find_jobs([str(tmp_path), str(tmp_path / "*.mp4")], tmp_path / "out")
    assert [job.name for job in jobs] == ["a.vader"]
    assert notes[0] == "link.mp4: is a.mp4 once more"
    assert len(notes) == 3


def test_a_pattern_takes_files_of_any_ending(tmp_path: Path) -> None:
    touch(tmp_path, "a.recording", "b.recording", "sub/c.recording")
    assert list(named(tmp_path / "*.recording").values()) == ["a.vader", "b.vader"]
    assert len(named(tmp_path / "**" / "*.recording")) == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("missing.mp4", "missing.mp4: does not exist"),
        ("*.mp4", r"\*.mp4: fits no file"),
        (".", ": no recording is there; taken are .264, "),
    ],
)
def test_nothing_to_do_is_an_error(
    given: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words):
        find_jobs([given], tmp_path / "out")


def test_a_list_gives_options_and_names(tmp_path: Path) -> None:
    touch(tmp_path, "calls/a.mp4", "waves.png")
    row = {"video": "calls/a.mp4", "virtual_background": "waves.png", "case": "7", "name": None}
    (tmp_path / "list.jsonl").write_text(json.dumps(row) + "\n\n" + '{"video": "calls/a.mp4"}\n')
    (tmp_path / "list.csv").write_text("\ufeffvideo,name,examiner\ncalls/a.mp4,mine,\n,,\n")
    first, second = find_jobs([str(tmp_path / "list.jsonl")], tmp_path / "out")[0]
    assert first.options == {"virtual_background": str(tmp_path / "waves.png"), "case": "7"}
    assert (second.options, second.place) == ({}, f"{tmp_path}/list.jsonl:3")
    assert first.name != second.name  # one recording, but not the same job
    (only,) = find_jobs([str(tmp_path / "list.csv")], tmp_path / "out")[0]
    assert (only.name, only.options) == ("mine.vader", {})


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("l.csv", "", "l.csv:1: has no column `video`"),
        ("l.csv", "file\na.mp4\n", "l.csv:1: no column may be called 'file'; known are video,"),
        ("l.csv", "video;name\na.mp4;a\n", "l.csv:1: has a single column; separate .* by commas"),
        ("l.csv", "video,video\na.mp4,a.mp4\n", "l.csv:1: two columns are called 'video'"),
        ("l.csv", "video\na.mp4\nb.mp4\n", "l.csv:3: video: .*b.mp4 is no file; .* own folder"),
        ("l.csv", "video,case\na.mp4,1,2\n", "l.csv:2: has 3 cells, and the header 2"),
        ("l.csv", 'video\n"a.mp4\n', "l.csv:2: is no line of a CSV"),
        ("l.csv", "video,case\n,1\n", "l.csv:2: names no video"),
        ("l.csv", "video,truth\na.mp4,none.png\n", "l.csv:2: truth: .*none.png is no file"),
        ("l.csv", "video,virtual_library\na.mp4,a.mp4\n", "virtual_library: .* is no folder"),
        ("l.csv", "video,name\na.mp4,../x\n", "l.csv:2: name: '../x' cannot be the name"),
        ("l.jsonl", '{"video": "a.mp4"}\nnonsense\n', "l.jsonl:2: is no JSON object"),
        ("l.jsonl", '["a.mp4"]\n', "l.jsonl:1: is no JSON object"),
        ("l.jsonl", '{"video": 5}\n', "l.jsonl:1: video: 5 is not a text"),
        ("l.jsonl", '{"video": "a.mp4", "fill": true}\n', "no column may be called 'fill'"),
        ("l.jsonl", '{"case": "1"}\n', "l.jsonl:1: has no column `video`"),
        ("l.jsonl", "[" * 100_000 + "\n", "l.jsonl:1: is no JSON object"),
    ],
)
def test_a_wrong_list_is_refused_with_its_line(
    name: str, text: str, words: str, tmp_path: Path
) -> None:
    touch(tmp_path, "a.mp4")
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words):
        find_jobs([str(tmp_path / name)], tmp_path / "out")


def test_a_list_is_utf_8(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes("video\nÜnal.mp4\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"l.csv: is not UTF-8"):
        find_jobs([str(tmp_path / "l.csv")], tmp_path / "out")


def test_a_name_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "l.csv").write_text("video,name\na.mp4,one\nb.mp4,One\n")
    with pytest.raises(UsageError, match=r"l.csv:3: another recording is called 'One', too"):
        find_jobs([str(tmp_path / "l.csv")], tmp_path / "out")
