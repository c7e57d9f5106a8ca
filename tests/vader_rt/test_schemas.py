"""The published schema holds for what is written."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import vader_rt
from tests.vader_rt.io.made import overwrite, packet_place
from train.calls import read_calls
from vader_rt.origins.file import no_provenance
from vader_rt.schemas import provenance_schema, result_schema


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = result_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator.check_schema(provenance_schema())
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema, format_checker=checker)


def written(folder: Path, source: object, **options: object) -> dict[str, object]:
    """Its result.json; that of its provenance.json is checked."""
    result = vader_rt.reconstruct(source, engine="onnx-cpu", **options)  # type: ignore[arg-type]
    saved = result.save(folder / "out")
    provenance = json.loads((saved / "provenance.json").read_text())
    jsonschema.Draft202012Validator(provenance_schema()).validate(provenance)
    assert provenance["places"] or not result.confidence.any()
    return json.loads((saved / "result.json").read_text())


def test_of_a_recording_with_truth(
    validator: jsonschema.Draft202012Validator,
    small_calls: Path,
    untrained: dict[str, Path],
    small_virtual: Path,
    tmp_path: Path,
) -> None:
    (call,) = read_calls(small_calls)
    report = written(
        tmp_path,
        call.video,
        model=untrained["frame"],
        restoration=untrained["restore"],
        virtual_background=small_virtual,
        truth=call.room,
        mask=call.mask,
        case="2026/7",
    )
    validator.validate(report)
    assert report["schema_version"] == 1
    assert report["case"] == "2026/7"
    assert report["options"]["truth"] == call.room.name  # type: ignore[index]


def test_of_a_damaged_one_whose_pixels_are_copied(
    validator: jsonschema.Draft202012Validator,
    clip: Path,
    tiny_models: dict[str, Path],
    tmp_path: Path,
) -> None:
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(clip.read_bytes())
    overwrite(damaged, packet_place(damaged, 9)[0] + 8, bytes(40))
    report = written(tmp_path, damaged, model=tiny_models["copies"])
    validator.validate(report)
    assert report["input"]["damaged"]  # type: ignore[index]


def test_of_frames_from_memory(
    validator: jsonschema.Draft202012Validator, tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    frames = [np.full((90, 160, 3), 90, np.uint8)] * 3
    validator.validate(written(tmp_path, frames, model=tiny_models["frame"], restore=False))


def test_what_is_not_in_it_is_an_error(validator: jsonschema.Draft202012Validator) -> None:
    assert not validator.is_valid({"schema_version": 1, "more": 2})


def test_of_a_room_that_nobody_knows_the_origin_of() -> None:
    jsonschema.Draft202012Validator(provenance_schema()).validate(json.loads(no_provenance()))
