"""The reference of a JSON file, from its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tools.docs.commands import as_markdown

Schema = Mapping[str, Any]


def entries(schema: Schema) -> str:
    """A Markdown table of all entries of a JSON file, with the path that leads to each."""
    head = ["| entry | type | what it is |", "|---|---|---|"]
    return "\n".join([*head, *_rows("", schema, schema, {})])


def _rows(path: str, part: Schema, whole: Schema, told: dict[str, str]) -> Iterator[str]:
    """The rows of a part of a schema and of all below it; the whole has no row itself.

    told: where a part that has a name was told of, by its reference: it is told of once.
    """
    reference = _reference(part)
    known = told.get(reference)
    if reference and not known:
        told[reference] = path
        part = {**_named(reference, whole), **part}
    if path:
        said = as_markdown(part.get("description", ""))
        yield f"| `{path}` | {f'as `{known}`' if known else _types(part)} | {said} |"
    prefix = f"{path}." if path else ""
    for name, below in part.get("properties", {}).items():
        yield from _rows(f"{prefix}{name}", below, whole, told)
    for sign, key in (("[]", "items"), (".*", "additionalProperties")):
        below = part.get(key)
        if isinstance(below, Mapping) and {"properties", "$ref", "description"} & set(below):
            yield from _rows(f"{path}{sign}", below, whole, told)


def _reference(part: Schema) -> str:
    """What a part refers to, be it that it may be null instead."""
    choices = [part, *part.get("anyOf", [])]
    return next((choice["$ref"] for choice in choices if "$ref" in choice), "")


def _named(reference: str, whole: Schema) -> Schema:
    found: Any = whole
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def _types(part: Schema) -> str:
    """What an entry may be, in JSON's words."""
    if "const" in part or "enum" in part:
        return ", ".join(f"`{value}`" for value in part.get("enum", [part.get("const")]))
    kinds = part.get("type", [])
    return " or ".join([kinds] if isinstance(kinds, str) else kinds)
