"""The contract that a model file carries: what it wants, what it gives, where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from math import prod
from typing import Any, Literal

from vader_rt.entries import Entries, EntryError, parsed, shown
from vader_rt.errors import InputError

FORMAT = 1
Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
METADATA_KEY = "vader_rt"
TIME_BINS = 6
"""Parts of equal length into which a call is divided in time."""
INPUT_GROUPS: dict[str, int] = {
    "frame": 3,  # the call's frame, RGB
    "virtual": 3,  # the estimated virtual background, RGB
    "trace": 3,  # mean offset from the virtual background outside the person, RGB, 0.5 = none
    "occupancy": 1,  # share of the frames in which this pixel is not the virtual background
    "edge": 1,  # Canny
    "dog": 1,  # Difference of Gaussians
    "person": 1,  # person mask of the re-run segmenter
    "look": 3,  # the frame that leaks most in the first look, RGB; `virtual` where nothing leaked
    "look_leak": 1,  # the leak there
    "look_matte": 1,  # the matte there
    "look_residual": 1,  # log2(1 + residual) / 8: how far the samples lie off one line
    "presence": 1,  # mean person mask of the re-run segmenter
    "mode": 3,  # per-pixel temporal mode of the frames, RGB (the seed's optional input)
}
"""Input groups of a frame network by name, with their number of planes.

All planes are float32 in [0, 1]. `vader_rt.features.planes` makes them.
"""
PER_FRAME = frozenset({"frame", "edge", "dog", "person"})
"""Groups that change from frame to frame; the others hold for the whole call."""
RESTORE_GROUPS: dict[str, int] = {
    "room": 3,  # the room by vote, RGB
    "virtual": 3,  # the virtual background, RGB
    "trace": 3,  # as in `INPUT_GROUPS`
    "leak": 1,  # the largest leak
    "evidence": 1,  # log2(1 + evidence) / 8
    "residual": 1,  # log2(1 + residual) / 8
    "occupancy": 1,  # as in `INPUT_GROUPS`
    "presence": 1,  # as in `INPUT_GROUPS`
    "hidden": 1,  # person mask up to which frames were needed for the virtual background
    "strength": 1,  # log2(1 + strength of the samples that were kept) / 4
    "agreement": 1,  # inlier ratio: the share of that strength which agrees with the room by vote
    "samples": 3 * TIME_BINS,  # the frame of each time bin that leaks most, RGB
    "sample_matte": TIME_BINS,  # the matte there
    "sample_leak": TIME_BINS,  # the leak there
}
"""Input groups of a restoration network by name, with their number of planes, in order."""
JUDGE_GROUPS: dict[str, int] = {
    **RESTORE_GROUPS,
    "person": 1,  # mean person prior of the frames
    "person_seen": 1,  # the same, of every frame as much as its sample is strong
    "sample_person": TIME_BINS,  # the person prior in the frame of each time bin that leaks most
    "restored": 3,  # the restored room, RGB
    "sure": 1,  # how sure the restoration network is of it
}
"""Input groups of a judge by name, with their number of planes, in order."""
KNOWN_INPUTS = {"frame": INPUT_GROUPS, "restore": RESTORE_GROUPS, "judge": JUDGE_GROUPS}
OUTPUTS: dict[str, set[tuple[str, ...]]] = {
    "frame": {("matte", "leak"), ("similarity",)},
    "restore": {("room", "confidence")},
    "judge": {("confidence",)},
}
"""What models of each kind may give."""
CONFIDENCE_WEIGHTS = {"frame": 7, "restore": 6, "judge": 6}
"""How many weights `vader_rt.room.confidence` needs for each kind."""
_FILE_NAMES = {"matte_confidence": "matte_trust"}
"""Entries that are called otherwise in the files of models."""
_MOST_LENGTH, _MOST_AREA = 8192, 3840 * 2160
"""Pixels of a network's planes: along one side, and in all."""
_MOST_WEIGHT = 1e6
"""Weights of the confidence are of the order of 10."""
AS_THE_NETWORK_SAYS = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
"""Weights of a restoration model or judge that nothing was fitted for."""


@dataclass(frozen=True)
class Contract:
    """Contract of one model, stored as JSON in the ONNX file's `metadata_props["vader_rt"]`.

    kind: `frame`, a network that is run on every frame; `restore` and `judge` run once per call.
    inputs: names out of that kind's of `KNOWN_INPUTS`, in the order of the planes.
    size_wh: the planes' size. outputs: of a frame model `(matte, leak)`, which is un-mixed, or
    `(similarity,)`, whose best frame is copied; of a restoration model `(room, confidence)`; of a
    judge `(confidence,)`.
    matte_confidence: how far to believe a single matte, see `vader_rt.room.unmixing`.
    confidence: weights of the logistic regression of `vader_rt.room.confidence`: seven on the vote
    for a frame model, six on what the network says and the vote for the others.
    training: what the model was trained on. checkpoint_sha256: the checkpoint it was exported from.
    precision: what the network computes in; its input and outputs are float32 in any case, and what
    of an int8 network bears no int8 computes in the type that stands in the file.
    source_sha256: the model that one of a lower precision was made from, "" for an fp32 model.
    """

    kind: Literal["frame", "restore", "judge"]
    inputs: tuple[str, ...]
    size_wh: tuple[int, int]
    outputs: tuple[str, ...]
    matte_confidence: float = 0.3
    confidence: tuple[float, ...] = (0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0)
    training: str = ""
    checkpoint_sha256: str = ""
    precision: Precision = "fp32"
    source_sha256: str = ""
    format: int = FORMAT

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """(1, C, H, W) of the model's one input, `planes`."""
        width, height = self.size_wh
        groups = KNOWN_INPUTS[self.kind]
        return 1, sum(groups[group] for group in self.inputs), height, width

    @property
    def output_shapes(self) -> dict[str, tuple[int, int, int, int]]:
        """(1, K, H, W) of every output by name: a room has three planes, anything else one."""
        width, height = self.size_wh
        return {name: (1, 3 if name == "room" else 1, height, width) for name in self.outputs}

    @property
    def copies(self) -> bool:
        """Whether a frame model's pixels are copied as they are, as the seed's are."""
        return self.outputs == ("similarity",)

    def to_json(self) -> str:
        entries = {_FILE_NAMES.get(k, k): v for k, v in asdict(self).items()}
        return json.dumps(entries, allow_nan=False)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], name: str) -> Contract:
        """Read and check the contract in a model's metadata.

        Raises:
            InputError: there is none, or it asks for what this version does not know.
        """
        if METADATA_KEY not in metadata:
            raise InputError(
                f"{name}: carries no VADER-RT contract; export it with "
                "`python -m export.to_onnx CHECKPOINT`"
            )
        try:
            values = parsed(metadata[METADATA_KEY])
        except EntryError as error:
            raise InputError(f"{name}: its contract is {error}; export the model again") from None
        return cls.from_entries(values, name)

    @classmethod
    def from_entries(cls, values: object, name: str) -> Contract:
        """Check a contract that was read as JSON. name: of the file, for errors.

        Raises:
            InputError: it asks for what this version does not know, or is none.
        """
        found = values.get("format") if isinstance(values, dict) else None
        if isinstance(found, bool) or found != FORMAT:
            raise InputError(
                f"{name}: contract format {shown(found)} is unknown, this version reads {FORMAT}; "
                "export the model again or upgrade vader-rt"
            )
        try:
            return cls._checked(Entries(values), name)
        except EntryError as error:
            raise InputError(
                f"{name}: its contract lacks entries that fit: {error}; export the model again"
            ) from None

    @classmethod
    def _checked(cls, entries: Entries, name: str) -> Contract:
        kind = entries.any("kind")
        if not isinstance(kind, str) or kind not in KNOWN_INPUTS:
            raise InputError(f"{name}: is a {shown(kind)} model, which is unknown here")
        width, height = entries.whole_numbers("size_wh", 2, _MOST_LENGTH)
        contract = cls(
            kind=kind,  # type: ignore[arg-type]
            inputs=entries.texts("inputs", len(KNOWN_INPUTS[kind])),
            size_wh=(width, height),
            outputs=entries.texts("outputs", 2),
            matte_confidence=entries.number(
                _FILE_NAMES["matte_confidence"], 0, 1, cls.matte_confidence
            ),
            confidence=entries.numbers(
                "confidence", CONFIDENCE_WEIGHTS[kind], _MOST_WEIGHT, cls.confidence
            ),
            precision=entries.choice("precision", PRECISIONS, cls.precision),
            **_described(entries),
        )
        contract._refuse_unknown(name)
        return contract

    def _refuse_unknown(self, name: str) -> None:
        unknown = [group for group in self.inputs if group not in KNOWN_INPUTS[self.kind]]
        if unknown:
            raise InputError(f"{name}: wants the input {shown(unknown[0])}, which is unknown here")
        if not self.inputs or len(set(self.inputs)) < len(self.inputs):
            raise EntryError(f"'inputs' is {shown(self.inputs)}, which is empty or repeats itself")
        if self.outputs not in OUTPUTS[self.kind]:
            given = ", ".join(map(_word, self.outputs)) or "nothing"
            raise InputError(f"{name}: gives {given}, which is unknown here")
        if prod(self.size_wh) > _MOST_AREA:
            raise EntryError(f"'size_wh' is {self.size_wh}, which is over {_MOST_AREA:,} pixels")


def _described(entries: Entries) -> dict[str, Any]:
    """What says where a model comes from, and shapes no result."""
    return {
        "training": entries.text("training", ""),
        "checkpoint_sha256": entries.sha256("checkpoint_sha256", ""),
        "source_sha256": entries.sha256("source_sha256", ""),
    }


def _word(text: str) -> str:
    """A word as it is, or quoted where that would not be one."""
    return text if text.isidentifier() and len(text) < 30 else shown(text)


def plane_count(groups: Sequence[str]) -> int:
    """Number of planes of a frame network's input groups together."""
    return sum(INPUT_GROUPS[group] for group in groups)


def group_slices(groups: Sequence[str]) -> dict[str, slice]:
    """Where the planes of each input group of a frame network are, one after the other."""
    return plane_slices({group: INPUT_GROUPS[group] for group in groups})


def plane_slices(sizes: Mapping[str, int]) -> dict[str, slice]:
    """Where the planes of each group are, one after the other; sizes: how many each has."""
    ends = accumulate(sizes.values())
    return {group: slice(end - sizes[group], end) for group, end in zip(sizes, ends, strict=True)}
