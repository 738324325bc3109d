"""Webhook subscriptions as people handle them: save, pause, resume, delete, ping."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import may_be_sent, record_audit
from apps.events.matching import correlation_key, keep_shapes
from apps.integrations.models import WantedPattern, WebhookSubscription
from apps.integrations.posting.checks import check_subscription, equalities_of
from apps.integrations.selectors import subscriptions as selectors
from apps.validation.definitions.live import LiveKind
from apps.validation.problems import Conflict, NotFound, StaleVersion, Unprocessable
from apps.validation.schemas import check_document
from apps.validation.violations import Violation, has_errors

from . import naming_secrets

SHAPES = "webhook"
"""The owner of the shapes under which subscriptions are found."""

_NOT_KEPT = ("kind", "id", "createdAt", "updatedAt")


def problems(actor: User, document: dict[str, Any]) -> list[Violation]:
    """What is wrong with a subscription that fits its JSON Schema, with the secrets it names. AccessDenied."""
    found = check_subscription(document)
    names = {"/secretName": document.get("secretName"), "/authSecretName": document.get("authSecretName")}
    secrets, unknown = naming_secrets.named(actor, names)
    bearer = secrets.get("/authSecretName")
    if bearer is not None and not may_be_sent(bearer, document["url"]):
        message = f"The secret {bearer.name} may not be sent to this address."
        hint = f"Its hosts are {', '.join(bearer.hosts)}." if bearer.hosts else "Give the secret this host first."
        unknown.append(Violation("secret-not-for-host", message, "/authSecretName", hint=hint))
    return found + unknown


@transaction.atomic
def save(
    *, actor: User, document: dict[str, Any], key: str | None = None, if_match: int | None = None
) -> tuple[WebhookSubscription, bool, list[Violation]]:
    """Create a subscription or replace it; in force at once.

    Returns the row, whether it is new, and warnings. Unprocessable with every problem; StaleVersion.
    """
    require(actor, "design:webhook")
    if key is not None:
        document = {"subscriptionId": key} | document
    if violations := check_document("webhookSubscription", document):
        raise Unprocessable("The subscription does not fit its schema.", violations=violations)
    if key is not None and document["subscriptionId"] != key:
        raise Unprocessable(violations=[Violation("id-mismatch", f"The address says {key}.", "/subscriptionId")])
    found = problems(actor, document)
    if has_errors(found):
        raise Unprocessable("The subscription has errors.", violations=found)
    key = str(document["subscriptionId"])
    row = WebhookSubscription.objects.select_for_update().filter(key=key).first()
    if row is None and if_match is not None:
        raise StaleVersion(f"{key} does not exist, so nothing can match the If-Match header.")
    if row is not None and if_match is not None and row.revision != if_match:
        raise StaleVersion(f"{key} was changed by someone else; read it again before you save.")
    row, created = _put(row, actor, key, {name: each for name, each in document.items() if name not in _NOT_KEPT})
    details = {"url": row.url, "revision": row.revision, "enabled": row.enabled}
    _audit(actor, "save", key, details)
    return row, created, found


def _put(
    row: WebhookSubscription | None, actor: User, key: str, document: dict[str, Any]
) -> tuple[WebhookSubscription, bool]:
    created = row is None
    enabled = bool(document.get("enabled", True))
    if row is None:
        row = WebhookSubscription(key=key)
    else:
        row.revision += 1
    if enabled:
        row.paused_at, row.paused_by, row.paused_reason = None, "", ""
    elif row.enabled or created:
        row.paused_at, row.paused_by, row.paused_reason = timezone.now(), actor.username, ""
    row.document, row.owner, row.enabled = document, actor, enabled
    row.name, row.url = document.get("name") or key, document["url"]
    try:
        with transaction.atomic():
            _store(row)
    except IntegrityError as error:
        raise Conflict(f"Somebody else has just saved {key}; read it again before you save.") from error
    return row, created


def _store(row: WebhookSubscription) -> None:
    """Save the row, and what it wants as events are looked up; a paused one wants nothing."""
    row.updated_at = timezone.now()
    row.save()
    WantedPattern.objects.filter(subscription=row).delete()
    if row.enabled:
        equal = equalities_of(row.document.get("eventCondition"))
        patterns = row.document["eventPatterns"]
        WantedPattern.objects.bulk_create(
            WantedPattern(subscription=row, event_pattern=pattern, correlation_key=correlation_key(equal))
            for pattern in patterns
        )
        keep_shapes(SHAPES, [(pattern, equal) for pattern in patterns])


@transaction.atomic
def pause(*, actor: User, key: str, reason: str = "") -> WebhookSubscription:
    """Send nothing: events that come meanwhile are never sent, those under way become dead letters. Conflict when it rests."""
    require(actor, "operate:webhook")
    row = _locked(key)
    if not row.enabled:
        raise Conflict(f"{key} is paused already.")
    _switch(row, enabled=False, by=actor.username, reason=reason)
    _audit(actor, "pause", key, {"reason": reason})
    return row


@transaction.atomic
def resume(*, actor: User, key: str, reason: str = "") -> WebhookSubscription:
    """Send what comes from now on. Conflict when it is not paused."""
    require(actor, "operate:webhook")
    row = _locked(key)
    if row.enabled:
        raise Conflict(f"{key} is not paused.")
    _switch(row, enabled=True)
    _audit(actor, "resume", key, {"reason": reason})
    return row


@transaction.atomic
def switch_off(key: str, reason: str) -> None:
    """The platform itself pauses a subscription; nothing where it rests or is gone already."""
    row = WebhookSubscription.objects.select_for_update().filter(key=key, enabled=True).first()
    if row is not None:
        _switch(row, enabled=False, reason=reason)
        _audit(None, "switched_off", key, {"reason": reason, "url": row.url})


@transaction.atomic
def delete(*, actor: User, key: str, if_match: int | None = None) -> None:
    """Take a subscription away; what it was sent stays in the story of the events."""
    require(actor, "design:webhook")
    row = _locked(key)
    if if_match is not None and row.revision != if_match:
        raise StaleVersion(f"{key} was changed by someone else; read it again before you delete it.")
    row.delete()
    _audit(actor, "delete", key, row.document)


def _switch(row: WebhookSubscription, *, enabled: bool, by: str = "", reason: str = "") -> None:
    row.enabled = enabled
    row.paused_at, row.paused_by, row.paused_reason = (None, "", "") if enabled else (timezone.now(), by, reason)
    row.document = {**row.document, "enabled": enabled}
    row.revision += 1
    _store(row)


def _audit(actor: User | None, verb: str, key: str, details: dict[str, Any]) -> None:
    record_audit(
        actor=actor,
        action=f"webhookSubscription.{verb}",
        resource="webhookSubscription",
        resource_id=key,
        details=details,
    )


def _locked(key: str) -> WebhookSubscription:
    row = WebhookSubscription.objects.select_for_update().filter(key=key).first() if "\x00" not in key else None
    if row is None:
        raise NotFound(f"There is no webhook subscription {key}.")
    return row


def _apply(actor: User, document: dict[str, Any]) -> tuple[str, str]:
    require(actor, "design:webhook")  # that it is here unchanged is not for everybody to know
    key = document.get("subscriptionId")
    before = WebhookSubscription.objects.filter(key=key).first() if isinstance(key, str) and "\x00" not in key else None
    wanted = {name: value for name, value in document.items() if name not in _NOT_KEPT}
    if before is not None and {"enabled": True, **wanted} == {"enabled": True, **before.document}:
        return before.key, "unchanged"
    row, created, _ = save(actor=actor, document=document)
    return row.key, "created" if created else "changed"


SUBSCRIPTION = LiveKind(
    "webhookSubscription",
    _apply,
    selectors.documents,
    selectors.dependents,
    order=60,
    id_name="subscriptionId",
)
