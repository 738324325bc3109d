"""Event definitions."""

from __future__ import annotations

from apps.validation.definitions.models import Definition


class EventDefinition(Definition):
    """One version of an event definition (schemas/event.json): the events of one pattern."""

    class Meta(Definition.Meta):
        abstract = False
