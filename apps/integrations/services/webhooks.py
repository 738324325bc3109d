"""Webhooks as people handle them: save, pause, resume, delete, try out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events.services import NewEvent, accepting
from apps.integrations.models import Webhook
from apps.integrations.selectors import webhooks as selectors
from apps.integrations.webhooks import checks, contents, events, followers, verification
from apps.integrations.webhooks.delivery import SAID, Delivery, NotVerified, Reason
from apps.integrations.webhooks.naming import key_of
from apps.validation.definitions.live import LiveKind
from apps.validation.problems import Conflict, NotFound, Problem, StaleVersion, Unprocessable
from apps.validation.schemas import check_document
from apps.validation.violations import Violation, has_errors

from . import naming_secrets, webhook_rows
from .reception import keys_of, source_of

_NOT_KEPT = ("kind", "id", "createdAt", "updatedAt")


def problems(actor: User, document: dict[str, Any]) -> list[Violation]:
    """What is wrong with a webhook that fits its JSON Schema, with what it names. AccessDenied."""
    _, unknown = naming_secrets.named(actor, {"/auth/secretName": document["auth"].get("secretName")})
    return [*checks.check_webhook(document), *unknown, *followers.check(document, actor)]


def problems_with(document: dict[str, Any]) -> list[Violation]:
    """The same for one that stands in a workflow's document, without what an upper app says of it."""
    taken = webhook_rows.taken(document["path"], document["webhookId"])
    unknown = naming_secrets.unknown({"/auth/secretName": document["auth"].get("secretName")})
    return [*checks.check_webhook(document), *unknown, *taken]


@transaction.atomic
def save(
    *, actor: User, document: dict[str, Any], key: str | None = None, if_match: int | None = None
) -> tuple[Webhook, bool, list[Violation]]:
    """Create a webhook or replace it; in force at once. Its events are recorded as ``actor``, with the rights they have then.

    Returns the row, whether it is new, and warnings. Unprocessable with every problem; Conflict for a webhook that stands
    in a workflow's own document; StaleVersion.
    """
    require(actor, "design:webhook")
    require(actor, "record:event")
    if violations := check_document("webhook", document):
        raise Unprocessable("The webhook does not fit its schema.", violations=violations)
    if key is not None and document.get("webhookId", key) != key:
        raise Unprocessable(violations=[Violation("id-mismatch", f"The address says {key}.", "/webhookId")])
    found = problems(actor, document)
    if has_errors(found):
        raise Unprocessable("The webhook has errors.", violations=found)
    key = key or key_of(document)
    document = {name: value for name, value in document.items() if name not in _NOT_KEPT} | {"webhookId": key}
    row = Webhook.objects.select_for_update().filter(key=key).first()
    if row is not None and row.inline:
        raise Conflict(f"{key} stands in the document of the workflow {row.workflow_id}; change it there.")
    if row is None and if_match is not None:
        raise StaleVersion(f"{key} does not exist, so nothing can match the If-Match header.")
    if row is not None and if_match is not None and row.revision != if_match:
        raise StaleVersion(f"{key} was changed by someone else; read it again before you save.")
    row, created = webhook_rows.put(row, actor, key, document)
    details = {"path": row.path, "auth": document["auth"]["kind"], "revision": row.revision, "enabled": row.enabled}
    record_audit(actor=actor, action="webhook.save", resource="webhook", resource_id=key, details=details)
    return row, created, found


@transaction.atomic
def pause(*, actor: User, key: str, reason: str = "") -> Webhook:
    """Answer 404 at its address from now on. Conflict when it rests already."""
    return _switch(actor, key, reason, enabled=False)


@transaction.atomic
def resume(*, actor: User, key: str, reason: str = "") -> Webhook:
    """Take calls again. Conflict when it takes them already."""
    return _switch(actor, key, reason, enabled=True)


def _switch(actor: User, key: str, reason: str, *, enabled: bool) -> Webhook:
    require(actor, "operate:webhook")
    row = _locked(key)
    if row.enabled == enabled:
        raise Conflict(f"{key} is {'not ' if enabled else ''}paused{'' if enabled else ' already'}.")
    webhook_rows.switch(row, actor, enabled=enabled)
    action = "webhook.resume" if enabled else "webhook.pause"
    record_audit(actor=actor, action=action, resource="webhook", resource_id=key, details={"reason": reason})
    return row


@transaction.atomic
def delete(*, actor: User, key: str, if_match: int | None = None) -> None:
    """Take a webhook away with its log; events that it recorded stay."""
    require(actor, "design:webhook")
    row = _locked(key)
    if row.inline:
        raise Conflict(f"{key} stands in the document of the workflow {row.workflow_id}; take it out there.")
    if if_match is not None and row.revision != if_match:
        raise StaleVersion(f"{key} was changed by someone else; read it again before you delete it.")
    webhook_rows.remove([row.id])
    record_audit(actor=actor, action="webhook.delete", resource="webhook", resource_id=key, details=row.document)


def try_out(*, actor: User, key: str, headers: Mapping[str, str], body: Any = "") -> dict[str, Any]:
    """What would come of a call: {verified, reason, event, answer, violations}. Nothing is recorded.

    A ``body`` that is no text is sent as JSON. A call that is not verified is looked at all the same.
    """
    require(actor, "operate:webhook")
    row = selectors.find_webhook(actor, key)
    lowered = {name.lower(): value for name, value in headers.items()}
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else orjson.dumps(body)
    if "content-type" not in lowered and raw:
        lowered["content-type"] = "text/plain" if isinstance(body, str) else "application/json"
    delivery = Delivery(row.path, lowered, raw)
    found: dict[str, Any] = {"verified": True, "reason": None, "event": None, "answer": None, "violations": []}
    now = timezone.now()
    try:
        verification.verify(row.document["auth"], delivery, keys_of(row, note=False), now)
    except NotVerified as error:
        found |= {"verified": False, "reason": {"code": error.reason, "message": SAID[error.reason]}}
    try:
        taken = row.document.get("contentTypes")
        if taken and not contents.fits(delivery.content_type, taken):
            raise Problem(SAID[Reason.CONTENT_TYPE], code=str(Reason.CONTENT_TYPE))
        event = events.event_of(row.key, row.document, delivery, contents.read(delivery), now)
        checked, violations = accepting.check([event], actor=row.owner, source=source_of(row), single=True)
        if checked:
            found["event"] = _as_document(checked[0], now)
        found["answer"] = events.answer_of(row.document, event, row.key, now)
    except events.CannotMap as error:
        violations = [Violation("mapping", str(error), error.pointer)]
    except Problem as error:
        violations = error.violations or [Violation(error.code, error.detail)]
    return found | {"violations": [each.as_json() for each in violations]}


def _as_document(event: NewEvent, now: datetime) -> dict[str, Any]:
    moment = (event.timestamp or now).astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {
        "eventId": event.event_id,
        "pattern": event.pattern,
        "version": event.version,
        "source": event.source,
        "timestamp": moment,
        "payload": event.payload,
        "metadata": event.metadata,
    }


def _locked(key: str) -> Webhook:
    row = Webhook.objects.select_for_update().filter(key=key).first() if "\x00" not in key else None
    if row is None:
        raise NotFound(f"There is no webhook {key}.")
    return row


def _apply(actor: User, document: dict[str, Any]) -> tuple[str, str]:
    require(actor, "design:webhook")  # that it is here unchanged is not for everybody to know
    if violations := check_document("webhook", document):
        raise Unprocessable("The webhook does not fit its schema.", violations=violations)
    key = key_of(document)
    before = Webhook.objects.filter(key=key).first()
    wanted = {name: value for name, value in document.items() if name not in _NOT_KEPT} | {"webhookId": key}
    if before is not None and {"enabled": True, **wanted} == {"enabled": True, **before.document}:
        return key, "unchanged"
    row, created, _ = save(actor=actor, document=document)
    return row.key, "created" if created else "changed"


WEBHOOK = LiveKind("webhook", _apply, selectors.documents, selectors.dependents, order=60)
