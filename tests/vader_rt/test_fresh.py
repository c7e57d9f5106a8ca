"""Scripts in a fresh interpreter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vader_rt.fresh import run_script


def test_it_finds_what_this_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.py").write_text("ANSWER = 42")
    monkeypatch.syspath_prepend(tmp_path)
    run = run_script(
        "import own; print(own.ANSWER, sys.argv[1], sys.stdin.read())", "a", data=b"b", seconds=60
    )
    assert (run.stdout, run.stderr, run.returncode) == (b"42 a b\n", b"", 0)


def test_what_lies_in_the_current_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('not to be run')")
    run = run_script("import json; print(json.__file__)", seconds=60)
    assert run.stdout.decode().strip() == json.__file__, run.stderr


def test_a_script_that_does_not_end() -> None:
    with pytest.raises(TimeoutError, match="did not answer within 1 s"):
        run_script("import time; time.sleep(60)", seconds=1)
