"""How every command ends: with an exit code, and one line where something went wrong."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable

from vader_rt.cli.streams import note, printable, tell
from vader_rt.errors import VaderError, explained, typed

EXIT_NOTHING_RECOVERED = 5
EXIT_GATE_EXCEEDED = 6
EXIT_GATE_UNDECIDED = 7
EXIT_INTERRUPTED = 130


def exit_code(
    program: str,
    job: Callable[[], int],
    *,
    interrupted: str = "interrupted; nothing was written",
    debug: bool | None = None,
) -> int:
    """Run a job; what went wrong is one line on stderr and an exit code, see README.md.

    interrupted: what Ctrl-C means. debug: whether that line follows the traceback; None for those
    errors alone that are ours to mend.
    """
    try:
        return job()
    except KeyboardInterrupt:
        tell(f"{program}: {interrupted}")
        return EXIT_INTERRUPTED
    except Exception as error:
        known = explained(error)
        is_ours = type(known) is VaderError
        if debug or (debug is None and is_ours):
            note("\n".join(map(printable, traceback.format_exc().splitlines())))
        hint = ", with what --debug prints" if is_ours and debug is False else ""
        tell(f"{program}: {_told(error, known)}{hint}")
        return known.exit_code


def _told(error: Exception, known: VaderError) -> str:
    """What a known error says; and why, if it is that the folder of all relative paths is gone."""
    try:
        os.getcwd()
    except FileNotFoundError as gone:
        said = "" if str(error) == str(gone) else f"{typed(known)}; "
        return f"{said}the current folder does not exist any more, change to one that does"
    except OSError:  # one that may not be asked for may be there
        pass
    return typed(known)
