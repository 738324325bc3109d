"""The schedules, event triggers and webhooks that stand in a workflow's own document (see ``inline``)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Q
from django.utils import timezone

from apps.auth.access import require
from apps.auth.models import User
from apps.integrations.models import Webhook
from apps.integrations.services import webhook_rows, webhooks
from apps.validation.violations import Violation
from apps.workflows.checks.schedule import Target, check_schedule
from apps.workflows.models import Schedule, Trigger, WorkflowDefinition
from apps.workflows.selectors import triggers

from . import following_webhooks, schedule_rows, trigger_rows
from .inline import Inline


def _target(workflow: Mapping[str, Any]) -> Target:
    return Target(workflow.get("version", "1.0.0"), workflow.get("inputSchema"))


def _check_schedule(entry: dict[str, Any], workflow: Mapping[str, Any]) -> list[Violation]:
    return check_schedule(entry, now=timezone.now(), target=_target(workflow))


def _check_trigger(entry: dict[str, Any], workflow: Mapping[str, Any]) -> list[Violation]:
    return triggers.problems_with(entry, _target(workflow), workflow)


def _may_start(actor: User, entry: dict[str, Any]) -> None:
    require(actor, "start:workflow")


def _may_act(actor: User, entry: dict[str, Any]) -> None:
    trigger_rows.require_rights(actor, entry.get("triggerType", Trigger.Type.START))


def _check_webhook(entry: dict[str, Any], workflow: Mapping[str, Any]) -> list[Violation]:
    return [*webhooks.problems_with(entry), *following_webhooks.problems_with(entry, _target(workflow))]


def _may_receive(actor: User, entry: dict[str, Any]) -> None:
    for permission in ("design:webhook", "record:event", "start:workflow"):
        require(actor, permission)
    if "secretName" in entry["auth"]:
        require(actor, "use:secret")


def _put_webhook(row: Webhook | None, actor: User, key: str, entry: dict[str, Any], moment: datetime) -> object:
    return webhook_rows.put(row, actor, key, entry, inline=True)


KINDS = (
    Inline(
        called="schedule",
        noun="schedule",
        id_field="scheduleId",
        model=Schedule,
        check=_check_schedule,
        rights=_may_start,
        put=partial(schedule_rows.put, inline=True),
        halt=schedule_rows.halt,
        remove=schedule_rows.remove,
    ),
    Inline(
        called="event",
        noun="trigger",
        id_field="triggerId",
        model=Trigger,
        check=_check_trigger,
        rights=_may_act,
        put=partial(trigger_rows.put, inline=True),
        halt=trigger_rows.halt,
        remove=trigger_rows.remove,
        mine=Q(inline=True, webhook=""),
    ),
    Inline(
        called="webhook",
        noun="webhook",
        id_field="webhookId",
        model=Webhook,
        check=_check_webhook,
        rights=_may_receive,
        put=_put_webhook,
        halt=webhook_rows.halt,
        remove=webhook_rows.remove,
    ),
)


def check(document: Mapping[str, Any]) -> list[Violation]:
    """What is wrong with the triggers of a workflow document."""
    return [violation for kind in KINDS for violation in kind.problems(document)]


def follow(row: WorkflowDefinition, actor: User) -> None:
    """Put the triggers of a workflow in force as its newest published version says."""
    newest = WorkflowDefinition.objects.filter(key=row.key).published().newest_first().first()
    if newest is None or newest.pk != row.pk:
        return
    moment = schedule_rows.now()
    for kind in KINDS:
        kind.follow(row, actor, moment)


def rest(workflow_id: str) -> None:
    """Pause the triggers of a workflow that is archived."""
    moment = schedule_rows.now()
    for kind in KINDS:
        kind.rest(workflow_id, moment)
