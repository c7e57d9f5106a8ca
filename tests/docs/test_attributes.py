"""The reference of the Python API tells of every attribute."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

import vader_rt


@pytest.mark.parametrize("name", ["Options", "Progress", "Reconstruction"])
def test_every_attribute_is_told_of(name: str) -> None:
    kind = getattr(vader_rt, name)
    told = re.findall(r"^        (\w+): ", kind.__doc__, re.MULTILINE)
    assert told == [field.name for field in fields(kind) if not field.name.startswith("_")]
