"""A page that stands for itself: nothing in it is fetched, run or lost."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import cv2
import numpy as np
import pytest

from tests.vader_rt.report.made import (
    changed,
    name_hostile,
    overfilled,
    unmask,
    with_provenance,
)
from vader_rt.errors import InputError
from vader_rt.report.compose import page
from vader_rt.report.html import SLIDER, VENDORED
from vader_rt.report.saved import Saved

NAMESPACE = "http://www.w3.org/2000/svg"
"""It is no address, though it looks like one."""


class Tags(HTMLParser):
    """The tags of a page with their attributes, and the text after each, but for JSON."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][1].get("type") != "application/json":
            self.texts.append((self.tags[-1][0], data))

    def of(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag and text.strip()]


def besides_pictures(html: bytes) -> bytes:
    return re.sub(rb"data:image/[a-z]+;base64,[A-Za-z0-9+/=]+", b"", html)


@pytest.fixture(scope="module")
def html(files: dict[str, bytes]) -> bytes:
    return page(Saved.of(files))


def test_it_is_small_and_fetches_nothing(html: bytes) -> None:
    bare = besides_pictures(html)
    assert len(bare) < 100_000
    assert not re.search(
        rb"https?:|url\(|@import|sourceMapping", bare.replace(NAMESPACE.encode(), b"")
    )
    for _, attributes in Tags(html).tags:
        for name in ("src", "href", "action", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/"))
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_it_stays_small_whatever_a_result_says(files: dict[str, bytes]) -> None:
    def longest(said: dict[str, Any]) -> None:
        rng = np.random.default_rng(0)
        said["input"]["frames"] = 100_000
        said["leak_timeline"] = rng.random(100_000).round(5).tolist()
        said["frame_times"] = rng.random(100_000).cumsum().round(4).tolist()
        said["inferred_frames"] = list(range(100_000))
        said["unmasked"]["intervals"] = [
            {"start": n, "stop": n + 1, "seconds": [n, n + 0.5]} for n in range(0, 90_000, 9)
        ]
        said["unmasked"]["frames"] = 10_000

    assert (
        len(besides_pictures(page(changed(with_provenance(files, overfilled), longest)))) < 100_000
    )


def test_only_what_is_ours_may_run(html: bytes) -> None:
    tags = Tags(html)
    policy = next(a["content"] for t, a in tags.tags if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    allowed = {
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for tag in ("style", "script")
        for text in tags.of(tag)
    }
    assert len(allowed) == 3
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == allowed


def test_names_are_text(files: dict[str, bytes]) -> None:
    html = page(changed(files, name_hostile))
    tags = Tags(html)
    assert not [a for _, a in tags.tags if "onerror" in a]
    assert len([t for t, _ in tags.tags if t == "script"]) == 3
    assert "{{ 7 * 7 }}" in tags.of("title")[0]
    assert "\u202e" not in html.decode()
    assert "\\u202e\\n" in tags.of("bdi")[0]
    assert len(besides_pictures(html)) < 150_000, "however much others wrote"


def test_a_name_that_is_not_utf_8(files: dict[str, bytes]) -> None:
    def rename(said: dict[str, Any]) -> None:
        said["input"]["name"] = "caf\udce9 日.mp4"

    assert "caf\\udce9 日.mp4" in Tags(page(changed(files, rename))).of("title")[0]


def test_frames_that_show_the_room_come_first(files: dict[str, bytes], html: bytes) -> None:
    assert b'id="unmasked"' not in html
    shown = page(changed(files, unmask)).decode()
    sections = re.findall(r'<section id="(\w+)"', shown)
    assert sections == [
        *("unmasked", "warnings", "found", "pictures", "timeline", "origin", "virtual"),
        *("client", "record"),
    ]
    assert "3 frames show the room itself" in shown
    assert "frames 3 to 5" in shown
    assert "frames 9 to 9" in shown


def test_the_client_is_told_of_as_far_as_it_is_known(files: dict[str, bytes]) -> None:
    def little(said: dict[str, Any]) -> None:
        said["client"] = {"cut": "unknown", "edge_width": 4.5, "flicker": None, "leak_away": 0.0}

    def nothing(said: dict[str, Any]) -> None:
        said["client"] = None

    def cells(html: bytes) -> list[str]:
        return re.findall(r"<td[^>]*>(.*?)</td>", html.decode().split('id="client"')[1])[::2]

    assert cells(page(changed(files, little)).split(b'id="record"')[0]) == ["4.5 pixels", "0 %"]
    assert b'id="client"' not in page(changed(files, nothing))


def test_it_opens_on_what_is_shown(html: bytes) -> None:
    first = [a["value"] for tag, a in Tags(html).tags if tag == "option" and "selected" in a]
    assert first == ["room"]


def test_pictures_that_are_not_those_that_were_recovered_are_told_of(
    files: dict[str, bytes],
) -> None:
    other = np.zeros((180, 320, 4), np.uint8)
    altered = {**files, "guess.png": cv2.imencode(".png", other)[1].tobytes()}
    saved = Saved.of(altered)
    assert saved.altered == ("guess.png",)
    assert b"guess.png is not the file that result.json has the digest of" in page(saved)
    small = {**files, "leak.png": cv2.imencode(".png", other[:4, :4, :3])[1].tobytes()}
    with pytest.raises(InputError, match=r"leak\.png: is not the picture of this result"):
        page(Saved.of(small))


def test_a_result_without_provenance(files: dict[str, bytes]) -> None:
    html = page(Saved.of({n: d for n, d in files.items() if n != "provenance.json"}))
    assert b"where the room comes from is not known" in html
    assert b'id="map"' not in html


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"schema_version": 2}', b"[" * 100_000])
def test_what_is_no_result(content: bytes, files: dict[str, bytes]) -> None:
    with pytest.raises(InputError, match=r"result\.json: is not what"):
        Saved.of({**files, "result.json": content})


def test_the_truth_is_one_more_picture(files: dict[str, bytes], html: bytes) -> None:
    assert b'data-picture="truth"' not in html
    room = np.full((180, 320, 3), 90, np.uint8)
    assert b'data-picture="truth"' in page(Saved.of(files), truth_bgr=room)


def test_every_entry_of_the_record_is_there(files: dict[str, bytes], html: bytes) -> None:
    said = json.loads(files["result.json"])
    digests = [said["input"]["sha256"], *said["outputs"].values()]
    for text in [*digests, said["host"]["cpu"], said["versions"]["numpy"]]:
        assert text in html.decode()


def test_what_is_not_ours_is_what_it_says() -> None:
    sums = (VENDORED / "SHA256SUMS").read_text().split()
    assert sums == [hashlib.sha256(SLIDER.read_bytes()).hexdigest(), SLIDER.name]
    assert "MIT" in (VENDORED / "img-comparison-slider.LICENSE").read_text()
