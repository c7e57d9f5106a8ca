"""What SECURITY.md promises and no other test holds: where a run reads, writes and calls.

That models and checkpoints run no code is tested in `vader_rt/engines/test_onnx_file.py`,
`vader_rt/engines/test_trial.py` and `train/test_checkpoint.py`; that recordings name no file and no
address, in `vader_rt/io/test_container.py`; that results replace those of the same recording only,
in `vader_rt/pipeline/test_save.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from vader_rt.pipeline.save import RESULT_FILES

_HOOK = """
import os, sys
_log = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_APPEND)
_writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_changing = {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}
def _note(event, arguments):
    if event.startswith("socket."):
        os.write(_log, f"{event} {arguments!r}\\n".encode())
    elif event in _changing:
        folder = os.readlink(f"/proc/self/fd/{arguments[-1]}") if arguments[-1] >= 0 else ""
        path = os.path.abspath(os.path.join(folder, arguments[0]))
        os.write(_log, f"{event} {path}\\n".encode())
    elif event == "open" and isinstance(arguments[0], str) and arguments[2] & _writing:
        os.write(_log, f"open {os.path.abspath(arguments[0])}\\n".encode())
sys.addaudithook(_note)
"""
"""Python reads `sitecustomize` before all else; what a process forks or starts inherits it."""


def test_a_run_writes_its_output_alone_and_calls_nobody(
    clip: Path, untrained: dict[str, Path], tmp_path: Path
) -> None:
    hook, log, home, temporary = (tmp_path / name for name in ("hook", "log", "home", "temporary"))
    for folder in (hook, home, temporary):
        folder.mkdir()
    log.touch()
    (hook / "sitecustomize.py").write_text(_HOOK)
    paths = os.pathsep.join([str(hook), *(path for path in sys.path if path)])
    environment = {
        **os.environ,
        "PYTHONPATH": paths,
        "AUDIT_LOG": str(log),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    options = ["--model", str(untrained["frame"]), "--no-restore", "--quiet"]
    command = [sys.executable, "-m", "vader_rt", str(clip), *options, "-o", "pictures/out"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr

    events = [line.split(" ", 1) for line in log.read_text().splitlines()]
    assert not [event for event, _ in events if event.startswith("socket.")]
    touched = {Path(path) for event, path in events if path != os.devnull}
    outside = {path for path in touched if tmp_path / "pictures" not in (path, *path.parents)}
    assert not outside
    assert len(touched) >= len(RESULT_FILES)
    assert {path.name for path in (tmp_path / "pictures" / "out").iterdir()} == set(RESULT_FILES)
    assert [*home.iterdir(), *temporary.iterdir()] == []
