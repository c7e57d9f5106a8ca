"""How every command ends: with an exit code, and one line where something went wrong."""

from __future__ import annotations

from collections.abc import Callable

from vader_rt.cli.streams import tell
from vader_rt.errors import VaderError

EXIT_NOTHING_RECOVERED = 5
EXIT_GATE_EXCEEDED = 6
EXIT_INTERRUPTED = 130


def exit_code(program: str, job: Callable[[], int]) -> int:
    """Run a job; what went wrong is one line on stderr and an exit code, see README.md."""
    try:
        return job()
    except VaderError as error:
        tell(f"{program}: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        tell(f"{program}: interrupted; nothing was written")
        return EXIT_INTERRUPTED
