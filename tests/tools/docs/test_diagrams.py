"""A flowchart becomes a table of its arrows."""

from __future__ import annotations

from bench.roofline_tables import roofline_diagram
from tests.conftest import ROOT
from tools.docs.diagrams import as_table


def test_every_arrow_is_a_row() -> None:
    table = as_table('flowchart LR\n  a["A & B"] -->|"1 MB"| b["C"]\n  b["C"] ==>|"2 MB"| d["D"]')
    assert table.count("<tr>") == 3
    assert "<tr><td>A &amp; B</td><td>1 MB</td><td>C</td></tr>" in table
    assert "<tr><td>C</td><td><strong>2 MB</strong></td><td>D</td></tr>" in table


def test_no_arrow_of_the_roofline_is_lost() -> None:
    diagram = roofline_diagram(ROOT / "docs" / "figures")
    assert as_table(diagram).count("<tr>") == 1 + diagram.count("|") // 2
