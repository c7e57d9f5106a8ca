"""The blocks of code of the documentation's pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt

from tests.conftest import ROOT

PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "train" / "README.md",
        ROOT / "runtime" / "vader_rt" / "models" / "README.md",
    )
)
RECORDS = ("CHANGELOG.md", "docs/training_log.md")
"""Their commands are those of their time."""
COMMANDS = ("bash", "console", "python")
"""Languages of blocks that are run."""
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->")
_NONE_RUN = re.compile(r"<!-- nothing here is run: (.+?) -->")
_MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Block:
    """A block of code. language: "" if it is indented and says none. not_run: why, or ""."""

    page: str
    line: int
    language: str
    text: str
    not_run: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """Its lines that are typed into a shell."""
        if self.language == "console":
            return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]
        return [line for line in self.text.splitlines() if line] * (self.language == "bash")

    @property
    def printed(self) -> str:
        """What its commands print."""
        return "\n".join(line for line in self.text.splitlines() if not line.startswith("$ "))


def blocks(page: str) -> list[Block]:
    """All blocks of code of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    of_page = _NONE_RUN.search(text)
    found, reason = [], ""
    for token in _MARKDOWN.parse(text):
        if token.type in ("fence", "code_block"):
            line = token.map[0] + 1 if token.map else 0
            found.append(
                Block(
                    page,
                    line,
                    token.info.strip(),
                    token.content,
                    reason or (of_page[1] if of_page else ""),
                )
            )
        if token.type in ("html_block", "fence", "code_block"):
            mark = _NOT_RUN.search(token.content) if token.type == "html_block" else None
            reason = mark[1] if mark else ""
    return found


def code_spans(page: str) -> Iterator[str]:
    """Code inside the text of a page, on one line."""
    for token in _MARKDOWN.parse((ROOT / page).read_text(encoding="utf-8")):
        for child in token.children or []:
            if child.type == "code_inline":
                yield " ".join(child.content.split())


def to_run(page: str) -> list[Block]:
    """The blocks that the test runs."""
    return [b for b in blocks(page) if b.language in COMMANDS and not b.not_run]
