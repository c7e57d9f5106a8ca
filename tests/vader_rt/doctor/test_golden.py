"""Golden vectors: those of the package belong to its models, and damage is told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vader_rt.doctor.engine_tests import golden_difference
from vader_rt.doctor.golden import OUTPUTS_STRIDE, GoldenModel, kept, read_golden
from vader_rt.engines.load import load_engine
from vader_rt.errors import InputError
from vader_rt.io.files import file_sha256
from vader_rt.models import DEFAULT_MODEL, DEFAULT_RESTORATION, GOLDEN


@pytest.mark.parametrize("model", [DEFAULT_MODEL, DEFAULT_RESTORATION], ids=lambda p: p.stem)
def test_the_shipped_models_give_theirs(model: Path) -> None:
    """After a model was exchanged: python -m export.golden."""
    assert read_golden().of(file_sha256(model)) is not None
    engine = load_engine(model, "onnx-cpu")
    found = golden_difference(engine, model, read_golden())
    assert found.holds
    # sums in another order leave no more than this
    assert found.largest <= found.largest_allowed == 1e-3


def test_they_are_small() -> None:
    assert GOLDEN.stat().st_size < 1_000_000


def test_the_input_is_the_stored_planes_enlarged() -> None:
    planes = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    tensor = GoldenModel("", planes, {}).tensor((1, 2, 9, 8))
    assert (tensor.shape, tensor.dtype) == ((1, 2, 9, 8), np.float32)
    expected = planes.repeat(3, axis=1).repeat(2, axis=2) * np.float32(1 / 255)
    assert (tensor[0] == expected).all()
    with pytest.raises(InputError, match="has 2 planes, the model wants 5"):
        GoldenModel("", planes, {}).tensor((1, 5, 9, 8))


def test_differences_are_seen() -> None:
    output = np.random.default_rng(0).random((32, 48), np.float32)
    model = GoldenModel("", np.zeros((1, 8, 12), np.uint8), {"leak": kept(output)})
    assert model.difference(["leak"], [output]) == (0, 0)
    output[OUTPUTS_STRIDE, OUTPUTS_STRIDE] += 0.25
    assert model.difference(["leak"], [output]) == pytest.approx((0.25, 0.25 / 24))
    output[0, 0] = np.nan
    assert np.isnan(model.difference(["leak"], [output])).all()
    with pytest.raises(InputError, match="another size"):
        model.difference(["leak"], [output[:16]])


def test_they_survive_their_file(tmp_path: Path) -> None:
    golden = read_golden()
    golden.write(tmp_path / "golden.npz")
    again = read_golden(tmp_path / "golden.npz")
    assert (again.features.frame == golden.features.frame).all()
    assert again.models.keys() == golden.models.keys()
    assert again.models["leaknet"].sha256 == golden.models["leaknet"].sha256
    assert (
        again.models["leaknet"].outputs["leak"] == golden.models["leaknet"].outputs["leak"]
    ).all()
    assert [p.name for p in tmp_path.iterdir()] == ["golden.npz"]


@pytest.mark.parametrize("damage", ["missing", "text", "truncated", "entries"])
def test_damaged_files(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "golden.npz"
    if damage == "text":
        path.write_text("nothing")
    elif damage == "truncated":
        shutil.copy(GOLDEN, path)
        path.write_bytes(path.read_bytes()[:100_000])
    elif damage == "entries":
        np.savez(path, frame=np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match=r"golden\.npz: (is damaged|does not exist)") as caught:
        read_golden(path)
    assert "\n" not in str(caught.value)


def test_another_model_has_none(untrained: dict[str, Path]) -> None:
    engine = load_engine(untrained["frame"], "onnx-cpu")
    with pytest.raises(InputError, match="no golden outputs of this model"):
        golden_difference(engine, untrained["frame"], read_golden())
    copy = replace(engine.contract, source_sha256="0" * 64)
    engine.contract = copy
    with pytest.raises(InputError, match="no golden outputs of this model"):
        golden_difference(engine, untrained["frame"], read_golden())
