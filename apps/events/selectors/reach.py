"""How far events came, for lists of them: by subscribers reached, still tried, and failed on."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count

from apps.events.models import Delivery, Event


def reach_of(rows: Sequence[Event]) -> dict[UUID, dict[str, int]]:
    """Event id → {status of a delivery: how many subscribers}. One statement, in the weeks that the events are of."""
    if not rows:
        return {}
    times = [row.recorded_at for row in rows]
    counted = (
        Delivery.objects.filter(
            event__in=[row.id for row in rows], recorded_at__gte=min(times), recorded_at__lte=max(times)
        )
        .values_list("event", "status")
        .annotate(count=Count("subscriber_id"))
        .order_by()
    )
    found: dict[UUID, dict[str, int]] = {row.id: {} for row in rows}
    for event, status, count in counted:
        found[event][status] = count
    return found
