"""Reads of this app."""

from __future__ import annotations

from apps.validation.schemas import registry


def schema_summaries() -> list[dict[str, str]]:
    """`{id, title, description}` of every schema: whole documents first, then shared parts."""
    ids = sorted(registry, key=lambda schema_id: ("/" in schema_id, schema_id))
    return [
        {"id": schema_id, "title": schema.get("title", ""), "description": schema.get("description", "")}
        for schema_id, schema in ((schema_id, registry.get(schema_id)) for schema_id in ids)
    ]
