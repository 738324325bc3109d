"""Event triggers as people handle them: save, pause, resume, delete."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.validation.definitions.live import LiveKind
from apps.validation.problems import Conflict, NotFound, StaleVersion, Unprocessable
from apps.validation.schemas import check_document
from apps.validation.violations import Violation, has_errors
from apps.workflows.models import Trigger
from apps.workflows.selectors import triggers as selectors

from . import trigger_rows
from .schedule_rows import now

_RESERVED = ("test",)
_NOT_KEPT = ("kind", "id", "createdAt", "updatedAt")


@transaction.atomic
def save(
    *, actor: User, document: dict[str, Any], key: str | None = None, if_match: int | None = None
) -> tuple[Trigger, bool]:
    """Create a trigger or replace it; in force at once. What it does it does as ``actor``, with the rights they have then.

    Returns the row and whether it is new. Unprocessable with every problem; Conflict for a trigger that stands in a
    workflow's own document; StaleVersion.
    """
    require(actor, "design:trigger")
    if key is not None:
        document = {"triggerId": key} | document
    if violations := check_document("trigger", document):
        raise Unprocessable("The trigger does not fit its schema.", violations=violations)
    trigger_rows.require_rights(actor, document.get("triggerType", Trigger.Type.START))
    if key is not None and document["triggerId"] != key:
        raise Unprocessable(violations=[Violation("id-mismatch", f"The address says {key}.", "/triggerId")])
    found = selectors.problems(document)
    if document.get("triggerId") in _RESERVED:
        message = f"{document['triggerId']} stands for something else in addresses."
        found = [Violation("id-reserved", message, "/triggerId"), *found]
    if has_errors(found):
        raise Unprocessable("The trigger has errors.", violations=found)
    key = key or document.get("triggerId") or _free_key(document)
    document = {name: value for name, value in document.items() if name not in _NOT_KEPT} | {"triggerId": key}
    row = Trigger.objects.select_for_update().filter(key=key).first()
    if row is not None and row.inline:
        raise Conflict(f"{key} {_where(row)}; change it there.")
    if row is None and if_match is not None:
        raise StaleVersion(f"{key} does not exist, so nothing can match the If-Match header.")
    if row is not None and if_match is not None and row.revision != if_match:
        raise StaleVersion(f"{key} was changed by someone else; read it again before you save.")
    row, created = trigger_rows.put(row, actor, key, document, now())
    record_audit(
        actor=actor,
        action="trigger.save",
        resource="trigger",
        resource_id=key,
        details={"workflowId": row.workflow_id, "revision": row.revision, "enabled": row.enabled},
    )
    return row, created


def _where(row: Trigger) -> str:
    if row.webhook:
        return f"belongs to the webhook {row.webhook}"
    return f"stands in the document of the workflow {row.workflow_id}"


def _free_key(document: dict[str, Any]) -> str:
    verb = "cancel-" if document.get("triggerType") == Trigger.Type.CANCEL else ""
    base = f"{verb}{document['workflowId']}"[:240]
    taken = set(Trigger.objects.filter(key__startswith=base).values_list("key", flat=True))
    return next(name for name in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def _locked(key: str) -> Trigger:
    row = Trigger.objects.select_for_update().filter(key=key).first()
    if row is None:
        raise NotFound(f"There is no trigger {key}.")
    return row


@transaction.atomic
def pause(*, actor: User, key: str, reason: str = "") -> Trigger:
    """Let a trigger rest: events that come meanwhile pass it by, for good. Conflict when it rests already."""
    require(actor, "operate:trigger")
    row = _locked(key)
    if not row.enabled:
        raise Conflict(f"{key} is paused already.")
    trigger_rows.halt(row, now(), actor)
    return _stored(actor, row, "trigger.pause", reason)


@transaction.atomic
def resume(*, actor: User, key: str, reason: str = "") -> Trigger:
    """Let a paused trigger go on with the events that come from now on. Conflict when it is not paused."""
    require(actor, "operate:trigger")
    row = _locked(key)
    if row.enabled:
        raise Conflict(f"{key} is not paused.")
    row.enabled, row.paused_at, row.paused_by = True, None, ""
    row.document = {**row.document, "enabled": True}
    return _stored(actor, row, "trigger.resume", reason)


def _stored(actor: User, row: Trigger, action: str, reason: str) -> Trigger:
    row.revision += 1
    row.save()
    record_audit(actor=actor, action=action, resource="trigger", resource_id=row.key, details={"reason": reason})
    return row


@transaction.atomic
def delete(*, actor: User, key: str, if_match: int | None = None) -> None:
    """Take a trigger away; runs that it started stay."""
    require(actor, "design:trigger")
    row = _locked(key)
    if row.inline:
        raise Conflict(f"{key} {_where(row)}; take it out there.")
    if if_match is not None and row.revision != if_match:
        raise StaleVersion(f"{key} was changed by someone else; read it again before you delete it.")
    trigger_rows.remove([row.id])
    record_audit(actor=actor, action="trigger.delete", resource="trigger", resource_id=key, details=row.document)


def _apply(actor: User, document: dict[str, Any]) -> tuple[str, str]:
    wanted = {"enabled": True} | {name: value for name, value in document.items() if name not in _NOT_KEPT}
    for row in _alike(document):
        if row.document in (wanted, wanted | {"triggerId": row.key}):
            return row.key, "unchanged"
    row, created = save(actor=actor, document=document)
    return row.key, "created" if created else "changed"


def _alike(document: dict[str, Any]) -> QuerySet[Trigger]:
    """The one of that name; of a document without a name all that may say the same, so that applying it twice is once."""
    key = document.get("triggerId")
    if key:
        return Trigger.objects.filter(key=key)
    about = {"workflow_id": document.get("workflowId", ""), "event_pattern": document.get("eventPattern", "")}
    return Trigger.objects.filter(inline=False, **about)


TRIGGER = LiveKind("trigger", _apply, selectors.documents, selectors.dependents, order=60)
