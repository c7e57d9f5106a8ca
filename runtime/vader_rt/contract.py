"""The contract that a model file carries: what it wants, what it gives, where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal

from vader_rt.errors import InputError
from vader_rt.features.planes import INPUT_GROUPS

FORMAT = 1
Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
METADATA_KEY = "vader_rt"
SPANS = 6
"""Spans of time into which a call is divided; of each, its strongest sample is restored from."""
RESTORE_GROUPS: dict[str, int] = {
    "room": 3,  # the room by vote, RGB
    "virtual": 3,  # the virtual background, RGB
    "trace": 3,  # mean offset from the virtual background outside the person, RGB, 0.5 = none
    "leak": 1,  # the largest leak
    "evidence": 1,  # log2(1 + evidence) / 8
    "residual": 1,  # log2(1 + residual) / 8
    "occupancy": 1,  # share of the frames in which the pixel is not the virtual background
    "presence": 1,  # mean person mask of the re-run segmenter
    "hidden": 1,  # person mask up to which frames were needed for the virtual background
    "strength": 1,  # log2(1 + strength of the samples that were kept) / 4
    "agreement": 1,  # the share of that strength which agrees with the room by vote
    "samples": 3 * SPANS,  # the call in each span where it leaks most, RGB
    "sample_matte": SPANS,  # the matte there
    "sample_leak": SPANS,  # the leak there
}
"""Input groups of a restoration network by name, with their number of planes, in order."""
KNOWN_INPUTS = {"frame": INPUT_GROUPS, "restore": RESTORE_GROUPS}
OUTPUTS: dict[str, set[tuple[str, ...]]] = {
    "frame": {("matte", "leak"), ("similarity",)},
    "restore": {("room", "confidence")},
}
"""What models of each kind may give."""
CONFIDENCE_WEIGHTS = {"frame": 7, "restore": 6}
"""How many weights `vader_rt.room.confidence` needs for each kind."""
AS_THE_NETWORK_SAYS = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
"""Weights of a restoration model that nothing was fitted for."""


@dataclass(frozen=True)
class Contract:
    """Contract of one model, stored as JSON in the ONNX file's `metadata_props["vader_rt"]`.

    kind: `frame`, a network that is run on every frame, or `restore`, run once per call.
    inputs: input groups of `vader_rt.features.planes` or `vader_rt.room.restore`, in the order of the planes.
    size_wh: the planes' size. outputs: of a frame model `(matte, leak)`, which is un-mixed, or
    `(similarity,)`, whose best frame is copied; of a restoration model `(room, confidence)`.
    unmix_power, matte_trust: see `vader_rt.room.unmixing.Unmixer`.
    confidence: weights of the logistic regression of `vader_rt.room.confidence`: seven on the vote
    for a frame model, six on what the network says and the vote for a restoration model.
    training: what the model was trained on. checkpoint_sha256: the checkpoint it was exported from.
    precision: what the network computes in; its input and outputs are float32 in any case, and what
    of an int8 network bears no int8 computes in the type that stands in the file.
    source_sha256: the model that one of a lower precision was made from, "" for an fp32 model.
    """

    kind: Literal["frame", "restore"]
    inputs: tuple[str, ...]
    size_wh: tuple[int, int]
    outputs: tuple[str, ...]
    unmix_power: float | None = None
    matte_trust: float = 0.3
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

    def to_json(self) -> str:
        return json.dumps(asdict(self))

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
        known = {f.name for f in fields(cls)}
        try:
            contract = cls(**{k: v for k, v in values.items() if k in known})
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
