"""Working calendars for the engine: the newest published version of each; a version, once read, never changes."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from apps.validation.expressions import EvaluationError
from apps.workflows.models import CalendarDefinition
from apps.workflows.rules.calendars import WorkingCalendar


def calendar(key: str) -> WorkingCalendar:
    """One look-up by index. When it was archived meanwhile, its last version goes on. EvaluationError: there is none."""
    rows = CalendarDefinition.objects.filter(key=key, published_at__isnull=False)
    found = rows.order_by("-status", "-version_key").values_list("id", flat=True).first()  # published before archived
    if found is None:
        raise EvaluationError("NO_CALENDAR", f"There is no published calendar {key!r}.")
    return _compiled(found)


@lru_cache(maxsize=200)
def _compiled(definition_id: UUID) -> WorkingCalendar:
    return WorkingCalendar.of(CalendarDefinition.objects.get(id=definition_id).document)
