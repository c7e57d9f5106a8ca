"""Hooks of `mkdocs build`: which files are pages, and what is generated into them.

A page has the path that it has in the repository, so that a link works there and on the site.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.docs.commands import commands
from tools.docs.schemas import entries
from vader_rt.errors import InputError
from vader_rt.schemas import provenance_schema, result_schema

ROOT = Path(__file__).parent.parent.parent
ELSEWHERE = (
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "cmake_free_build.md",
    "runtime/vader_rt/models/README.md",
    "runtime/vader_rt/schemas/provenance.v1.schema.json",
    "runtime/vader_rt/schemas/result.v1.schema.json",
    "train/README.md",
)
"""What belongs to the site and does not lie in `docs`."""
GENERATED: dict[str, Callable[[], str]] = {
    "commands": commands,
    "result.json": lambda: entries(result_schema()),
    "provenance.json": lambda: entries(provenance_schema()),
}
_MARK = re.compile(r"^<!-- generated: (\S+) -->$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Give every page its path in the repository."""
    docs = Path(config.docs_dir)
    inside = [file for file in files if Path(file.abs_src_path or "").is_relative_to(docs)]
    for file in inside:
        files.remove(file)
    paths = [ROOT / path for path in ELSEWHERE]
    for path in paths + [Path(str(file.abs_src_path)) for file in inside]:
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put what is generated in the place of its mark.

    Raises:
        InputError: a mark has a name that is unknown.
    """

    def fill(mark: re.Match[str]) -> str:
        name = mark[1]
        if name not in GENERATED:
            known = ", ".join(GENERATED)
            raise InputError(f"{page.file.src_uri}: nothing makes {name!r}; known: {known}")
        return GENERATED[name]()

    return _MARK.sub(fill, markdown)
