"""Bytes and texts with faults in them, drawn at random."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

_ODD_VALUES = (
    *(None, True, -1, 0, 1e308, float("nan"), float("inf"), 10**9, -(10**30), "", "a\n\x1b[31m"),
    *([], {}, [1, 2, 3], [[[]]], {"a": {}}, "x" * 5000),
)


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes with one to three faults, as of bad disks, broken copies and hostile hands."""
    faults: list[Callable[[bytearray, np.random.Generator], bytearray]] = [
        *(_flip, _flip, _zero, _cut, _drop, _repeat, _swap, _noise),
    ]
    found = bytearray(data)
    for index in rng.integers(len(faults), size=rng.integers(1, 4)):
        if found:
            found = faults[index](found, rng)
    return bytes(found)


def damaged_json(text: str, rng: np.random.Generator) -> str:
    """A JSON text with an entry that is odd, gone or new; or one that is no JSON any more."""
    if rng.random() < 0.25:
        return damaged(text.encode(), rng).decode("latin-1")
    if rng.random() < 0.05:
        return "[" * 100_000
    entries = json.loads(text)
    assert isinstance(entries, dict)
    name = str(rng.choice(list(entries)))
    if rng.random() < 0.2:
        del entries[name]
    elif isinstance(entries[name], list) and entries[name] and rng.random() < 0.5:
        entries[name][int(rng.integers(len(entries[name])))] = _odd(rng)
    else:
        entries[name] = _odd(rng)
    return json.dumps(entries)


def _odd(rng: np.random.Generator) -> Any:
    return _ODD_VALUES[rng.integers(len(_ODD_VALUES))]


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Half of the faults are where headers stand."""
    most = len(data) if rng.random() < 0.5 else min(len(data), 600)
    return int(rng.integers(most))


def _flip(data: bytearray, rng: np.random.Generator) -> bytearray:
    for _ in range(int(rng.integers(1, 9))):
        data[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return data


def _zero(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = _place(data, rng), int(rng.integers(1, 2000))
    stretch = data[start : start + length]
    data[start : start + length] = bytes(len(stretch))
    return data


def _noise(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = _place(data, rng), int(rng.integers(1, 64))
    data[start : start + length] = rng.bytes(len(data[start : start + length]))
    return data


def _cut(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: _place(data, rng)]


def _drop(data: bytearray, rng: np.random.Generator) -> bytearray:
    start = _place(data, rng)
    return data[:start] + data[start + int(rng.integers(1, 2000)) :]


def _repeat(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = _place(data, rng), int(rng.integers(1, 2000))
    return data[: start + length] + data[start:]


def _swap(data: bytearray, rng: np.random.Generator) -> bytearray:
    (a, b), length = sorted((_place(data, rng), _place(data, rng))), int(rng.integers(1, 500))
    if a + length <= b and b + length <= len(data):
        data[a : a + length], data[b : b + length] = data[b : b + length], data[a : a + length]
    return data
