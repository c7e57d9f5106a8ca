"""Models that are refused before an engine sees them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import vader_rt.models
from tests.vader_rt.engines.made import CONTRACT, model, written
from vader_rt.engines.load import load_engine
from vader_rt.engines.onnx_file import read_onnx
from vader_rt.errors import InputError
from vader_rt.io.files import file_sha256
from vader_rt.models import DEFAULT_JUDGE, PERSON_MODEL, SELFIE_MODEL, SHIPPED, SUMS, shipped_sums


def changed(**entries: object) -> str:
    return json.dumps({**json.loads(CONTRACT.to_json()), **entries})


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_engine(path, "onnx-cpu")
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


@pytest.mark.parametrize(
    ("contract", "words"),
    [
        (changed(kind=[]), r"is a \[\] model"),
        (changed(kind={"a": 1}), "model, which is unknown here"),
        (changed(size_wh=[32, 16, 1]), "has 3 numbers, not 2"),
        (changed(size_wh=[10**9, 10**9]), "'size_wh'"),
        (changed(size_wh=[8000, 8000]), "over 8,294,400 pixels"),
        (changed(size_wh=[-32, 16]), "'size_wh'"),
        (changed(size_wh=[32.5, 16]), "'size_wh'"),
        (changed(size_wh=[True, True]), "'size_wh'"),
        (changed(matte_trust=float("nan")), "NaN is no number"),
        (changed(confidence=[10.0**300] * 7), "'confidence'"),
        (changed(confidence=["1"] * 7), "'confidence'"),
        (changed(confidence=[1] * 6), "'confidence' has 6 numbers, not 7"),
        (changed(inputs=["frame", []]), "'inputs'"),
        (changed(inputs=["frame"] * 5000), "'inputs'"),
        (changed(inputs=["frame", "frame"]), "repeats itself"),
        (changed(inputs=[]), "empty"),
        (changed(outputs=["a\nb"]), r"'outputs' is \['a\\nb'\]"),
        (changed(outputs=["a b"]), "gives 'a b', which is unknown"),
        (changed(precision=["fp32"]), "'precision'"),
        (changed(training=["x"]), "'training'"),
        (changed(training="\ud800"), "'training'"),
        (changed(source_sha256="../x"), "SHA-256"),
        (changed(format=True), "format True"),
        ("[" * 50_000, "too deep"),
        ("9" * 5_000, "not JSON"),
        ("7", "format None"),
    ],
)
def test_contracts_that_make_no_sense(tmp_path: Path, contract: str, words: str) -> None:
    refused(written(model(contract=contract), tmp_path / "m.onnx"), words)


@pytest.mark.parametrize(
    "made",
    [
        model(shape=(1, 1, 16, 33)),
        model(shape=(1, 3, 16, 32)),
        model(shape=(1, 16, 32)),
        model(helper.make_node("Cast", ["mean"], ["similarity"], to=TensorProto.FLOAT16),
              kind=TensorProto.FLOAT16),
    ],
    ids=["size", "planes", "rank", "type"],
)  # fmt: skip
def test_outputs_are_as_in_the_contract(made: onnx.ModelProto, tmp_path: Path) -> None:
    refused(written(made, tmp_path / "m.onnx"), "not those of its contract")


def _outside(tensor: onnx.TensorProto, place: str) -> onnx.TensorProto:
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    tensor.ClearField("raw_data")
    return tensor


@pytest.mark.parametrize("place", ["/etc/hostname", "../secret.bin", "beside.bin"])
@pytest.mark.parametrize("where", ["initializer", "attribute", "sparse", "subgraph", "function"])
def test_no_weights_of_other_files_are_read(tmp_path: Path, where: str, place: str) -> None:
    """Wherever a model can name one, and whatever the ONNX Runtime."""
    (tmp_path / "beside.bin").write_bytes(bytes(4))
    tensor = _outside(numpy_helper.from_array(np.zeros(1, np.float32), "w"), place)
    made = model()
    if where == "initializer":
        made.graph.initializer.append(tensor)
    elif where == "attribute":
        made.graph.node.append(helper.make_node("Constant", [], ["w"], value=tensor))
    elif where == "sparse":
        indices = numpy_helper.from_array(np.zeros(1, np.int64), "at")
        made.graph.sparse_initializer.append(helper.make_sparse_tensor(tensor, indices, [9]))
    elif where == "subgraph":
        inner = helper.make_graph(
            [helper.make_node("Identity", ["w"], ["z"])], "g", [], [], [tensor]
        )
        made.graph.node.append(
            helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner)
        )
    else:
        node = helper.make_node("Constant", [], ["w"], value=tensor)
        made.functions.append(
            helper.make_function("own", "F", [], ["w"], [node], [helper.make_opsetid("", 17)])
        )
    refused(written(made, tmp_path / "m.onnx"), "keeps its weights in another file")


def test_a_loop_is_refused(tmp_path: Path) -> None:
    """It may depend on the frames how long it takes."""
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", [a], [b]) for a, b in (("c", "c2"), ("x", "x2"))],
        "body",
        [info("i", 7, []), info("c", 9, []), info("x", 1, None)],
        [info("c2", 9, []), info("x2", 1, None)],
    )
    loop = helper.make_node("Loop", ["n", "", "mean"], ["similarity"], body=body)
    made = model(loop, constants={"n": np.array(2**62)})
    refused(written(made, tmp_path / "m.onnx"), "operator Loop, which may never end")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95pickle",
        b"PK\x03\x04" + bytes(40),
        b"\x00\x00\x00\x00ORTM" + bytes(40),
        b"\x08\x08" * 3,
        b"\xff" * 64,
    ],
    ids=["empty", "pickle", "zip", "ort", "no graph", "noise"],
)
def test_other_formats_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    refused(path, "no ONNX model")


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    data = written(model(), tmp_path / "m.onnx").read_bytes()
    for name in (b"similarity", b"Sigmoid", b"vader_rt"):
        damaged = data.replace(name, b"\xff" * len(name))
        (tmp_path / "m.onnx").write_bytes(damaged)
        refused(tmp_path / "m.onnx", "m.onnx: ")


def test_shipped_models_are_those_of_their_digests() -> None:
    models = (*SHIPPED, SELFIE_MODEL, PERSON_MODEL)
    assert shipped_sums() == {path.name: file_sha256(path) for path in models}
    assert all(read_onnx(path).shipped for path in models)
    assert SUMS.read_text().count("\n") == len(models)


def test_a_damaged_installation_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(shutil.copy(DEFAULT_JUDGE, tmp_path))
    assert read_onnx(path).shipped, "a copy is as good"
    monkeypatch.setattr(vader_rt.models, "_FOLDER", tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refused(path, "the installation is damaged, install")
