"""Diagrams of the documentation on the site, which fetches no program that would draw them."""

from __future__ import annotations

import re
from html import escape
from typing import Any

_ARROW = re.compile(
    r'\["(?P<start>.+?)"\] (?P<kind>-->|==>)\|"(?P<what>.+?)"\| \w+\["(?P<end>.+?)"\]'
)


def as_table(source: str, *_: Any, **__: Any) -> str:
    """The arrows of a Mermaid flowchart, `a["A"] -->|"what"| b["B"]` a line, as an HTML table."""
    rows = []
    for arrow in _ARROW.finditer(source):
        start, what, end = (escape(arrow[part]) for part in ("start", "what", "end"))
        moved = f"<strong>{what}</strong>" if arrow["kind"] == "==>" else what
        rows.append(f"<tr><td>{start}</td><td>{moved}</td><td>{end}</td></tr>")
    head = "<tr><th>from</th><th>what (thick arrows: bold)</th><th>to</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
