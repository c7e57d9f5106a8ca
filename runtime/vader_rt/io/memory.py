"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Give back what was freed, where the C library keeps it for later (glibc); else do nothing.

    It keeps much of what threads freed, picture after picture; the next stage would come on top.
    """
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
