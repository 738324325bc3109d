"""The versions of a definition, for lists."""

from __future__ import annotations

from typing import Any

from .services import DefinitionKind


def version_rows(kind: DefinitionKind[Any], key: str) -> list[dict[str, Any]]:
    """Every version of a definition, the newest first."""
    rows = kind.model.objects.filter(key=key).newest_first().select_related("published_by")
    return [
        {
            "version": row.version,
            "status": row.status,
            "updatedAt": row.updated_at,
            "publishedAt": row.published_at,
            "publishedBy": row.published_by.username if row.published_by else None,
            "violations": len(row.violations),
        }
        for row in rows
    ]
