"""What the commands of `export` and `calib` share: exit codes, and files that are whole or not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vader_rt.errors import EXIT_INTERRUPTED, UsageError, VaderError


def exit_code(program: str, job: Callable[[], int]) -> int:
    """Run a job; what went wrong is one line on stderr and an exit code of `vader_rt.errors`."""
    try:
        return job()
    except VaderError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"{program}: interrupted; nothing was written", file=sys.stderr)
        return EXIT_INTERRUPTED


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name beside a file, which takes its place if all goes well.

    Raises:
        UsageError: it cannot be written there.
    """
    partial = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file; see `whole`."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
