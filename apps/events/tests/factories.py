"""Event definitions for tests."""

from __future__ import annotations

from typing import Any

import factory
from django.utils import timezone

from apps.events.models import EventDefinition
from apps.validation.definitions.models import version_key
from apps.validation.definitions.services import content_checksum


def shipped(**more: Any) -> dict[str, Any]:
    """An order has been shipped: ``orders.shipped`` with an orderId."""
    return {
        "eventId": "OrderEvents.shipped",
        "name": "Order shipped",
        "version": "1.0.0",
        "pattern": "orders.shipped",
        "payloadSchema": {
            "type": "object",
            "properties": {"orderId": {"type": "string", "minLength": 1}, "parcels": {"type": "integer"}},
            "required": ["orderId"],
            "additionalProperties": False,
        },
        "examples": [{"orderId": "ORD-1", "parcels": 2}],
        "uiMetadata": {"icon": "truck", "color": "#2F855A", "category": "Orders"},
        "status": "active",
    } | more


class EventDefinitionFactory(factory.django.DjangoModelFactory[EventDefinition]):
    """A published definition of ``document``; for drafts ``status="draft", published_at=None``."""

    class Meta:
        model = EventDefinition

    document: Any = factory.LazyFunction(shipped)
    key = factory.LazyAttribute(lambda row: row.document["eventId"])
    version = factory.LazyAttribute(lambda row: row.document.get("version", "1.0.0"))
    version_key = factory.LazyAttribute(lambda row: version_key(row.version))
    name = factory.LazyAttribute(lambda row: row.document.get("name", row.key))
    description = factory.LazyAttribute(lambda row: row.document.get("description", ""))
    checksum = factory.LazyAttribute(lambda row: content_checksum(row.document))
    status = "published"
    published_at = factory.LazyFunction(timezone.now)
