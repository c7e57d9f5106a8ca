"""The contract that a model file carries: what it wants, what it gives, where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import accumulate
from typing import Literal

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
    def copies(self) -> bool:
        """Whether a frame model's pixels are copied as they are, as the seed's are."""
        return self.outputs == ("similarity",)

    def to_json(self) -> str:
        return json.dumps({_FILE_NAMES.get(k, k): v for k, v in asdict(self).items()})

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
            values = json.loads(metadata[METADATA_KEY])
        except json.JSONDecodeError:
            raise InputError(f"{name}: its contract is not JSON; export the model again") from None
        return cls._checked(values, name)

    @classmethod
    def _checked(cls, values: object, name: str) -> Contract:
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            found = values.get("format") if isinstance(values, dict) else None
            raise InputError(
                f"{name}: contract format {found!r} is unknown, this version reads {FORMAT}; "
                "export the model again or upgrade vader-rt"
            )
        known = {f.name: _FILE_NAMES.get(f.name, f.name) for f in fields(cls)}
        try:
            contract = cls(**{k: values[n] for k, n in known.items() if n in values})
            lists = {
                n: tuple(getattr(contract, n))
                for n in ("inputs", "size_wh", "outputs", "confidence")
            }
            contract = cls(**{**asdict(contract), **lists})
        except TypeError:
            raise InputError(
                f"{name}: its contract lacks entries; export the model again"
            ) from None
        contract._refuse_unknown(name)
        return contract

    def _refuse_unknown(self, name: str) -> None:
        if self.kind not in KNOWN_INPUTS:
            raise InputError(f"{name}: is a {self.kind!r} model, which is unknown here")
        unknown = [group for group in self.inputs if group not in KNOWN_INPUTS[self.kind]]
        if unknown:
            raise InputError(f"{name}: wants the input {unknown[0]!r}, which is unknown here")
        if self.outputs not in OUTPUTS[self.kind]:
            raise InputError(f"{name}: gives {', '.join(self.outputs)}, which is unknown here")
        if self.precision not in PRECISIONS:
            raise InputError(f"{name}: computes in {self.precision!r}, which is unknown here")
        if len(self.confidence) != CONFIDENCE_WEIGHTS[self.kind]:
            raise InputError(
                f"{name}: its confidence has {len(self.confidence)} weights, a {self.kind} model "
                f"needs {CONFIDENCE_WEIGHTS[self.kind]}; export it again"
            )


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
