"""The reference of a JSON file has every entry of its schema."""

from __future__ import annotations

import pytest

from tools.docs.schemas import entries
from vader_rt.schemas import provenance_schema, result_schema

WHOLE = {
    "properties": {
        "name": {"description": "what it is | was", "type": ["string", "null"]},
        "kind": {"enum": ["a", "b"]},
        "parts": {"items": {"properties": {"file": {"$ref": "#/$defs/file"}}}, "type": "array"},
        "file": {"anyOf": [{"$ref": "#/$defs/file"}, {"type": "null"}], "description": "the file"},
        "figures": {"additionalProperties": {"type": "number", "description": "seconds"}},
    },
    "$defs": {"file": {"type": "object", "properties": {"bytes": {"type": "integer"}}}},
}


@pytest.mark.parametrize(
    "row",
    [
        "| `name` | string or null | what it is \\| was |",
        "| `kind` | `a`, `b` |  |",
        "| `parts` | array |  |",
        "| `parts[].file` | object |  |",
        "| `parts[].file.bytes` | integer |  |",
        "| `file` | as `parts[].file` | the file |",
        "| `figures.*` | number | seconds |",
    ],
)
def test_an_entry_has_a_row(row: str) -> None:
    assert row in entries(WHOLE).splitlines()


def test_what_has_a_name_is_told_once() -> None:
    assert entries(WHOLE).count(".bytes`") == 1


@pytest.mark.parametrize("schema", [result_schema(), provenance_schema()])
def test_no_entry_of_the_shipped_schemas_is_left_out(schema: dict) -> None:
    rows = entries(schema)
    assert [name for name in schema["properties"] if f"| `{name}` |" not in rows] == []
