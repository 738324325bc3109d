"""What an event says stays as it was recorded: the database refuses to change it, in weeks made later too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, transaction
from django.utils import timezone

from apps.events.models import Event
from apps.events.services.partitions import make_ahead
from apps.events.tests.factories import new_event, recorded

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "change", [{"payload": {}}, {"pattern": "other"}, {"metadata": {}}, {"event_id": "other"}, {"causation_id": "x"}]
)
@pytest.mark.parametrize("weeks", [0, 60])
def test_no_part_of_it_can_be_changed(change: dict[str, Any], weeks: int) -> None:
    moment = timezone.now() + timedelta(weeks=weeks)
    make_ahead(moment)
    recorded(new_event("e-1"))
    Event.objects.update(recorded_at=moment)
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        Event.objects.update(**change)
