"""Which queue an event goes into, and what is set for each queue.

Every process keeps the settings for a second. So a change reaches the others within that time; until then an event may go
into the queue that was the right one before, which takes it just as well.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from apps.validation.durations import parse_duration
from apps.validation.expressions import TRIGGER_ROOTS, EvaluationError, compile_expression
from apps.validation.expressions.expression import Expression

from .models import EventQueue
from .rules import fits

KEPT_SECONDS = 1.0
DEFAULTS: Mapping[str, Any] = {
    "batchSize": 200,
    "highWatermark": 100_000,
    "maxRetries": 5,
    "retryDelay": "PT1S",
}
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Queue:
    """The settings of one queue (schemas/queue.json, ``config``)."""

    id: str
    status: str
    patterns: tuple[str, ...]
    batch_size: int
    high_watermark: int
    max_retries: int
    retry_delay: timedelta
    partition_key: Expression | None

    @classmethod
    def of(cls, row: EventQueue) -> Queue:
        config = {**DEFAULTS, **row.config}
        key = config.get("partitionKey")
        return cls(
            row.id,
            row.status,
            tuple(row.patterns),
            # A JSON number may say 200.0, which is an integer to JSON Schema and none to LIMIT.
            int(config["batchSize"]),
            int(config["highWatermark"]),
            int(config["maxRetries"]),
            parse_duration(config["retryDelay"]),
            compile_expression(key, roots=TRIGGER_ROOTS) if key else None,
        )

    def partition_of(self, event: Mapping[str, Any]) -> str | None:
        """What an event's order is kept by; None where the queue asks for no order, or the event lacks it."""
        if self.partition_key is None:
            return None
        try:
            value = self.partition_key.evaluate({"event": event})
        except EvaluationError:
            return None
        return None if value is None else f"{self.id}:{value}"[:LONGEST_KEY]


_kept: tuple[float, tuple[Queue, ...]] | None = None


def queues() -> tuple[Queue, ...]:
    """All of them, ``default`` last."""
    global _kept
    if _kept is None or time.monotonic() - _kept[0] > KEPT_SECONDS:
        rows = {row.id: row for row in EventQueue.objects.order_by("id")}
        default = rows.pop(EventQueue.DEFAULT, EventQueue(id=EventQueue.DEFAULT))
        _kept = time.monotonic(), tuple(Queue.of(row) for row in (*rows.values(), default))
    return _kept[1]


def forget() -> None:
    """Read the settings anew the next time; called where they are changed."""
    global _kept
    _kept = None


def queue_for(pattern: str) -> Queue:
    """The first queue, by id, one of whose patterns fits; ``default`` otherwise."""
    *others, default = queues()
    return next((queue for queue in others if any(fits(each, pattern) for each in queue.patterns)), default)
