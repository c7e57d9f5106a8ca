"""A state in a file: NumPy's .npz, which holds data alone; nothing in it is run.

Its arrays are members of their own, with a checksum each. All else is one JSON text, in which what
JSON has not is an object with one entry that says what it is. An array that stands in two places is
one array again when it is read.
"""

from __future__ import annotations

import json
import os
import zipfile
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from vader_rt.errors import InputError, reading
from vader_rt.io.files import whole_file

_HEAD, _TREE = "head", "tree"
_UNREADABLE = (
    *(OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError),
    zipfile.BadZipFile,
)
"""What NumPy and `zipfile` say of a file that is damaged or something else."""


def write_state(path: Path, head: Mapping[str, Any], tree: Any) -> None:
    """Write a state, whole or not at all, down to the disk.

    head: what JSON has, to be read without the rest. tree: see `vader_rt.stateful.State`; there
    may be dataclasses in it.

    Raises:
        UsageError: it cannot be written there.
    """
    packed = _Packed()
    texts = {_HEAD: dict(head), _TREE: packed.of(tree)}
    members: dict[str, Any] = {n: _bytes(json.dumps(text).encode()) for n, text in texts.items()}
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, **members | packed.arrays)
        file.flush()
        os.fsync(file.fileno())


class StateFile:
    """A file of `write_state`, to be read. head: as it was given.

    kind: what it ought to be, for errors.

    Raises:
        InputError: it cannot be read, or is something else.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self._path = path
        with reading(path):
            is_ours = path.is_file() and zipfile.is_zipfile(path)
        if not is_ours:
            raise InputError(f"{path}: is no {kind}, or only a part of one")
        with self._opened() as members:
            if _HEAD not in members or _TREE not in members:
                raise InputError(f"{path}: is no {kind}")
            self.head: dict[str, Any] = json.loads(members[_HEAD].tobytes())

    def tree(self, kinds: tuple[type, ...] = ()) -> Any:
        """The state. kinds: the dataclasses that may be in it.

        Raises:
            InputError: it is damaged.
        """
        with self._opened() as members:
            tree = json.loads(members[_TREE].tobytes())
            arrays = {name: members[name] for name in members if name not in (_HEAD, _TREE)}
            return _Unpacked(arrays, {kind.__name__: kind for kind in kinds}).of(tree)

    @contextmanager
    def _opened(self) -> Iterator[Mapping[str, np.ndarray]]:
        try:
            with self._path.open("rb") as file, np.load(file, allow_pickle=False) as members:
                yield members
        except _UNREADABLE as error:
            raise InputError(
                f"{self._path}: is damaged ({error}); delete it to start anew"
            ) from None


class _Packed:
    """Makes JSON of a tree, and puts its arrays aside."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._names: dict[int, str] = {}

    def of(self, value: Any) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, list):
            return [self.of(item) for item in value]
        if isinstance(value, tuple):
            return {"tuple": [self.of(item) for item in value]}
        if isinstance(value, Mapping):
            return {"dict": [[self.of(key), self.of(item)] for key, item in value.items()]}
        if is_dataclass(value):
            state = {field.name: getattr(value, field.name) for field in fields(value)}
            return {"of": [type(value).__name__, self.of(state)]}
        return self._array(value)

    def _array(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return {"bytes": self._name(_bytes(value))}
        if isinstance(value, array):
            return {"numbers": [value.typecode, self._name(_bytes(value.tobytes()))]}
        if isinstance(value, np.ndarray):
            return {"array": self._name(value)}
        if isinstance(value, np.generic):
            return {"scalar": self._name(np.asarray(value))}
        raise TypeError(f"no state can hold a {type(value).__name__}")

    def _name(self, plane: np.ndarray) -> str:
        """The name of an array among those put aside; it stays there, so its id stays its own."""
        name = self._names.setdefault(id(plane), f"array{len(self._names)}")
        self.arrays[name] = plane
        return name


class _Unpacked:
    """Makes of such JSON and the arrays what it was."""

    def __init__(self, arrays: Mapping[str, np.ndarray], kinds: Mapping[str, type]) -> None:
        self._arrays, self._kinds = arrays, kinds

    def of(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.of(item) for item in value]
        if not isinstance(value, dict):
            return value
        ((what, said),) = value.items()
        if what == "tuple":
            return tuple(self.of(item) for item in said)
        if what == "dict":
            return {self.of(key): self.of(item) for key, item in said}
        if what == "of":
            name, state = said
            return self._kinds[name](**self.of(state))
        return self._array(what, said)

    def _array(self, what: str, said: Any) -> Any:
        if what == "array":
            return self._arrays[said]
        if what == "scalar":
            return self._arrays[said][()]
        if what == "bytes":
            return self._arrays[said].tobytes()
        if what == "numbers":
            typecode, name = said
            return array(cast(Any, typecode), self._arrays[name].tobytes())
        raise ValueError(f"{what} is of no kind that is known")


def _bytes(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)
