"""The documentation site is built without a warning, holds every page, and needs no network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import vader_rt
from tests.conftest import ROOT
from tests.docs.pages import PAGES
from vader_rt.cli.parser import parsers

FETCHED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?(https?:)?//[^\s>\"]+"
    r"|<link[^>]*rel=\"?(?:stylesheet|preconnect|icon)\"?[^>]*href=\"?(https?:)?//[^\s>\"]+"
    r"|@import[^;]*//|url\([\"']?(https?:)?//"
)
"""What a browser fetches from elsewhere by itself."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(package, reason="needs the packages of the group docs")
    folder = tmp_path_factory.mktemp("site")
    process = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return folder


def test_every_page_is_on_it(site: Path) -> None:
    built = {page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    names = [re.sub(r"README\.md$", "index.md", page) for page in PAGES]
    assert {re.sub(r"\.md$", ".html", name) for name in names} <= built


def test_the_reference_has_all_commands_and_all_of_the_api(site: Path) -> None:
    commands = (site / "docs" / "reference" / "commands.html").read_text()
    for name, parser in parsers()[1].items():
        assert f'id="vader-rt-{name}"' in commands
        for option in re.findall(r"--[a-z-]+", parser.format_usage()):
            assert option in commands
    python = (site / "docs" / "reference" / "python.html").read_text()
    assert [name for name in vader_rt.__all__ if f'id="vader_rt.{name}"' not in python] == []


def test_the_reference_has_all_entries_of_results(site: Path) -> None:
    page = (site / "docs" / "reference" / "result_json.html").read_text()
    for entry in ("input.sha256", "input.file.counts.holes", "virtual_background.fit", "places[]"):
        assert f"<code>{entry}" in page


def test_it_fetches_nothing_from_elsewhere(site: Path) -> None:
    texts = {p: p.read_text() for e in ("html", "css") for p in site.rglob(f"*.{e}")}
    assert [(p.name, m[0]) for p, text in texts.items() for m in FETCHED.finditer(text)] == []
