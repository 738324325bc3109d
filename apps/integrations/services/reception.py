"""Taking a call: who sent it, what it says, the event, the answer.

1. Find the webhook by its path; an unknown path and one that is switched off look alike.
2. Verify the sender over the bytes as they came. Whoever fails learns nothing.
3. Read the body, compute the event.
4. In one transaction: note what was signed (again = a replay), record the event as the webhook's owner, log the call.

What is refused leaves a line in the webhook's log without anything that the sender wrote.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.auth import services as auth
from apps.auth.access import allowed
from apps.auth.models import Secret
from apps.events.services.accepting import accept
from apps.events.sql import run
from apps.integrations.models import Webhook, WebhookReception
from apps.integrations.webhooks import contents, events, verification
from apps.integrations.webhooks.delivery import SAID, Delivery, NotVerified, Reason
from apps.validation.problems import (
    NotFound,
    Problem,
    TooManyRequests,
    Unavailable,
    Unprocessable,
    UnsupportedContent,
)

MOST_RECEPTIONS = 1_000
"""Calls in the log of one webhook."""

_SIGNED_TIME_KEPT = timedelta(seconds=3 * verification.WINDOW_SECONDS)
"""What bears a signed time is refused by its age later on."""


class NotAccepted(Problem):
    """The sender is not who they should be. Says no more."""

    status: ClassVar[int] = 401
    title: ClassVar[str] = "Not accepted"
    default_code: ClassVar[str] = "not-accepted"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told."""

    status: int
    body: Any


class _Refused(Exception):
    """``problem`` is what the sender is told, the rest what the log says."""

    def __init__(self, reason: Reason, problem: Problem, message: str = "") -> None:
        self.reason, self.problem = reason, problem
        self.message = message or SAID[reason]
        super().__init__(self.message)


def receive(delivery: Delivery) -> Answer:
    """Take a call. NotFound, NotAccepted and the other problems of apps.validation.problems."""
    began = time.perf_counter()
    row = Webhook.objects.select_related("owner").filter(path=delivery.path, enabled=True).first()
    if row is None:
        raise NotFound("There is nothing at this address.")
    try:
        return _take(row, delivery, began)
    except _Refused as refusal:
        _log(
            row,
            delivery,
            began,
            outcome=WebhookReception.Outcome.REFUSED,
            status=refusal.problem.status,
            reason=refusal.reason,
            message=refusal.message[:1_000],
        )
        raise refusal.problem from refusal


def _take(row: Webhook, delivery: Delivery, began: float) -> Answer:
    now = timezone.now()
    needed = ["record:event", *(["use:secret"] if row.document["auth"].get("secretName") else [])]
    if not all(allowed(row.owner, each) for each in needed):
        raise _Refused(Reason.OWNER, Unavailable("This address takes no calls right now."))
    try:
        signed = verification.verify(row.document["auth"], delivery, keys_of(row), now)
    except NotVerified as error:
        headers = {"WWW-Authenticate": 'Basic realm="hooks"' if row.document["auth"]["kind"] == "basic" else "Webhook"}
        raise _Refused(error.reason, NotAccepted("The call was not accepted.", headers=headers)) from error
    event, answer = _event(row, delivery, now)
    with transaction.atomic():
        if signed is not None and not _is_new(row, signed, now):
            return _repeated(row, delivery, began, "")
        try:
            accepted = accept(actor=row.owner, documents=[event], source=source_of(row), single=True)
        except (TooManyRequests, Unavailable) as error:
            raise _Refused(Reason.QUEUE_FULL, error, error.detail) from error
        except Unprocessable as error:
            raise _Refused(Reason.EVENT, error, error.detail) from error
        if accepted.events[0][1]:
            return _repeated(row, delivery, began, event["eventId"])
        status = (row.document.get("respond") or {}).get("status", 202)
        _log(
            row,
            delivery,
            began,
            outcome=WebhookReception.Outcome.ACCEPTED,
            status=status,
            event_id=event["eventId"],
        )
    return Answer(status, answer)


def _event(row: Webhook, delivery: Delivery, now: datetime) -> tuple[dict[str, Any], Any]:
    taken = row.document.get("contentTypes")
    if taken and not contents.fits(delivery.content_type, taken):
        raise _Refused(Reason.CONTENT_TYPE, UnsupportedContent("This content type is not taken here."))
    try:
        event = events.event_of(row.key, row.document, delivery, contents.read(delivery), now)
        return event, events.answer_of(row.document, event, row.key, now)
    except events.CannotMap as error:
        # What the expressions are is nobody's business outside.
        problem = Unprocessable("The call does not say what it should.")
        raise _Refused(Reason.MAPPING, problem, f"{error.pointer}: {error}") from error
    except UnsupportedContent as error:
        raise _Refused(Reason.CONTENT_TYPE, error, error.detail) from error
    except Problem as error:
        raise _Refused(Reason.BODY, error, error.detail) from error


def _repeated(row: Webhook, delivery: Delivery, began: float, event_id: str) -> Answer:
    outcome = WebhookReception.Outcome.REPEATED
    _log(row, delivery, began, outcome=outcome, status=200, event_id=event_id)
    return Answer(200, {"status": "repeated"} | ({"eventId": event_id} if event_id else {}))


def keys_of(row: Webhook, *, note: bool = True) -> verification.Keys:
    """What the webhook's secret is now. NotVerified when it is gone: then nobody can prove anything."""
    name = row.document["auth"].get("secretName")
    if row.document["auth"]["kind"] == "none" or not name:
        return verification.Keys()
    secret = Secret.objects.filter(name=name).first()
    if secret is None:
        raise NotVerified(Reason.SECRET_MISSING)
    try:
        revealed = auth.open_secret(secret)
    except auth.SecretRefused as error:
        raise NotVerified(Reason.SECRET_MISSING) from error
    if note:
        auth.note_use(secret, f"webhook:{row.key}")
    return verification.Keys(revealed.values, revealed.keys())


def source_of(row: Webhook) -> dict[str, Any]:
    """Where the events of a webhook come from."""
    return {"type": "external", "id": row.key, "name": row.name}


def _is_new(row: Webhook, signed: str, now: datetime) -> bool:
    """Whether this was never signed before; somebody else who brings the same waits for this transaction's end."""
    fingerprint = hashlib.sha256(f"{row.id}:{signed}".encode()).hexdigest()
    timed = "timestamp" in verification.signed_content_of(row.document["auth"])
    kept = _SIGNED_TIME_KEPT if timed else timedelta(days=settings.AUGMENTED_KEEP_RECEPTIONS_DAYS)
    statement = "INSERT INTO integrations_webhookseen (fingerprint, until) VALUES (%s, %s) ON CONFLICT DO NOTHING"
    return run(statement, fingerprint, now + kept) == 1


def _log(row: Webhook, delivery: Delivery, began: float, **fields: Any) -> None:
    WebhookReception.objects.create(
        webhook=row,
        content_type=delivery.content_type[:100] if fields["outcome"] != WebhookReception.Outcome.REFUSED else "",
        size=len(delivery.body),
        address=delivery.address[:64],
        duration_ms=round((time.perf_counter() - began) * 1000, 1),
        **fields,
    )


_TRIM = """
DELETE FROM integrations_webhookreception r USING (
  SELECT w.id AS webhook_id, (
    SELECT id FROM integrations_webhookreception WHERE webhook_id = w.id ORDER BY id DESC OFFSET %s LIMIT 1
  ) AS last FROM integrations_webhook w
) old WHERE r.webhook_id = old.webhook_id AND r.id <= old.last
"""


def clear_away() -> dict[str, int]:
    """Delete what is too old in the logs, what is beyond the latest thousand of each, and signatures long over."""
    since = timezone.now() - timedelta(days=settings.AUGMENTED_KEEP_RECEPTIONS_DAYS)
    old, _ = WebhookReception.objects.filter(at__lt=since).delete()
    beyond = run(_TRIM, MOST_RECEPTIONS)
    seen = run("DELETE FROM integrations_webhookseen WHERE until < now()")
    return {"receptions": old + beyond, "signatures": seen}
