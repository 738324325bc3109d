"""Where a run stands that waits for one of the slots of its workflow."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from apps.workflows.models import ConcurrencySlot, WorkflowInstance

COUNTED = 1_000
"""Further than so many places ahead nobody counts."""
NAMED = 20


def place_in_queue(
    instance: WorkflowInstance, visible: QuerySet[WorkflowInstance] | None = None
) -> dict[str, Any] | None:
    """{key, ahead, capacity, holders}; None unless the run waits for a slot. ``ahead`` counts up to COUNTED.

    ``holders``: the ids of those of the runs that hold the slots which are ``visible`` to whoever asks.
    """
    if instance.concurrency_key is None or instance.status != "CREATED":
        return None
    own = ConcurrencySlot.objects.filter(instance_id=instance.id, held=False).first()
    if own is None:
        return None
    same = ConcurrencySlot.objects.filter(workflow_id=own.workflow_id, key=own.key)
    ahead = same.filter(held=False, id__lt=own.id).order_by("-id").values("id")[:COUNTED].count()
    holders = list(same.filter(held=True).order_by("id").values_list("instance_id", flat=True)[:NAMED])
    known = set() if visible is None else set(visible.filter(id__in=holders).values_list("id", flat=True))
    return {
        "key": own.key or None,
        "ahead": ahead,
        "capacity": own.capacity,
        "holders": [str(each) for each in holders if each in known],
    }


def sentence(place: dict[str, Any]) -> tuple[str, str]:
    """The queue in words: where the run stands, and what would move it."""
    ahead, holders = place["ahead"], place["holders"]
    many = f"more than {COUNTED}" if ahead >= COUNTED else str(ahead)
    behind = {0: "It is next", 1: "One run is ahead of it"}.get(ahead, f"{many} runs are ahead of it")
    whose = f" with the key {place['key']}" if place["key"] else ""
    allowed = "one run" if place["capacity"] == 1 else f"{place['capacity']} runs"
    named = ", ".join(holders[:3]) + (" …" if len(holders) > 3 else "")
    return (
        f"The run is queued: only {allowed} of this workflow{whose} may be under way at once. {behind}.",
        f"{named} ends." if len(holders) == 1 else f"One of these ends: {named}." if holders else "Another run ends.",
    )
