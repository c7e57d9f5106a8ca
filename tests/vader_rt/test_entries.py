"""Entries of JSON that others wrote: what does not fit is named, and nothing else is raised."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from vader_rt.entries import MOST_CHARACTERS, Entries, EntryError, parsed

VALUES = Entries(
    {
        "list": [],
        "text": "words",
        "half": "\ud800",
        "huge": 10**400,
        "yes": True,
        "sizes": [64, 32],
        "path": "../passwd",
        "escape": "a\x1b[31m",
        "weights": [1, -2.5],
    }
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "too deep"),
        ('{"a":' * 100_000, "too deep"),
        ('{"a": NaN}', "NaN is no number"),
        ("-Infinity", "-Infinity is no number"),
        ("1" * 10_000, "not JSON"),  # more digits than Python converts
        (" " * (MOST_CHARACTERS + 1), "characters"),
    ],
)
def test_text_that_is_no_json(text: str, words: str) -> None:
    with pytest.raises(EntryError, match=words):
        parsed(text)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda e: e.any("none"), "'none' is missing"),
        (lambda e: e.text("list"), "not text"),
        (lambda e: e.text("half"), "not text"),
        (lambda e: e.choice("list", ("a", "b")), "not one of a, b"),
        (lambda e: e.file_name("path"), "not the name of a file"),
        (lambda e: e.file_name("escape"), "not the name of a file"),
        (lambda e: e.word("escape"), "not a name"),
        (lambda e: e.sha256("text"), "not a SHA-256"),
        (lambda e: e.number("huge", 0, 1), "between 0 and 1"),
        (lambda e: e.number("yes", 0, 1), "between 0 and 1"),
        (lambda e: e.numbers("weights", 2, 2), "between -2 and 2"),
        (lambda e: e.numbers("weights", 3, 9), "has 2 numbers, not 3"),
        (lambda e: e.numbers("text", 5, 9), "not a list"),
        (lambda e: e.whole_numbers("sizes", 2, 63), "not 2 numbers of 1 to 63"),
        (lambda e: e.whole_numbers("weights", 2, 63), "not 2 numbers"),
        (lambda e: e.texts("sizes", 5), "not a list of words"),
        (lambda e: e.texts("sizes", 1), "up to 1 entries"),
        (lambda _: Entries([]), "no JSON object"),
    ],
)
def test_entries_that_do_not_fit(ask: Callable[[Entries], object], words: str) -> None:
    with pytest.raises(EntryError, match=re.escape(words)) as caught:
        ask(VALUES)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_entries_that_fit() -> None:
    assert VALUES.text("text") == "words"
    assert VALUES.choice("text", ("words",)) == "words"
    assert VALUES.whole_numbers("sizes", 2, 64) == (64, 32)
    assert VALUES.numbers("weights", 2, 3) == (1, -2.5)
    assert VALUES.number("none", 0, 1, 0.5) == 0.5
    assert VALUES.sha256("none", "") == ""
    assert VALUES.numbers("none", 2, 1, (0.0, 1.0)) == (0.0, 1.0)
    assert parsed('{"a": 1e3}') == {"a": 1000.0}
