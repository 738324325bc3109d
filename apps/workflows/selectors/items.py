"""How far the items of a run's FOR_EACH steps are: counted in the database, however many there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Max, Min, Q, QuerySet

from apps.workflows.engine.plan import Plan
from apps.workflows.engine.state import ITEM, Execution, Instance, items_of
from apps.workflows.engine.transitions import StepStatus
from apps.workflows.models import StepExecution

SHOWN = 20
"""How many of the positions inside items are listed; the others are only counted."""


@dataclass(slots=True)
class Progress:
    """Of one step inside items, or of the items themselves: how many there are by status, and since when."""

    by_status: dict[str, int] = field(default_factory=dict)
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def status(self) -> str:
        """One word for all of them: what is under way, else what went wrong, else how it ended."""
        order = ("RUNNING", "WAITING", "PENDING", "FAILED", "TIMED_OUT", "COMPLETED", "COMPENSATED", "CANCELLED")
        return next((status for status in order if status in self.by_status), "SKIPPED")

    def as_json(self) -> dict[str, Any]:
        return {"total": sum(self.by_status.values()), "byStatus": self.by_status}


@dataclass(slots=True)
class ItemsProgress:
    """``items``: of each FOR_EACH step; ``steps``: of each step inside one. By step id."""

    items: dict[str, Progress] = field(default_factory=dict)
    steps: dict[str, Progress] = field(default_factory=dict)


def progress(plan: Plan, head: Instance, executions: Iterable[StepExecution]) -> ItemsProgress:
    """How far the items are, of the FOR_EACH steps among ``executions`` and of those nested in their items."""
    found = ItemsProgress()
    inside = _inside(plan, head, executions)
    if inside is None:
        return found
    counted = inside.order_by().values("step_id", "status", is_item=ExpressionWrapper(Q(visit=ITEM), BooleanField()))
    for row in counted.annotate(count=Count("pk"), first=Min("started_at"), last=Max("completed_at")):
        target = found.items if row["is_item"] else found.steps
        each = target.setdefault(row["step_id"], Progress())
        each.by_status[row["status"]] = row["count"]
        each.started_at = min(filter(None, (each.started_at, row["first"])))
        each.completed_at = max(filter(None, (each.completed_at, row["last"])), default=None)
    return found


def open_positions(plan: Plan, head: Instance, executions: Iterable[StepExecution]) -> list[StepExecution]:
    """The first SHOWN of the steps that are under way inside items."""
    inside = _inside(plan, head, executions)
    if inside is None:
        return []
    holders = [step_id for step_id, step in plan.steps.items() if step.type in ("PARALLEL", "FOR_EACH")]
    under_way = inside.exclude(visit=ITEM).exclude(step_id__in=holders).filter(status__in=StepExecution.ACTIVE)
    return list(under_way.order_by("seq")[:SHOWN])


def _inside(plan: Plan, head: Instance, executions: Iterable[StepExecution]) -> QuerySet[StepExecution] | None:
    """The rows inside the latest items of these steps; None when none of them is a FOR_EACH."""
    places = Q()
    for row in executions:
        if plan.steps[row.step_id].type == "FOR_EACH":
            each = Execution(row.id, row.step_id, row.visit, StepStatus(row.status), row.scope, attempt=row.attempt)
            places |= Q(scope__startswith=items_of(head, each) + "[")
    if not places:
        return None
    return StepExecution.objects.filter(places, instance_id=head.id)
