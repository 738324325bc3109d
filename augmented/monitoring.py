"""What /metrics shows. Numbers of the whole system are read from Postgres at the moment of asking, so that any web process
gives the same answer and nothing needs to be shared between processes."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from django.db.models import Count, Min, Q
from django.utils import timezone
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from apps.events.models import DeadLetter, QueuedEvent
from apps.tasks.models import ReadyTask
from apps.workflows.models import InboxSignal, WorkflowInstance


class SystemCollector(Collector):
    """Work that lies ready, work in hand, instances under way, events and dead letters. Nothing at all while Postgres is away."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            gauges, instances, families = _queue(), _instances(), _events()
        except DatabaseError:
            return
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(f"augmented_{name}", text, value=value)
        family = GaugeMetricFamily(
            "augmented_instances", "Instances that have not ended, by status.", labels=["status"]
        )
        for status, number in instances.items():
            family.add_metric([status], number)
        yield family
        yield from families


def _queue() -> dict[str, tuple[str, float]]:
    """Name → (what it means, value), from one pass over the narrow queue table."""
    now = timezone.now()
    free, held = Q(worker__isnull=True), Q(worker__isnull=False)
    found = ReadyTask.objects.aggregate(
        ready=Count("pk", filter=free & Q(ready_at__lte=now)),
        scheduled=Count("pk", filter=free & Q(ready_at__gt=now)),
        leased=Count("pk", filter=held),
        expired=Count("pk", filter=held & Q(leased_until__lte=now)),
        oldest=Min("ready_at", filter=free),
    )
    waited = max(0.0, (now - found["oldest"]).total_seconds()) if found["oldest"] else 0.0
    return {
        "tasks_ready": ("Tasks that could be run now and that no worker has taken.", found["ready"]),
        "tasks_scheduled": ("Tasks that are to be run later: retries.", found["scheduled"]),
        "tasks_leased": ("Tasks that a worker holds.", found["leased"]),
        "leases_expired": ("Tasks whose worker has given no sign of life in time.", found["expired"]),
        "oldest_ready_seconds": ("For how long the oldest ready task has lain.", waited),
        "signals_waiting": ("Signals that no instance has taken yet.", InboxSignal.objects.filter(held=False).count()),
    }


def _instances() -> dict[str, int]:
    open_ones = WorkflowInstance.objects.exclude(status__in=WorkflowInstance.TERMINAL)
    return dict(open_ones.values_list("status").annotate(number=Count("pk")).order_by("status"))


def _events() -> list[GaugeMetricFamily]:
    """How full each queue of events is, and what no subscriber could handle."""
    depth = GaugeMetricFamily("augmented_events_queued", "Events that are not routed yet, by queue.", labels=["queue"])
    oldest = GaugeMetricFamily(
        "augmented_oldest_event_seconds", "For how long the oldest of them has lain.", labels=["queue"]
    )
    dead = GaugeMetricFamily("augmented_dead_letters", "Dead letters that wait for somebody, by kind.", labels=["kind"])
    queues = QueuedEvent.objects.values_list("queue").annotate(number=Count("pk"), oldest=Min("recorded_at"))
    for queue, number, since in queues.order_by("queue"):
        depth.add_metric([queue], number)
        oldest.add_metric([queue], max(0.0, (timezone.now() - since).total_seconds()))
    pending = DeadLetter.objects.filter(status=DeadLetter.Status.PENDING).values_list("kind")
    for kind, number in pending.annotate(number=Count("pk")).order_by("kind"):
        dead.add_metric([kind], number)
    return [depth, oldest, dead]


registry = CollectorRegistry()
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)
GCCollector(registry=registry)
registry.register(SystemCollector())
