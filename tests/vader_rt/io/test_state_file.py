"""States in files: what comes out is what went in, or an error."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from vader_rt.errors import InputError, UsageError
from vader_rt.io.state_file import StateFile, write_state


@dataclass(frozen=True)
class Pair:
    """Two things."""

    one: object
    two: object


def test_what_comes_out_is_what_went_in(tmp_path: Path) -> None:
    shared = np.arange(12, dtype=np.float32).reshape(3, 4)
    words = np.array([(1, b"a"), (2, b"b")], dtype=[("n", "<u8"), ("t", "S1")])
    tree = {
        "plain": [None, True, 3, 0.1 + 0.2, "é\udcff", -math.inf],
        "pairs": {(1, 2): 3, 4: {"a": ()}, "x": b"\0\xff"},
        "arrays": [shared, shared, shared.T, words, np.zeros((0, 3), bool)],
        "numbers": array("f", [1.5, math.nan]),
        "scalar": np.float32(0.1),
        "data": Pair((1, shared), Pair(None, b"")),
    }
    path = tmp_path / "state"
    write_state(path, {"kind": "of test"}, tree)
    file = StateFile(path, "state")
    found = file.tree((Pair,))
    assert file.head == {"kind": "of test"}
    assert found["plain"] == tree["plain"]
    assert found["pairs"] == tree["pairs"]
    for one, other in zip(found["arrays"], [shared, shared, shared.T, words], strict=False):
        assert (one.dtype, one.tolist()) == (other.dtype, other.tolist())
        assert one.flags.writeable
    assert found["arrays"][0] is found["arrays"][1] is found["data"].one[1]
    assert found["arrays"][4].shape == (0, 3)
    assert found["numbers"].tobytes() == tree["numbers"].tobytes()
    assert (found["scalar"], type(found["scalar"])) == (np.float32(0.1), np.float32)
    assert (found["data"].one[0], found["data"].two) == (1, Pair(None, b""))


def test_one_changed_byte_is_found_wherever_it_is(tmp_path: Path) -> None:
    path, plane = tmp_path / "state", np.arange(100, dtype=np.uint8)
    write_state(path, {"a": 1}, {"plane": plane, "b": 2})
    whole = path.read_bytes()
    refused = 0
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        try:
            file = StateFile(path, "state")
            tree = file.tree()
        except InputError:
            refused += 1
            continue  # else it was what says when a member was written, and the like
        assert (file.head, tree["b"], tree["plane"].tolist()) == ({"a": 1}, 2, plane.tolist())
    assert refused > len(whole) / 7 / 2


def test_what_is_something_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "state"
    for content in (b"", b"text", b"PK\3\4"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="state: is no state, or only a part of one"):
            StateFile(path, "state")
    with path.open("wb") as stream:
        np.savez(stream, weights=np.zeros(3))
    with pytest.raises(InputError, match=r"state: is no state$"):
        StateFile(path, "state")
    pickled = np.array([{}], object)
    with path.open("wb") as stream:
        np.savez(stream, head=pickled, tree=pickled, allow_pickle=True)
    with pytest.raises(InputError, match=r"state: is damaged \(.*pickle.*delete it"):
        StateFile(path, "state")
    with pytest.raises(InputError, match="is no state"):
        StateFile(tmp_path, "state")


def test_what_no_state_can_hold_and_nowhere_to_write(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no state can hold a set"):
        write_state(tmp_path / "state", {}, [set()])
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="cannot be written"):
        write_state(tmp_path / "file" / "state", {}, None)
