"""Webhook subscriptions as a kind of subscriber: found by their patterns, sent from a worker's event loop.

Secrets are read together with the subscription, sealed, and opened at the moment of sending.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import connection
from django.utils import timezone

from apps.auth import services as auth
from apps.auth.access import allowed
from apps.auth.models import Secret
from apps.auth.secret_values import signing_keys
from apps.events.matching import keys_of
from apps.events.sql import as_rows, fetch
from apps.events.stored import StoredEvent
from apps.events.subscribers import Handled, Match, Named, Permanent, SubscriberGone
from apps.integrations import egress
from apps.integrations.models import WebhookSubscription
from apps.integrations.posting import judging
from apps.integrations.posting.message import compose, timeout_of
from apps.integrations.services import subscriptions as services
from apps.validation.expressions import TRIGGER_ROOTS, EvaluationError, compile_expression, truthy

log = structlog.get_logger(__name__)

KIND = "webhook"
PAGE = "/events/webhooks/out/"

_FIND = """
SELECT p.event_pattern, p.correlation_key, s.key, s.document ->> 'eventCondition'
FROM json_to_recordset(%s::json) AS r(pattern text, key text)
JOIN integrations_wantedpattern p ON p.event_pattern = r.pattern AND p.correlation_key = r.key
JOIN integrations_webhooksubscription s ON s.id = p.subscription_id
ORDER BY s.key
"""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A subscription as it is when something is sent to it, with its secrets still sealed."""

    key: str
    document: dict[str, Any]
    signing: Secret | None = field(default=None, repr=False)
    bearer: Secret | None = field(default=None, repr=False)


class WebhookSubscriptions:
    """Posts events to the addresses of other systems."""

    kind = KIND

    def find(self, events: Sequence[StoredEvent]) -> list[Match]:
        keys = keys_of(services.SHAPES, events)
        wanted = sorted({key for each in keys for key in each})
        if not wanted:
            return []
        waiting: dict[tuple[str, str], list[tuple[str, str | None]]] = {}
        for pattern, correlation, name, condition in fetch(
            _FIND, as_rows([{"pattern": pattern, "key": correlation} for pattern, correlation in wanted])
        ):
            waiting.setdefault((pattern, correlation), []).append((name, condition))
        return [
            Match(event, f"{KIND}:{name}")
            for event, mine in zip(events, keys, strict=True)
            for name, condition in sorted({each for key in mine for each in waiting.get(key, ())}, key=str)
            if _concerns(condition, event)
        ]

    def again(self, event: StoredEvent, subscriber_id: str) -> Match:
        row = WebhookSubscription.objects.select_related("owner").filter(key=_key(subscriber_id)).first()
        if row is None:
            raise SubscriberGone("The subscription does not exist any more.")
        if not row.enabled:
            raise SubscriberGone("The subscription is paused.")
        return Match(event, subscriber_id, parcel_of(row))

    def names(self, subscriber_ids: Collection[str]) -> dict[str, Named]:
        rows = WebhookSubscription.objects.filter(key__in=[_key(each) for each in subscriber_ids])
        return {f"{KIND}:{row.key}": Named(row.name, PAGE + row.key) for row in rows}

    async def send(self, match: Match, attempt: int) -> Handled:
        parcel: Parcel = match.data
        try:
            holds = _holds(parcel.document.get("eventCondition"), match.event)
        except EvaluationError as error:
            raise Permanent(f"The condition cannot be judged: {error.message}", code="CONDITION") from error
        if not holds:
            return Handled(skipped="Its condition does not hold any more.")
        try:
            return await post(parcel, match.event, attempt)
        except Permanent as error:
            if error.code == judging.GONE:
                await asyncio.get_running_loop().run_in_executor(None, _switch_off, parcel.key)
            raise


async def post(parcel: Parcel, event: StoredEvent, attempt: int) -> Handled:
    """Send an event once, whatever the condition says. Transient, Permanent."""
    document = parcel.document
    try:
        signing = auth.open_secret(parcel.signing).values if parcel.signing is not None else ()
        bearer = auth.open_secret(parcel.bearer, url=document["url"]).current if parcel.bearer is not None else ""
    except auth.SecretRefused as error:
        raise Permanent(str(error), code="SECRET_REFUSED") from error
    now = timezone.now()
    keys = [signing_keys(value)[0] for value in signing]
    try:
        message = compose(parcel.key, document, event, timestamp=int(now.timestamp()), signing=keys, bearer=bearer)
    except EvaluationError as error:
        raise Permanent(f"A header cannot be computed: {error.message}", code="HEADERS") from error
    began = time.perf_counter()
    try:
        answer = await egress.request(
            "POST",
            document["url"],
            headers=message.headers,
            body=message.body,
            timeout=timeout_of(document),
            max_bytes=4 * judging.SHOWN,
            purpose=f"{KIND}:{parcel.key}",
            follow=False,
            cut=True,
        )
    except egress.EgressError as error:
        raise judging.not_answered(document, error, attempt=attempt, duration_ms=_since(began)) from error
    return judging.judge(
        document,
        answer,
        attempt=attempt,
        duration_ms=_since(began),
        secrets=[*signing, *([bearer] if bearer else [])],
        now=now,
    )


def parcel_of(row: WebhookSubscription) -> Parcel:
    """The subscription with its secrets. Permanent when one of those is missing, or its owner may not use it any more."""
    names = {row.document.get("secretName"), row.document.get("authSecretName")} - {None}
    secrets = {secret.name: secret for secret in Secret.objects.filter(name__in=names)} if names else {}
    if missing := names - secrets.keys():
        raise Permanent(f"There is no secret {', '.join(sorted(missing))} any more.", code="SECRET_MISSING")
    if secrets and not allowed(row.owner, "use:secret"):
        raise Permanent(
            "The subscription's owner may not use secrets any more; save it as somebody who may.", code="ACCESS_DENIED"
        )
    for secret in secrets.values():
        auth.note_use(secret, f"{KIND}-subscription:{row.key}")
    return Parcel(
        row.key,
        row.document,
        secrets.get(row.document.get("secretName", "")),
        secrets.get(row.document.get("authSecretName", "")),
    )


def _key(subscriber_id: str) -> str:
    return subscriber_id.partition(":")[2]


def _holds(condition: str | None, event: StoredEvent) -> bool:
    if not condition:
        return True
    return truthy(compile_expression(condition, roots=TRIGGER_ROOTS).evaluate({"event": event.document}))


def _concerns(condition: str | None, event: StoredEvent) -> bool:
    """Also one that cannot be judged: sending says what is wrong with it."""
    try:
        return _holds(condition, event)
    except EvaluationError:
        return True


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _switch_off(key: str) -> None:
    """On a thread of its own: nobody else's transaction is to wait for it."""
    try:
        services.switch_off(key, "The other side answered 410 Gone.")
    except Exception:
        log.exception("subscription.not_switched_off", key=key)
    finally:
        connection.close()
