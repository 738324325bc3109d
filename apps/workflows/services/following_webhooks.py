"""A webhook that names a workflow starts it: by a trigger on the webhook's events, kept with the webhook.

There is one way from an event to a run, and this is it. The trigger is a row like others, which only the webhook changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.auth.access import require
from apps.auth.models import User
from apps.integrations.models import Webhook
from apps.integrations.webhooks.naming import awaited_pattern, key_of
from apps.validation.violations import Violation
from apps.workflows.checks.schedule import Target
from apps.workflows.models import Trigger
from apps.workflows.selectors import triggers

from . import trigger_rows
from .schedule_rows import now

_LATE = "/eventPattern", "/eventCondition"
"""Parts of the trigger that its author did not write."""


class WebhookTriggers:
    """Registered with apps.integrations."""

    def check(self, document: dict[str, Any], actor: User) -> list[Violation]:
        if not document.get("workflowId"):
            return []
        require(actor, "start:workflow")
        return [each for each in triggers.problems(_trigger(key_of(document), document)) if _is_theirs(each)]

    def saved(self, row: Webhook, actor: User) -> None:
        present = Trigger.objects.select_for_update().filter(webhook=row.key).first()
        if not row.workflow_id:
            self.removed(row)
            return
        document = _trigger(row.key, row.document) | {"enabled": row.enabled}
        trigger_rows.put(present, row.owner, document["triggerId"], document, now(), inline=True, webhook=row.key)

    def removed(self, row: Webhook) -> None:
        trigger_rows.remove(Trigger.objects.filter(webhook=row.key).values_list("id", flat=True))


def problems_with(document: Mapping[str, Any], target: Target) -> list[Violation]:
    """What is wrong with the start by a webhook that stands in a workflow's own document."""
    return [each for each in triggers.problems_with(_trigger(key_of(document), document), target) if _is_theirs(each)]


def _is_theirs(found: Violation) -> bool:
    return not found.pointer.startswith(_LATE)


def _trigger(key: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """The trigger of a webhook; it hears that webhook alone, whatever others record under the same pattern."""
    trigger = {
        "triggerId": f"webhook_{key}"[:255],
        "name": f"Webhook {document.get('name', key)}"[:200],
        "workflowId": document["workflowId"],
        "eventPattern": awaited_pattern(document),
        "eventCondition": f"event.source.id == '{key}' && event.source.type == 'external'",
    }
    if document.get("inputMapping") is not None:
        trigger["inputMapping"] = document["inputMapping"]
    return trigger
