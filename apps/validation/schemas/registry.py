"""The schemas of the definition language, loaded once from `schemas/`.

A schema's id is its path there without `.json`: `workflow`, `common/step`. Their `$id` addresses are resolved in here
and never fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from referencing import Registry as References
from referencing import Resource
from referencing.jsonschema import DRAFT202012

from apps.validation.problems import NotFound

BASE = "https://augmented-os.dev/schemas/"
DIRECTORY = Path(__file__).resolve().parents[3] / "schemas"


class SchemaRegistry:
    """Read-only; loads on first use."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self.directory = directory

    @cached_property
    def _documents(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for path in sorted(self.directory.rglob("*.json")):
            schema_id = path.relative_to(self.directory).with_suffix("").as_posix()
            found[schema_id] = json.loads(path.read_bytes())
        return found

    @cached_property
    def references(self) -> References[Any]:
        """All documents by their `$id`, for validators."""
        resources = [
            (BASE + schema_id + ".json", Resource.from_contents(document, DRAFT202012))
            for schema_id, document in self._documents.items()
        ]
        return References().with_resources(resources).crawl()

    @property
    def kinds(self) -> list[str]:
        """The ids of whole documents, shared parts left out."""
        return [schema_id for schema_id in self._documents if "/" not in schema_id]

    def __contains__(self, schema_id: object) -> bool:
        return schema_id in self._documents

    def __iter__(self) -> Iterator[str]:
        return iter(self._documents)

    def get(self, schema_id: str) -> dict[str, Any]:
        """The schema as it stands in its file. Raises NotFound."""
        schema_id = schema_id.removeprefix(BASE).removesuffix(".json")
        if schema_id not in self._documents:
            raise NotFound(f"There is no schema {schema_id!r}.")
        return self._documents[schema_id]

    @cached_property
    def _addresses(self) -> dict[int, str]:
        """Which document each part of a schema stands in, by the part's identity."""
        return {id(part): document["$id"] for document in self._documents.values() for part in _parts(document)}

    def address_of(self, part: dict[str, Any]) -> str:
        """The address of the document that a part of a schema stands in; "" for a schema from elsewhere."""
        return self._addresses.get(id(part), "")

    def resolve(self, reference: str, base: str) -> tuple[Any, str]:
        """What a `$ref` found in the document `base` leads to, and the document it stands in."""
        found = self.references.resolver(base_uri=base).lookup(reference)
        return found.contents, found.resolver._base_uri

    def bundle(self, schema_id: str) -> dict[str, Any]:
        """The schema with every schema it refers to in its `$defs`, for readers without this registry."""
        root = self.get(schema_id)
        needed: dict[str, Any] = {}
        pending = [root]
        while pending:
            document = pending.pop()
            for reference in _references(document):
                address = self.resolve(reference, document["$id"])[1]
                if address not in needed and address != root["$id"]:
                    needed[address] = self.get(address)
                    pending.append(needed[address])
        if not needed:
            return root
        embedded = {address.removeprefix(BASE).removesuffix(".json"): doc for address, doc in sorted(needed.items())}
        return {**root, "$defs": {**root.get("$defs", {}), **embedded}}


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(item)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


registry = SchemaRegistry()
