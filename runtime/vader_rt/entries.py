"""Entries of JSON that others wrote: bounded text, and values of the type that is expected."""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

MOST_CHARACTERS = 1_000_000
"""A contract has some 1,000, and what it was trained on may fill pages."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MISSING = object()


class EntryError(ValueError):
    """An entry is missing, or is not what it should be; the message says which, and what."""


def parsed(text: str) -> Any:
    """JSON text as Python's values.

    Raises:
        EntryError: it is none, has NaN or infinity in it, or is too long or too deep to be read.
    """
    if len(text) > MOST_CHARACTERS:
        raise EntryError(f"{len(text):,} characters of text are no JSON of ours")
    try:
        return json.loads(text, parse_constant=_refused)
    except EntryError:
        raise
    except ValueError:  # numbers of thousands of digits are not JSONDecodeError
        raise EntryError("not JSON") from None
    except RecursionError:
        raise EntryError("not JSON that can be read: it is nested too deep") from None


def json_object(data: bytes | str) -> dict[str, Any] | None:
    """A JSON object of any length; None where that is not what it is, or it is nested too deep."""
    try:
        found = json.loads(data, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def shown(value: object) -> str:
    """A value as an error line quotes it: short, and in one line."""
    return reprlib.repr(value)


class Entries:
    """The entries of one JSON object. Every method raises `EntryError` where one does not fit.

    An entry that has a default may be absent.
    """

    def __init__(self, values: object) -> None:
        if not isinstance(values, Mapping):
            raise EntryError(f"{shown(values)} is no JSON object")
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def any(self, name: str, default: object = _MISSING) -> Any:
        """An entry of any type."""
        value = self._values.get(name, default)
        if value is _MISSING:
            raise EntryError(f"{name!r} is missing")
        return value

    def text(self, name: str, default: object = _MISSING) -> str:
        """Text that can be written as UTF-8."""
        value = self.any(name, default)
        if not isinstance(value, str) or not _encodable(value):
            raise EntryError(f"{name!r} is {shown(value)}, not text")
        return value

    def word(self, name: str) -> str:
        """Text that an error line may quote as it is."""
        value = self.text(name)
        if not _is_word(value):
            raise EntryError(f"{name!r} is {shown(value)}, not a name")
        return value

    def file_name(self, name: str) -> str:
        """The name of a file, without a folder."""
        value = self.text(name)
        if not _is_word(value) or set(value) & set("/\\") or value in (".", ".."):
            raise EntryError(f"{name!r} is {shown(value)}, not the name of a file")
        return value

    def sha256(self, name: str, default: object = _MISSING) -> str:
        """A SHA-256, hexadecimal; also the default."""
        value = self.text(name, default)
        if value != default and not _SHA256.fullmatch(value):
            raise EntryError(f"{name!r} is {shown(value)}, not a SHA-256")
        return value

    def choice(self, name: str, among: Collection[str], default: object = _MISSING) -> Any:
        """One of several words."""
        value = self.any(name, default)
        if not isinstance(value, str) or value not in among:
            raise EntryError(f"{name!r} is {shown(value)}, not one of {', '.join(among)}")
        return value

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        """A list of words; most: how many."""
        value = self._list(name, None, most)
        if not all(isinstance(item, str) and _is_word(item) for item in value):
            raise EntryError(f"{name!r} is {shown(value)}, not a list of words")
        return tuple(value)

    def whole_numbers(self, name: str, count: int, most: int) -> tuple[int, ...]:
        """A list of so many whole numbers from 1 up to the most."""
        value = self._list(name, count)
        if not all(
            isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= most for n in value
        ):
            raise EntryError(f"{name!r} is {shown(value)}, not {count} numbers of 1 to {most}")
        return tuple(value)

    def whole_number(self, name: str, low: int, high: int) -> int:
        """A whole number within limits."""
        value = self.any(name)
        if not isinstance(value, int):
            raise EntryError(f"{name!r} is {shown(value)}, not a whole number")
        return int(_number(name, value, low, high))

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.any(name)
        if not isinstance(value, bool):
            raise EntryError(f"{name!r} is {shown(value)}, not true or false")
        return value

    def listed(self, name: str) -> list[Any]:
        """A list of any length."""
        value = self.any(name)
        if not isinstance(value, list):
            raise EntryError(f"{name!r} is {shown(value)}, not a list")
        return value

    def number(self, name: str, low: float, high: float, default: object = _MISSING) -> float:
        """A number within limits."""
        return _number(name, self.any(name, default), low, high)

    def numbers(
        self, name: str, count: int, limit: float, default: object = _MISSING
    ) -> tuple[float, ...]:
        """A list of so many numbers between −limit and limit."""
        if name not in self._values and isinstance(default, tuple):
            return self._counted(name, default, count)
        return tuple(_number(name, n, -limit, limit) for n in self._list(name, count))

    def _list(self, name: str, count: int | None, most: int = 1000) -> list[Any]:
        value = self.any(name)
        if not isinstance(value, list) or len(value) > most:
            raise EntryError(f"{name!r} is {shown(value)}, not a list of up to {most} entries")
        return value if count is None else self._counted(name, value, count)

    @staticmethod
    def _counted(name: str, value: Any, count: int) -> Any:
        if len(value) != count:
            raise EntryError(f"{name!r} has {len(value)} numbers, not {count}")
        return value


def _number(name: str, value: Any, low: float, high: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high or not math.isfinite(value):
        raise EntryError(f"{name!r} is {shown(value)}, not a number between {low:g} and {high:g}")
    return value


def _is_word(text: str) -> bool:
    return 0 < len(text) < 256 and text.isprintable()


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def _refused(constant: str) -> NoReturn:
    raise EntryError(f"not JSON: {constant} is no number")
