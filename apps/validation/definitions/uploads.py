"""Bundles as they are sent: JSON, or a zip of JSON files. Nothing is unpacked to a disk, and names stay mere names."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

from apps.validation.problems import BadInput, PayloadTooLarge, Problem, Unprocessable
from apps.validation.strict_json import loads
from apps.validation.violations import Violation, pointer_to

from .conversion import Source

MOST_DOCUMENTS = 200


def from_json(data: Any) -> list[Source]:
    """One document, a list of them, or `{"files": [{"name", "text"}]}` with texts as they stand in files."""
    if isinstance(data, dict) and set(data) == {"files"}:
        return _limited([source for index, each in enumerate(_files(data["files"])) for source in _file(each, index)])
    documents = data if isinstance(data, list) else [data]
    if not documents:
        raise Unprocessable(
            violations=[Violation("empty", "The bundle is empty.", "", hint="Send at least one definition.")]
        )
    names = [f"document {index + 1}" for index in range(len(documents))] if isinstance(data, list) else ["document"]
    return _limited([Source(name, each) for name, each in zip(names, documents, strict=True)])


def _files(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Unprocessable(violations=[Violation("type", "`files` is a list of {name, text}.", "/files")])
    return value


def _file(value: Any, index: int) -> list[Source]:
    fits = (
        isinstance(value, dict) and set(value) == {"name", "text"} and all(isinstance(v, str) for v in value.values())
    )
    if not fits:
        violation = Violation("type", "A file has a `name` and a `text`, both texts.", pointer_to("files", index))
        raise Unprocessable(violations=[violation])
    return _read(value["name"][:255], value["text"])


def from_zip(raw: bytes, *, limit: int) -> list[Source]:
    """The documents of every .json file in a zip. `limit`: bytes that all of them may have, whatever the zip says.

    Raises BadInput for what is no zip, PayloadTooLarge for one that grows beyond the limit.
    """
    found: list[Source] = []
    left = limit
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for entry in archive.infolist():
                if entry.is_dir() or not entry.filename.endswith(".json"):
                    continue
                with archive.open(entry) as file:
                    content = file.read(left + 1)
                if len(content) > left:
                    raise PayloadTooLarge(f"The files of the zip have more than {limit} bytes.")
                left -= len(content)
                found += _read(entry.filename[:255], content)
                _limited(found)
    # What a zip made by hand can raise; NotImplementedError and RuntimeError: unknown compression, encryption.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise BadInput(f"This zip cannot be read: {error}", code="bad-zip") from error
    if not found:
        raise BadInput("The zip holds no .json file.", code="bad-zip")
    return found


def _read(name: str, raw: bytes | str) -> list[Source]:
    try:
        content = loads(raw)
    except Problem as error:
        return [Source(name, None, tuple(error.violations))]
    documents = content if isinstance(content, list) else [content]
    several = len(documents) > 1
    return [Source(f"{name} [{index + 1}]" if several else name, each) for index, each in enumerate(documents)]


def _limited(sources: list[Source]) -> list[Source]:
    if len(sources) > MOST_DOCUMENTS:
        raise PayloadTooLarge(f"At most {MOST_DOCUMENTS} documents at once.")
    return sources
