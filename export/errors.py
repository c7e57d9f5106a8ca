"""What an export may end with beside the errors of the runtime."""

from __future__ import annotations

from vader_rt.errors import EngineError


class ParityError(EngineError):
    """An exported model does not say what its checkpoint says (exit code 4)."""
