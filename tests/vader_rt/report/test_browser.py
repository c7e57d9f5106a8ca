"""A report in a real browser: it works, anybody can use it, and nothing of it goes anywhere.

It needs Chromium (`chromium` on the path) and `pip install playwright axe-playwright-python`, which
takes no browser of its own along.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.vader_rt.report.made import changed, name_hostile, unmask, with_provenance
from vader_rt.report.compose import page
from vader_rt.report.saved import Saved

pytestmark = pytest.mark.slow
sync_api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
axe = pytest.importorskip("axe_playwright_python", reason="pip install axe-playwright-python")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Shown:
    """A page in the browser, with all that it says and asks for meanwhile."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page, self.said, self.asked = self.context.new_page(), [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def ready(self) -> Shown:
        self.page.wait_for_selector(".origin:not([hidden])")
        return self

    @property
    def fetched(self) -> list[str]:
        return [url for url in self.asked if not url.startswith("data:")]

    def violations(self) -> list[str]:
        """What axe-core finds; all that is folded is unfolded before."""
        self.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        script = next(Path(axe.__path__[0]).rglob("axe.min.js")).read_text(encoding="utf-8")
        # the debugger may run what the page's policy forbids the page
        session = self.context.new_cdp_session(self.page)
        session.send("Runtime.evaluate", {"expression": script})
        found = self.page.evaluate("axe.run()")
        assert len(found["passes"]) > 30
        return [f"{v['id']}: {v['nodes'][0]['html']}" for v in found["violations"]]


@pytest.fixture(scope="module")
def path(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "report.html"
    truth = np.full((180, 320, 3), 90, np.uint8)
    path.write_bytes(page(changed(with_provenance(files, thin_out), unmask), truth_bgr=truth))
    return path


def thin_out(provenance: dict[str, Any]) -> None:
    """Leave so few places that all of their samples fit into a page."""
    provenance["places"] = [p for p in provenance["places"] if max(p["cell"]) < 12]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_it(browser: Any, path: Path, width: int, scheme: str) -> None:
    viewport = {"width": width, "height": 844}
    shown = Shown(browser, path, viewport=viewport, color_scheme=scheme).ready()
    assert shown.page.evaluate("document.documentElement.scrollWidth") == width
    assert shown.violations() == []
    assert shown.fetched == [path.as_uri()]
    assert shown.said == []


def test_all_of_it_by_keyboard(browser: Any, path: Path) -> None:
    shown = Shown(browser, path).ready()
    press, page = shown.page.keyboard.press, shown.page

    slider = page.locator("img-comparison-slider")
    slider.focus()
    press("Home")
    assert slider.get_attribute("aria-valuenow") == "0"
    press("PageUp")
    assert (slider.get_attribute("aria-valuetext") or "").startswith("10 % The call (frame ")
    press("ArrowRight")
    assert slider.get_attribute("aria-valuenow") == "11"
    press("Shift+ArrowLeft")
    assert slider.get_attribute("aria-valuenow") == "1"

    page.locator("#right").select_option("truth")
    assert "The real room, as given" in (slider.get_attribute("aria-valuetext") or "")

    page.locator('[data-layer="leak"]').focus()
    press("End")
    assert page.evaluate("document.querySelector('.layer').style.opacity") == "1"

    moment = page.locator("#moment")
    moment.focus()
    press("Home")
    assert (moment.get_attribute("aria-valuetext") or "").startswith("0:00.00, frame 0: ")
    press("ArrowRight")
    assert ", frame 1: " in page.locator("#moment-text").inner_text()


def test_places_say_where_they_come_from(browser: Any, path: Path, files: dict[str, bytes]) -> None:
    """As provenance.json does, though it is packed on the way."""
    provenance = Saved.of(files).provenance
    assert provenance is not None
    shown = Shown(browser, path).ready()
    shown.page.locator("#map").focus()
    for key in ["Shift+ArrowLeft", "Shift+ArrowUp"] * 13:
        shown.page.keyboard.press(key)
    for key in ["ArrowRight"] * 7 + ["ArrowDown"] * 9:
        shown.page.keyboard.press(key)
    place = next(p for p in provenance["places"] if p["cell"] == [7, 9])
    said = shown.page.locator("#place").inner_text()
    x, y = place["pixel"]
    assert said.startswith(f"Pixel {x}, {y}: ")
    for number in place["bins"]:
        assert str(number) in said
    rows = shown.page.locator("#samples tbody tr").all_inner_texts()
    assert len(rows) == 8 + 2
    for row, (frame, seen, unmixed, matte, _) in zip(rows[:-2], place["samples"], strict=True):
        cells = row.split("\t")
        assert cells[0] == str(frame)
        assert cells[2].split() == [str(level) for level in bytes.fromhex(seen)]
        assert cells[3].split() == [str(level) for level in bytes.fromhex(unmixed)]
        assert float(cells[4]) == pytest.approx(matte, abs=0.008)
    for row, name in zip(rows[-2:], ("voted", "room"), strict=True):
        assert row.split()[-3:] == [str(level) for level in bytes.fromhex(place[name])]


def test_what_others_wrote_does_not_run(
    browser: Any, files: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "hostile.html"
    path.write_bytes(page(changed(files, name_hostile)))
    shown = Shown(browser, path).ready()
    assert shown.page.title().startswith("What leaked: </script>")
    assert shown.fetched == [path.as_uri()]
    assert shown.said == []


def test_it_can_be_read_without_scripts_and_on_paper(browser: Any, path: Path) -> None:
    shown = Shown(browser, path, java_script_enabled=False)
    assert shown.page.locator(".gallery img").count() == 7
    assert shown.page.locator(".gallery img").first.is_visible()
    assert not shown.page.locator(".compare").is_visible()
    assert shown.page.locator("#timeline tbody tr").count() >= 1
    paper = Shown(browser, path).ready().page
    assert len(paper.pdf(format="A4")) > 50_000
    paper.emulate_media(media="print")
    assert not paper.locator("#map").is_visible()
