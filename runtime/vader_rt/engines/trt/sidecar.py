"""Engine files of TensorRT: each has a JSON sidecar that says what it is and where it runs.

An engine runs only on the kind of GPU and the version of TensorRT that it was built with, and
TensorRT finds out late and in its own words. The sidecar is therefore checked before the engine is
deserialised. Engines that `vader-rt` builds by itself are kept in a cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from vader_rt.contract import Contract
from vader_rt.entries import MOST_CHARACTERS, Entries, EntryError, parsed
from vader_rt.errors import EngineError, InputError, UsageError, reading, writing
from vader_rt.io.files import file_sha256, write_bytes

FORMAT = 1
ENGINE_SUFFIX = ".engine"
_MOST_CAPABILITIES = 100
CACHE_VARIABLE = "VADER_RT_CACHE"
_ADVICE = f"set {CACHE_VARIABLE} to a folder that can"
Flavour = Literal["tensorrt", "rtx"]
FLAVOURS: tuple[Flavour, ...] = ("tensorrt", "rtx")
FLAVOUR_NAMES: dict[Flavour, str] = {"tensorrt": "TensorRT", "rtx": "TensorRT-RTX"}


@dataclass(frozen=True)
class Platform:
    """What an engine is bound to.

    flavour, tensorrt_version: the library that built it. gpu: the name of the GPU that it was built
    on, None for TensorRT-RTX, which compiles for the GPU when it loads. compute_capabilities: for
    example `("sm_87",)`; empty for a TensorRT-RTX engine that is for all that it knows.
    """

    flavour: Flavour
    tensorrt_version: str
    gpu: str | None = None
    compute_capabilities: tuple[str, ...] = ()

    def difference(self, here: Platform) -> str | None:
        """Why an engine for this platform does not run `here`, or None if it does."""
        ours, theirs = (
            f"{FLAVOUR_NAMES[p.flavour]} {p.tensorrt_version}" for p in (self, here)
        )  # fmt: skip
        if ours != theirs:
            return f"it was built with {ours}, here is {theirs}"
        for capability in here.compute_capabilities:
            if self.compute_capabilities and capability not in self.compute_capabilities:
                wanted = ", ".join(self.compute_capabilities)
                return f"it was built for {wanted}, this GPU is {capability}"
        if self.gpu is not None and self.gpu != here.gpu:
            return f"it was built on {self.gpu}, this GPU is {here.gpu}"
        return None


@dataclass(frozen=True)
class Sidecar:
    """The sidecar of an engine, `ENGINE.json`.

    contract: that of the model. onnx, onnx_sha256: name and digest of the model that it is built
    from. platform: what it is bound to, and engine_sha256: its digest; both None while it is not
    built: the sidecar then says what to build.
    """

    contract: Contract
    onnx: str
    onnx_sha256: str
    platform: Platform | None = None
    engine_sha256: str | None = None

    @classmethod
    def of(cls, model: Path, contract: Contract) -> Sidecar:
        """That of an engine that is yet to be built from an ONNX model."""
        return cls(contract, model.name, file_sha256(model))

    def to_json(self) -> str:
        entries = {
            "format": FORMAT,
            "precision": self.contract.precision,
            "onnx": self.onnx,
            "onnx_sha256": self.onnx_sha256,
            "platform": None if self.platform is None else asdict(self.platform),
            "engine_sha256": self.engine_sha256,
            "contract": json.loads(self.contract.to_json()),
        }
        return json.dumps(entries, indent=2, allow_nan=False) + "\n"

    def write(self, engine: Path, data: bytes | None = None) -> Sidecar:
        """Write the sidecar and, given its bytes, the engine; readers never see half a file.

        The sidecar comes last: if the work is cut off in between, the digest tells.
        """
        sidecar = self
        if data is not None:
            sidecar = replace(self, engine_sha256=hashlib.sha256(data).hexdigest())
            write_in_cache(engine, data)
        write_in_cache(sidecar_path(engine), sidecar.to_json().encode())
        return sidecar

    def check(self, engine: Path, here: Platform, onnx_sha256: str | None = None) -> None:
        """Refuse an engine that does not run here, is damaged, or is of another model.

        Raises:
            EngineError: why not, and the command that builds it again.
        """
        reason = self._mismatch(engine, here, onnx_sha256)
        if reason is not None:
            raise EngineError(f"{engine}: {reason}; {self.advice(engine, here.flavour)}")

    def advice(self, engine: Path, flavour: Flavour) -> str:
        """What to do about an engine that does not run: the command that builds it again."""
        return f"build it again: {build_command(engine.with_name(self.onnx), engine, flavour)}"

    def _mismatch(self, engine: Path, here: Platform, onnx_sha256: str | None) -> str | None:
        if self.platform is None or not engine.is_file():
            return "it is not built yet"
        if onnx_sha256 is not None and onnx_sha256 != self.onnx_sha256:
            return f"it was built from another {self.onnx}"
        difference = self.platform.difference(here)
        if difference is None and file_sha256(engine) != self.engine_sha256:
            return "it is damaged or does not belong to its sidecar"
        return difference


def build_command(model: str | Path, engine: str | Path, flavour: Flavour = "tensorrt") -> str:
    """The command that builds an engine on the machine that is to run it."""
    command = ["python", "-m", "vader_rt.build", str(model), "-o", str(engine)]
    return shlex.join(command if flavour == "tensorrt" else [*command, "--flavour", flavour])


def sidecar_path(engine: Path) -> Path:
    """The sidecar of an engine."""
    return engine.with_name(engine.name + ".json")


def engine_beside(model: Path) -> Path:
    """Where the engine of an ONNX model lies if it lies beside it."""
    return model.with_name(model.name.removesuffix(".onnx") + ENGINE_SUFFIX)


def read_sidecar(engine: Path) -> Sidecar:
    """Read the sidecar of an engine.

    Raises:
        InputError: the sidecar is missing or says nothing we know.
    """
    path = sidecar_path(engine)
    if not path.is_file():
        raise InputError(f"{path}: does not exist; it is written beside an engine, build it again")
    try:
        with reading(path), path.open(encoding="utf-8") as file:
            text = file.read(MOST_CHARACTERS + 1)
    except ValueError:
        text = ""  # not UTF-8, so no JSON either
    try:
        return _sidecar(Entries(parsed(text)), str(path))
    except EntryError as error:
        raise InputError(
            f"{path}: is not the sidecar of an engine, or of an unknown version: {error}; "
            "build it again"
        ) from None


def _sidecar(entries: Entries, name: str) -> Sidecar:
    found = entries.any("format")
    if isinstance(found, bool) or found != FORMAT:
        raise EntryError(f"its format is not {FORMAT}")
    platform = entries.any("platform")
    return Sidecar(
        contract=Contract.from_entries(entries.any("contract"), name),
        onnx=entries.file_name("onnx"),
        onnx_sha256=entries.sha256("onnx_sha256"),
        platform=None if platform is None else _platform(Entries(platform)),
        engine_sha256=entries.sha256("engine_sha256", None) if platform is not None else None,
    )


def _platform(entries: Entries) -> Platform:
    return Platform(
        flavour=entries.choice("flavour", FLAVOURS),
        tensorrt_version=entries.word("tensorrt_version"),
        gpu=None if entries.any("gpu") is None else entries.word("gpu"),
        compute_capabilities=entries.texts("compute_capabilities", _MOST_CAPABILITIES),
    )


def cache_folder() -> Path:
    """Where engines are kept: `VADER_RT_CACHE`, else `vader-rt` in the user's cache folder."""
    if CACHE_VARIABLE in os.environ:
        return Path(os.environ[CACHE_VARIABLE])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vader-rt"


def cached_engine(sidecar: Sidecar, here: Platform) -> Path:
    """Where the cache keeps the engine of a model for this platform."""
    precision = sidecar.contract.precision
    key = _digest([sidecar.onnx_sha256, precision, asdict(here)])
    name = sidecar.onnx.removesuffix(".onnx")
    return cache_folder() / f"{name}-{key}{ENGINE_SUFFIX}"


def timing_cache(here: Platform) -> Path:
    """Where TensorRT's timings on this platform are kept, so that it need not time them again."""
    return cache_folder() / f"timings-{_digest(asdict(here))}.cache"


def _digest(key: object) -> str:
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]


@contextmanager
def locked(engine: Path) -> Iterator[None]:
    """Keep other processes from building the same engine meanwhile; wait for one that does."""
    path = engine.with_name(engine.name + ".lock")
    with _in_cache(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_in_cache(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        EngineError: the folder cannot be written to.
    """
    with _in_cache(path):
        write_bytes(path, data)


@contextmanager
def _in_cache(path: Path) -> Iterator[None]:
    try:
        with writing(path):
            yield
    except UsageError as error:
        raise EngineError(f"{error}; {_ADVICE}") from None
