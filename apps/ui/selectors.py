"""Figures for the start page."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from apps.auth.models import User
from apps.tasks.models import Task
from apps.workflows.selectors.instances import visible_instances

DAY = timedelta(days=1)


def run_counts(actor: User) -> dict[str, int]:
    """Runs that the actor may see: {open, waiting, failed, suspended, today}.

    waiting: open ones in which a person has to act; today: started in the last 24 hours. Long finished runs cost nothing:
    what is counted lies in the index of unfinished runs and at the young end of the others.
    """
    visible = visible_instances(actor)
    unfinished = visible.exclude(status__in=("COMPLETED", "CANCELLED"))
    by_status = dict(unfinished.order_by().values_list("status").annotate(Count("pk")))
    for_people = Task.objects.filter(type=Task.Type.MANUAL, status__in=Task.OPEN, workflow_instance_id__isnull=False)
    waiting = unfinished.filter(~Q(status="FAILED"), id__in=for_people.values("workflow_instance_id"))
    failed = by_status.pop("FAILED", 0)
    return {
        "open": sum(by_status.values()),
        "waiting": waiting.count(),
        "failed": failed,
        "suspended": by_status.get("SUSPENDED", 0),
        "today": visible.filter(started_at__gte=timezone.now() - DAY).count(),
    }
