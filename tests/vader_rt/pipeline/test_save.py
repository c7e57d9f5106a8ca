"""Where a result is written, whatever that is, and whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vader_rt.errors import UsageError
from vader_rt.io.files import file_sha256
from vader_rt.pipeline.save import (
    PAGE_FILE,
    RESULT_FILES,
    Recording,
    check_output,
    write_elsewhere,
    write_result,
)

OURS, OTHER = Recording("call", "1" * 64), Recording("call", "2" * 64)


def files(text: str, recording: Recording = OURS) -> dict[str, bytes]:
    """A result, each of its files with the same text in it."""
    report = {"input": vars(recording), "text": text}
    return {name: text.encode() for name in RESULT_FILES} | {
        "result.json": json.dumps(report).encode()
    }


def state(folder: Path) -> str:
    """`whole TEXT`, or `whole` and the texts that are mixed; `unfinished` without result.json."""
    report = folder / "result.json"
    if not report.is_file():
        return "unfinished"
    others = [folder / name for name in RESULT_FILES if name != report.name]
    others += folder.glob(PAGE_FILE)
    texts = {path.read_text() for path in others}
    texts.add(json.loads(report.read_text())["text"])
    return "whole " + ", ".join(sorted(texts))


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def save(folder: Path, text: str, recording: Recording = OURS, **options: bool) -> None:
    check_output(folder, **options)
    write_result(folder, files(text, recording), recording, **options)


@pytest.fixture(params=["plain", "new", "deep", "here", "link", "bytes"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to write to, with no result in it."""
    if request.param == "here":
        monkeypatch.chdir(tmp_path)
        return Path()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    bytes_name = os.fsdecode(b"caf\xe9\n\x1b[31m")
    names = {"plain": "real", "new": "new", "deep": "a/b/c", "link": "link", "bytes": bytes_name}
    return tmp_path / names[request.param]


def test_any_folder_takes_a_result_and_the_next_one(folder: Path) -> None:
    save(folder, "old")
    was = folder.stat()
    (folder / ".DS_Store").write_text("theirs")
    save(folder, "new")
    assert listing(folder) == sorted([*RESULT_FILES, ".DS_Store"])
    assert state(folder) == "whole new"
    # a mount point, and the current folder of a shell, have to stay
    assert (folder.stat().st_ino, folder.stat().st_mode) == (was.st_ino, was.st_mode)


def test_a_page_goes_with_its_result(tmp_path: Path) -> None:
    for text, page in (("old", True), ("new", False), ("newer", True)):
        write_result(tmp_path, files(text) | ({PAGE_FILE: text.encode()} if page else {}), OURS)
        assert listing(tmp_path) == sorted([*RESULT_FILES, *([PAGE_FILE] if page else [])])
        assert state(tmp_path) == f"whole {text}"


def test_a_check_leaves_nothing(tmp_path: Path) -> None:
    check_output(tmp_path / "a" / "b")
    check_output(tmp_path)
    assert not listing(tmp_path)


@pytest.mark.parametrize(
    "name", ["x" * 300, "x/" * 2500, "file/below", "dangling", "nul\0l", "file"]
)
def test_where_nothing_can_be_written_is_known_before(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(UsageError) as caught:
        check_output(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert listing(tmp_path) == ["dangling", "file"]


@pytest.mark.parametrize("mode", [0o333, 0o555, 0o666, 0])
def test_a_folder_without_permission(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode)
    if os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        pytest.skip("who runs this may do anything")
    with pytest.raises(UsageError, match=r"folder: cannot be written.*Permission denied"):
        check_output(folder)


@pytest.mark.parametrize("report", ["old", "{}", "[]", '{"input": 1}', "[" * 100_000])
def test_a_folder_is_ours_by_our_report_alone(report: str, tmp_path: Path) -> None:
    (tmp_path / "background.png").write_text("mine")
    with pytest.raises(UsageError, match=r"not of an earlier result \(background\.png\)"):
        check_output(tmp_path)
    (tmp_path / "result.json").write_text(report)
    with pytest.raises(UsageError, match="not of an earlier result"):
        check_output(tmp_path, overwrite=True)
    (tmp_path / "result.json").write_bytes(files("")["result.json"])
    check_output(tmp_path)


def test_a_folder_in_the_place_of_a_picture_stays(tmp_path: Path) -> None:
    save(tmp_path, "old")
    (tmp_path / "leak.png").unlink()
    (tmp_path / "leak.png").mkdir()
    for act in (lambda: check_output(tmp_path), lambda: write_result(tmp_path, files("new"), OURS)):
        with pytest.raises(UsageError, match=r"leak\.png"):
            act()
    assert (tmp_path / "leak.png").is_dir()


def test_the_result_of_another_recording_stays(clip: Path, tmp_path: Path) -> None:
    out, here = tmp_path / "out", tmp_path / clip.name
    shutil.copy(clip, here)
    save(out, "old", Recording(clip.stem, file_sha256(clip)))
    check_output(out, video=here)
    with here.open("ab") as file:
        file.write(b"more")
    with pytest.raises(UsageError, match=r"another recording \(clip\).*--overwrite"):
        check_output(out, video=here)
    check_output(out, video=here, overwrite=True)
    with pytest.raises(UsageError, match="another recording"):
        write_result(out, files("new", OTHER), OTHER)
    assert state(out) == "whole old"
    write_result(out, files("new", OTHER), OTHER, overwrite=True)
    assert state(out) == "whole new"


@pytest.mark.parametrize(
    ("earlier", "is_other"),
    [
        (OURS, False),
        (Recording("renamed", OURS.sha256), False),
        (OTHER, True),
        (Recording("call", None), True),
    ],
)
def test_recordings_are_told_by_their_digest(earlier: Recording, is_other: bool) -> None:
    assert OURS.is_other(earlier) == earlier.is_other(OURS) == is_other


def test_frames_have_a_name_alone() -> None:
    frames = Recording("frames", None)
    assert not frames.is_other(frames)
    assert frames.is_other(Recording("others", None))


@pytest.mark.parametrize("given", ["out/background.png", "link/notes.png", "out", "out/deep/x"])
def test_inputs_do_not_lie_in_the_output(given: str, tmp_path: Path) -> None:
    save(tmp_path / "out", "old")
    (tmp_path / "link").symlink_to("out")
    (tmp_path / "beside.png").write_text("x")
    beside = [tmp_path / "beside.png", tmp_path, tmp_path / "missing.png"]
    check_output(tmp_path / "out", inputs=beside)
    with pytest.raises(UsageError, match="lies in the output folder"):
        check_output(tmp_path / "out", inputs=[*beside, tmp_path / given])


def test_what_comes_meanwhile_stays(tmp_path: Path) -> None:
    check_output(tmp_path)
    (tmp_path / "thesis.txt").write_text("mine")
    write_result(tmp_path, files("new"), OURS)
    assert listing(tmp_path) == sorted([*RESULT_FILES, "thesis.txt"])
    (tmp_path / "result.json").unlink()
    with pytest.raises(UsageError, match="not of an earlier result"):
        write_result(tmp_path, files("newer"), OURS)
    assert state(tmp_path) == "unfinished"


def test_runs_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"

    def run(text: str) -> None:
        for _ in range(10):
            check_output(folder)
        write_result(folder, files(text), OURS)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, "abcd")) == [None] * 4
    assert listing(folder) == sorted(RESULT_FILES)
    assert state(folder) in {f"whole {text}" for text in "abcd"}


@pytest.mark.parametrize("state_name", ["partial", "ready", "old"])
def test_a_link_that_looks_like_ours_leads_nowhere(state_name: str, tmp_path: Path) -> None:
    save(tmp_path / "theirs", "theirs")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f".vader-rt-{state_name}-x").symlink_to("../theirs")
    save(tmp_path / "out", "new")
    assert state(tmp_path / "out") == "whole new"
    assert state(tmp_path / "theirs") == "whole theirs"


def test_a_result_is_kept_where_there_is_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    kept = write_elsewhere(tmp_path / "out", files("new"))
    assert kept is not None
    assert kept.parent.name == "temporary"
    assert state(kept) == "whole new"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    kept = write_elsewhere(tmp_path / "out", files("new"))
    assert kept is not None
    assert kept.parent == tmp_path
    assert state(kept) == "whole new"


FAULTS = """
import errno, os, resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.vader_rt.pipeline import test_save as t

def child(folder, what, step):
    count = 0
    def hook(event, args):
        nonlocal count
        watched = event in ("open", "tempfile.mkdtemp", "shutil.rmtree") or event.startswith("os.")
        if not watched or not str(args[0]).startswith(str(folder)):
            return
        count += 1
        if count >= step and what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if count == step and what == "fail" and event != "shutil.rmtree":
            raise OSError(errno.EIO, "Input/output error")
    sys.addaudithook(hook)
    if what == "large":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (step, step))
    try:
        t.write_result(folder, t.files("new" * 1000), t.OURS)
    except t.UsageError as error:
        assert "cannot be written" in str(error), error
        assert what != "large" or t.write_elsewhere(folder, t.files("new" * 1000)) is None
        os._exit(1)
    os._exit(0 if count < step else 2)

os.fsync = lambda handle: None  # a killed process's writes are not lost, only slow to wait for
what, first = sys.argv[3], int(sys.argv[4])
for step in range(first, first + 200):
    folder = Path(sys.argv[2]) / str(step)
    t.write_result(folder, t.files("old") | {t.PAGE_FILE: b"old"}, t.OURS)
    pid = os.fork() or child(folder, what, step)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    found = t.state(folder).replace("new" * 1000, "new")
    t.check_output(folder)
    after = t.state(folder).replace("new" * 1000, "new")
    page = [t.PAGE_FILE] if after == "whole old" else []
    clean = t.listing(folder) == sorted([*t.RESULT_FILES, *page])
    print(code, found, "→", after, "" if clean else t.listing(folder))
    if code == 0 or what == "large":
        break
"""


def after_faults(what: str, first: int, tmp_path: Path) -> list[str]:
    """What became of a result that was to be replaced, for a fault at each step of it."""
    root = Path(__file__).parents[3]
    argv = [sys.executable, "-W", "error", "-c", FAULTS, root, tmp_path, what, first]
    run = subprocess.run([*map(str, argv)], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_a_kill_at_any_step_leaves_the_old_or_the_new_or_says_so(tmp_path: Path) -> None:
    *killed, done = after_faults("kill", 1, tmp_path)
    assert done == "0 whole new → whole new "
    seen = list(dict.fromkeys(killed))
    assert seen == [
        "-9 whole old → whole old ",
        "-9 whole old → whole new ",
        "-9 unfinished → whole new ",
        "-9 whole new → whole new ",
    ]


def test_an_error_at_any_step_leaves_the_old(tmp_path: Path) -> None:
    *failed, done = after_faults("fail", 1, tmp_path)
    assert done == "0 whole new → whole new "
    assert set(failed) <= {"1 whole old → whole old ", "2 whole new → whole new "}
    assert failed.count("1 whole old → whole old ") > 2 * len(RESULT_FILES)


def test_a_disk_without_room_leaves_the_old(tmp_path: Path) -> None:
    assert after_faults("large", 1000, tmp_path) == ["1 whole old → whole old "]
