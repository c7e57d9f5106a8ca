"""The page: its template filled in, with nothing in it that could act."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError
from markupsafe import Markup, escape

FOLDER = Path(__file__).parent
VENDORED = FOLDER / "vendored"
SLIDER = VENDORED / "img-comparison-slider.js"
_MOST_CHARACTERS = 400
"""Of one value, such as a tag of a file: anybody can write a novel there."""


def rendered(context: Mapping[str, Any]) -> bytes:
    """The page as UTF-8. context: what the template asks for.

    Raises:
        LookupError: something of that is missing.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, scripts = _text(FOLDER / "page.css"), [_slider(), _text(FOLDER / "page.js")]
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src {_source(style)}; script-src {' '.join(map(_source, scripts))}"
    )
    template = environment.get_template("template.html.j2")
    try:
        html = template.render(
            **context,
            policy=Markup(policy),
            style=Markup(style),
            scripts=[Markup(script) for script in scripts],
            licence=escape(_text(VENDORED / "img-comparison-slider.LICENSE")),
        )
    except UndefinedError as error:
        raise LookupError(str(error)) from None
    return html.encode("utf-8", "backslashreplace")


def _shown(value: Any) -> Any:
    r"""A value as the page has it: what does not print is `\n`, `\u202e`; and not without end."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    text = "".join(map(_printable, value[: _MOST_CHARACTERS + 1]))
    return text if len(value) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "…"


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


def _slider() -> str:
    """The vendored script without its last line, which names a file that is not here."""
    script, last = _text(SLIDER).rstrip().rsplit("\n", 1)
    assert last.startswith("//# sourceMappingURL=")
    return script


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _source(text: str) -> str:
    """What a content security policy calls a script or style that it lets through."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
