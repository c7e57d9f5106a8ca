"""The reference of the command line has every option, and shows all of its text."""

from __future__ import annotations

import pytest

from tools.docs.commands import as_markdown, commands


@pytest.mark.parametrize(
    "part",
    [
        "## vader-rt batch",
        "| `-o OUT`, `--output OUT`{ #run-output } | folder for the result",
        "| `--restore`, `--no-restore`{ #run-restore } |",
        "| `--engine ENGINE`{ #run-engine } | `auto`, `tensorrt`,",
        "| `SHELL`{ #completion-shell } | `bash`, `zsh`, `tcsh` |",
        "(default: 100)",
    ],
)
def test_it_says(part: str) -> None:
    assert part in commands()


def test_no_terminal_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = commands()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert commands() == wide
    assert "\x1b" not in wide


def test_text_stays_text() -> None:
    assert as_markdown("<video stem>, a|b or *.mp4") == "&lt;video stem&gt;, a\\|b or \\*.mp4"
