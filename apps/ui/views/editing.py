"""What the editor of a definition is given, whatever its kind."""

from __future__ import annotations

from itertools import count
from typing import Any

from apps.auth.access import allowed
from apps.auth.models import User
from apps.validation.definitions.models import SEMVER, Definition
from apps.validation.definitions.services import DefinitionKind
from apps.validation.schemas import registry


def editor(
    kind: DefinitionKind[Any], user: User, document: dict[str, Any], revision: int | None, *, address: str, page: str
) -> dict[str, Any]:
    """Props of the island `document`. ``revision``: of the draft that is changed; None for a new version."""
    order = list(registry.get(kind.name)["properties"])
    return {
        "address": address,
        "page": page,
        "idField": kind.id_field,
        # Members in the order of the language's reference; the store keeps none.
        "document": dict(sorted(document.items(), key=lambda item: order.index(item[0]))),
        "revision": revision,
        "mayPublish": allowed(user, f"publish:{kind.name}"),
    }


def to_edit(row: Definition, versions: list[dict[str, Any]]) -> tuple[dict[str, Any], int | None]:
    """A draft as it is; what can change no more under the next free minor version."""
    if row.status == Definition.Status.DRAFT:
        return row.document, row.revision
    taken = {each["version"] for each in versions}
    match = SEMVER.match(row.version)
    assert match is not None
    major, minor = int(match[1]), int(match[2])
    free = next(each for step in count(1) if (each := f"{major}.{minor + step}.0") not in taken)
    return {**row.document, "version": free}, None
