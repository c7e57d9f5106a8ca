"""A result as its files have it, read with care: others may have written them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vader_rt.entries import EntryError, json_object
from vader_rt.errors import InputError, reading
from vader_rt.io.files import read_bytes
from vader_rt.origins.file import PROVENANCE_FILE
from vader_rt.pipeline.checked import check_report
from vader_rt.pipeline.save import REPORT_FILE, RESULT_FILES

_MADE_BY = "is not what this version of vader-rt writes"


@dataclass(frozen=True)
class Saved:
    """A result. files: their content by name. said: result.json. provenance: provenance.json, None
    if there is none. altered: files that are not those that result.json has the digests of.
    """

    files: Mapping[str, bytes]
    said: Mapping[str, Any]
    provenance: Mapping[str, Any] | None
    altered: tuple[str, ...]

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Saved:
        """The result that some files are.

        Raises:
            InputError: one is missing, or is not what we write.
        """
        said = _parsed(files[REPORT_FILE], REPORT_FILE)
        digests = said.get("outputs")
        if said.get("schema_version") != 1 or not isinstance(digests, dict):
            raise InputError(f"{REPORT_FILE}: {_MADE_BY}; recover the room anew")
        try:
            check_report(said)
        except EntryError as error:
            raise InputError(
                f"{REPORT_FILE}: is damaged ({error}); recover the room anew"
            ) from None
        provenance = files.get(PROVENANCE_FILE)
        return cls(
            files,
            said,
            None if provenance is None else _parsed(provenance, PROVENANCE_FILE),
            tuple(
                name
                for name, data in files.items()
                if name != REPORT_FILE and hashlib.sha256(data).hexdigest() != digests.get(name)
            ),
        )

    @classmethod
    def in_folder(cls, folder: Path) -> Saved:
        """The result in a folder.

        Raises:
            InputError: there is none, or it cannot be read.
        """
        with reading(folder):
            if not (folder / REPORT_FILE).is_file():
                raise InputError(f"{folder}: holds no result.json; give the folder of a result")
        files = {}
        for name in RESULT_FILES:
            if name != PROVENANCE_FILE or (folder / name).exists():
                files[name] = read_bytes(folder / name, "a result with all of its files")
        return cls.of(files)

    def picture(self, entry: str) -> tuple[int, bytes] | None:
        """A frame that provenance.json has a picture of, with its number."""
        picture = self.provenance and self.provenance[entry]
        return (picture["frame"], base64.b64decode(picture["jpeg"])) if picture else None

    @property
    def thumbnails(self) -> dict[int, bytes]:
        """The small pictures of frames, by the frame's number."""
        found = self.provenance["thumbnails"] if self.provenance else {}
        return {int(index): base64.b64decode(text) for index, text in found.items()}


def _parsed(data: bytes, name: str) -> dict[str, Any]:
    content = json_object(data)
    if content is None:
        raise InputError(f"{name}: {_MADE_BY}; recover the room anew")
    return content
