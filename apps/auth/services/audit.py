"""Writing the audit trail."""

from __future__ import annotations

from typing import Any

from apps.auth.models import AuditEntry, User


def record_audit(
    *,
    actor: User | None,
    action: str,
    resource: str,
    resource_id: str,
    details: dict[str, Any] | None = None,
    request_meta: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append one entry, in the caller's transaction: what is rolled back was not done and leaves no trace.

    ``actor`` None means the platform itself. ``action`` is ``noun.participle`` (``instance.cancelled``).
    ``details`` is JSON; dates, decimals and UUIDs in it become text. ``request_meta`` is ``origin.request_meta``.
    Never put a credential or personal data beyond names into ``details``: entries cannot be removed.
    """
    return AuditEntry.objects.create(
        actor_id=actor.pk if actor is not None else None,
        actor_name=actor.username if actor is not None else "",
        action=action,
        resource=resource,
        resource_id=str(resource_id)[:255],
        details=details or {},
        request_meta=request_meta or {},
    )
