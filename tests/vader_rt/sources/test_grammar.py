"""What may be given as a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.vader_rt.sources.made import numbered, numbers, write_pictures, write_video
from vader_rt.errors import InputError
from vader_rt.sources.grammar import Source, expanded, open_source


def read(source: Source) -> list[int]:
    with open_source(source) as opened:
        return numbers(opened.views())


def test_parts_follow_each_other(tmp_path: Path) -> None:
    files = [write_video(tmp_path / f"part-{n}.mp4", range(3 * n, 3 * n + 3)) for n in range(3)]
    assert read(files) == list(range(9))
    assert read([str(file) for file in reversed(files)]) == [6, 7, 8, 3, 4, 5, 0, 1, 2]


def test_patterns_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    for number in (9, 10, 8):
        write_video(tmp_path / f"part-{number}.mp4", [number])
    (tmp_path / "part-x.mp4").write_bytes(b"")
    assert read(tmp_path / "part-[0-9]*.mp4") == [8, 9, 10]
    assert read(tmp_path / "part-%d.mp4") == [8, 9, 10]


def test_a_list_names_files_beside_it(tmp_path: Path) -> None:
    for number in (1, 2):
        write_video(tmp_path / f"{number}.mp4", [number])
    listed = tmp_path / "parts.txt"
    listed.write_text("# the call\n2.mp4\n\n  1.mp4\n")
    assert read(listed) == [2, 1]


def test_a_list_leaves_out_no_file_that_looks_like_a_comment(tmp_path: Path) -> None:
    for name, number in (("#2.mp4", 2), ("ü.mp4", 3)):
        write_video(tmp_path / name, [number])
    listed = tmp_path / "parts.txt"
    listed.write_bytes(f"\ufeff#2.mp4\r\n#1.mp4\n  # {'long ' * 99}\nü.mp4\n".encode())
    assert read(listed) == [2, 3]


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "frames", [1, 2, 10])
    (folder / "notes.md").write_text("no picture")
    assert read(folder) == [1, 2, 10]
    assert read(folder / "frame-%02d.png") == [1, 2, 10]
    assert read([folder / "frame-10.png", folder / "frame-1.png"]) == [10, 1]


def test_what_exists_is_no_pattern(tmp_path: Path) -> None:
    for name in ("call[1].mp4", "100%d.mp4"):
        path = write_video(tmp_path / name, [4])
        assert expanded([path]) == [path]
        assert read(path) == [4]


def test_frames_of_any_kind() -> None:
    frames = [numbered(n) for n in (3, 4)]
    assert read(frames) == read(tuple(frames)) == read(np.stack(frames)) == [3, 4]
    assert read(iter(frames)) == [3, 4]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none-*.mp4", r"none-\*.mp4: no file fits this pattern; correct it"),
        ("empty", "is a folder without pictures; give a video file, or its parts"),
        (".", "is a folder of videos, such as a.mp4; give a file"),
        ("empty.txt", "lists nothing"),
        ("binary.txt", "is not UTF-8; save it as that"),
        ("none.txt", "none.txt: does not exist"),
        ("lost.txt", "lost.mp4: does not exist"),
        ("mixed.txt", "frame-1.png: is a picture among videos"),
        ("part.txt", "lost.mp4: does not exist"),
        ("alone/*.png", "a picture; give a video"),
    ],
)
def test_what_cannot_be_read_is_said(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "lost.txt").write_text("lost.mp4\n")
    write_video(tmp_path / "a.mp4", [1])
    write_pictures(tmp_path / "alone", [1])
    (tmp_path / "mixed.txt").write_text("a.mp4\nalone/frame-1.png\n")
    (tmp_path / "part.txt").write_text("a.mp4\nalone/frame-1.png\nlost.mp4\n")
    with pytest.raises(InputError, match=words), open_source(tmp_path / name):
        pass


@pytest.mark.parametrize("source", [[], np.zeros(()), 3, [1, 2]])
def test_what_is_no_recording(source: object) -> None:
    with pytest.raises(InputError), open_source(source):  # type: ignore[arg-type]
        pass
