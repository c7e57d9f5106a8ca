"""The command line, as a process of its own from its first moment to its last."""

from __future__ import annotations

import os


def program() -> int:
    """Run `vader-rt` and return its exit code, which no signal changes any more."""
    try:
        from vader_rt.cli.interrupts import Interrupts
        from vader_rt.cli.streams import open_standard_streams

        open_standard_streams()
        os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # what it would say, our errors say
        interrupts = Interrupts().__enter__()
        try:
            from vader_rt.cli.main import main

            return main(interrupts=interrupts)
        finally:
            interrupts.ignore()
    except KeyboardInterrupt:
        from vader_rt.cli.streams import tell

        tell("vader-rt: interrupted")
        return 130
