"""What the documentation says to type works: it is run, or at least its words exist."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path

import pytest

import vader_rt
from tests.conftest import SAMPLE, TINY_WH
from tests.docs.pages import PAGES, RECORDS, blocks, code_spans, to_run
from tests.docs.shell import alike, programs, run
from tests.docs.words import problem, unknown_options, unknown_words
from train.calls import Call, read_calls
from vader_rt.cli.parser import parsers
from vader_rt.io.video import VideoWriter, open_video

RUN = [page for page in PAGES if page not in RECORDS and to_run(page)]
OTHERS = {"--gpus", "--runtime", "--build-arg", "--no-deps", "--system-site-packages", "--rm"}
"""Options of other programs."""


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return programs(tmp_path_factory.mktemp("bin"))


@pytest.fixture(scope="session")
def recording(tiny_calls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames of the sample, so that these tests are quick."""
    (call,) = read_calls(tiny_calls)
    path = tmp_path_factory.mktemp("recording") / "call.mp4"
    with VideoWriter(path, size_wh=TINY_WH, crf=18) as writer:
        for frame in islice(open_video(call.video).frames(), 0, None, 3):
            writer.write(frame)
    return path


@pytest.fixture(scope="session")
def result(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vader_rt.reconstruct(recording).save(tmp_path_factory.mktemp("result") / "call.vader")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a newcomer has."""
    (tmp_path / "tests" / "data").mkdir(parents=True)
    (tmp_path / "tests" / "data" / "sample").symlink_to(SAMPLE)
    return tmp_path


@pytest.fixture
def own(tmp_path: Path, recording: Path, result: Path, sample: Call) -> Path:
    """What the readers of guides have: recordings, results and a picture of their own."""
    (tmp_path / "calls").mkdir()
    for copy in ("call.mp4", "calls/monday.mp4"):
        shutil.copy(recording, tmp_path / copy)
    for copy in ("call.vader", "build-42.vader"):
        shutil.copytree(result, tmp_path / copy)
    shutil.copy(sample.virtual, tmp_path / "beach.jpg")
    return tmp_path


@pytest.mark.parametrize("page", RUN)
def test_what_a_page_says_works(page: str, installed: Path, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue("clone" if page == "docs/tutorial.md" else "own")
    for block in blocks(page):
        if block.language in ("csv", "toml"):  # what the page says to write into a file
            name = {"csv": "calls.csv", "toml": "gate.toml"}[block.language]
            (folder / name).write_text(block.text)
        elif block in to_run(page):
            run(block, folder, installed)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in RECORDS])
def test_the_words_of_commands_exist(page: str) -> None:
    lines = [(str(block), line) for block in blocks(page) for line in block.commands]
    assert [f"{place}: {found}" for place, line in lines if (found := problem(line))] == []
    spans = [span for span in code_spans(page) if span.startswith("vader-rt ")]
    assert [(span, found) for span in spans if (found := unknown_words(span))] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page not in RECORDS])
def test_options_that_a_page_names_exist(page: str) -> None:
    named = {option for span in code_spans(page) for option in unknown_options(span)}
    assert named <= OTHERS


@pytest.mark.parametrize("name", parsers()[1])
def test_examples_of_the_command_line_exist(name: str) -> None:
    examples = (parsers()[1][name].epilog or "").splitlines()
    lines = [line.partition("  ")[0] for line in map(str.strip, examples)]
    wrong = [found for line in lines if line.startswith("vader-rt ") and (found := problem(line))]
    assert not wrong


@pytest.mark.parametrize("page", [page for page in PAGES if page not in RECORDS])
def test_no_command_hides_from_these_tests(page: str) -> None:
    hidden = [block for block in blocks(page) if block.language in ("", "text", "sh", "shell")]
    typed = ("vader-rt ", "python ", "pip ", "make ", "docker ", "$ ")
    assert not [str(b) for b in hidden if b.text.lstrip().startswith(typed) or not b.language]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("vader-rt call.mp4 --asert x", "is refused"),
        ("cat a | vader-rt - -o out && vader-rt gate out --tolerance 1", "gate out"),
        ("vader-rt batch calls", "is refused"),
        ("python -m train.nothing", "no module train.nothing"),
        ("python -m export.to_onnx CKPT --fp61", "--fp61"),
        ("make docs everything", "no target everything"),
        ("vader-rt gate call.vader > a.txt; vader-rt gate", "is refused"),
        ("pip install -r docker/jetpack5.txt", "docker/jetpack5.txt is not there"),
    ],
)
def test_words_that_do_not_exist_are_found(line: str, wrong: str) -> None:
    assert wrong in problem(line)


@pytest.mark.parametrize(
    ("printed", "is_alike"),
    [("leak 19.1 %\n0", True), ("leak  23.9 %\n0", True), ("leak 30 %\n0", False),
     ("leak 19 %\n6", False), ("leak 19 %", False), ("leaks 19 %\n0", False)],
)  # fmt: skip
def test_what_is_printed_is_compared(printed: str, is_alike: bool) -> None:
    assert alike(printed, "leak 19 %\n0") is is_alike
