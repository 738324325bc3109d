"""What depends on a definition: which others name it, and how much is running on them."""

from __future__ import annotations

from typing import Any

from .kinds import known_kinds
from .live import live_kinds
from .models import Definition


def impact(kind: str, key: str) -> dict[str, Any]:
    """{definitions: [{kind, id, version, status, pointer, running}], running: {version: count}}.

    ``definitions``: of each definition that is in use, its newest version and its newest published one, where they name
    this one. ``running``: what is under way on the definition itself, by version.
    """
    kinds = known_kinds()
    dependents = [
        {
            "kind": other.name,
            "id": row.key,
            "version": row.version,
            "status": row.status,
            "pointer": reference.pointer,
            "running": other.running(row.key).get(row.version, 0),
        }
        for other in kinds.values()
        for row in _in_use(other, key)
        for reference in other.references(row.document)
        if (reference.kind, reference.key) == (kind, key)
    ]
    dependents += [row for other in live_kinds().values() for row in other.dependents(kind, key)]
    return {"definitions": dependents, "running": kinds[kind].running(key)}


def _in_use(kind: Any, mentioned: str) -> list[Definition]:
    """The newest and the newest published version of every definition of a kind whose text mentions a key."""
    found: list[Definition] = []
    last = newest_published = None
    # The text search only narrows down; whether the mention is a reference is for the kind to say.
    for row in kind.rows().live().newest_first().extra(where=["document::text LIKE %s"], params=[f'%"{mentioned}"%']):
        if row.key != last:
            last, newest_published = row.key, None
            found.append(row)
            if row.status == Definition.Status.PUBLISHED:
                newest_published = row
        elif newest_published is None and row.status == Definition.Status.PUBLISHED:
            newest_published = row
            found.append(row)
    return found
