"""Objects whose state can be taken, stored, and put back into new ones of their kind."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

State = dict[str, Any]
"""A state by name: numbers, texts, bytes, arrays, and lists, tuples and dicts of these."""


class Stateful:
    """Something whose state is in the attributes that it names; some may be stateful themselves."""

    STATE: ClassVar[tuple[str, ...]] = ()

    def state(self) -> State:
        """What there is by now; not a copy."""
        found = {name: getattr(self, name) for name in self.STATE}
        return {n: v.state() if isinstance(v, Stateful) else v for n, v in found.items()}

    def restore(self, state: State) -> None:
        """Put a state back, into an object that was made as the other one was.

        Raises:
            KeyError, ValueError: it is not the state of such an object.
        """
        for name in self.STATE:
            held = getattr(self, name)
            if isinstance(held, Stateful):
                held.restore(state[name])
            else:
                setattr(self, name, _like(held, state[name], name))


def _like(held: Any, value: Any, name: str) -> Any:
    """A value, if it may take the place of what is held."""
    if isinstance(held, np.ndarray) and (
        not isinstance(value, np.ndarray) or (value.shape, value.dtype) != (held.shape, held.dtype)
    ):
        raise ValueError(f"{name} is of another kind")
    return value
