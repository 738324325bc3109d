"""An event as it is read back: what the router hands to subscribers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class StoredEvent:
    """A recorded event. ``timestamp``: when it happened; ``recorded_at``: when it came here, which its partition goes by."""

    id: UUID
    event_id: str
    pattern: str
    version: str
    source: dict[str, Any]
    payload: Any
    metadata: dict[str, Any]
    timestamp: datetime
    recorded_at: datetime

    @classmethod
    def of_document(cls, id_: UUID, recorded_at: datetime, document: dict[str, Any]) -> StoredEvent:
        """From what a dead letter keeps: its week may have been dropped from the store."""
        moment = datetime.fromisoformat(document["timestamp"])
        return cls(
            id_,
            document["eventId"],
            document["pattern"],
            document["version"],
            document["source"],
            document["payload"],
            document["metadata"],
            moment,
            recorded_at,
        )

    @cached_property
    def document(self) -> dict[str, Any]:
        """As schemas/eventInstance.json has it; this is what expressions see as ``event``. Not to be changed."""
        return {
            "eventId": self.event_id,
            "pattern": self.pattern,
            "version": self.version,
            "source": self.source,
            "timestamp": self.timestamp.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "payload": self.payload,
            "metadata": self.metadata,
        }
