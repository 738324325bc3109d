"""Event triggers as subscribers: found by pattern and by what their conditions demand to be equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson

from apps.events.matching import keys_of
from apps.events.sql import as_rows, fetch
from apps.events.stored import StoredEvent
from apps.events.subscribers import Handled, Match, Named, SubscriberGone
from apps.workflows.models import Trigger
from apps.workflows.rules.triggering import Rule, Unusable
from apps.workflows.services import triggering
from apps.workflows.services.trigger_rows import SHAPES
from apps.workflows.services.triggering import Known, Work

KIND = "trigger"

_FIND = """
SELECT t.event_pattern, t.correlation_key, t.priority, t.key, t.workflow_id, t.owner_id, t.trigger_type,
       jsonb_build_array(t.document->'eventCondition', t.document->'inputMapping', t.document->'correlationKey')::text
FROM json_to_recordset(%s::json) AS r(pattern text, key text), LATERAL (
  SELECT * FROM workflows_trigger WHERE event_pattern = r.pattern AND correlation_key = r.key AND enabled OFFSET 0) t
ORDER BY t.priority, t.key
"""


class Triggers:
    """The kind ``trigger``."""

    kind = KIND

    def find(self, events: Sequence[StoredEvent]) -> list[Match]:
        """Two statements, however many triggers there are. By priority; a condition that is false finds nothing."""
        keys = keys_of(SHAPES, events)
        distinct = sorted({key for each in keys for key in each})
        if not distinct:
            return []
        waiting: dict[tuple[str, str], list[tuple[int, Known]]] = defaultdict(list)
        for pattern, correlation, priority, *row in fetch(
            _FIND, as_rows([{"pattern": pattern, "key": key} for pattern, key in distinct])
        ):
            waiting[pattern, correlation].append((priority, _known(*row)))
        matches = []
        for event, mine in zip(events, keys, strict=True):
            meant = [found for key in mine for found in waiting.get(key, ())]
            if len(mine) > 1:
                meant.sort(key=lambda found: (found[0], found[1].key))
            works = [triggering.judged(event, trigger) for _, trigger in meant]
            matches += [_match(work) for work in works if work.holds is not False]
        return matches

    def handle(self, matches: Sequence[Match]) -> list[Handled]:
        return triggering.carry_out([match.data for match in matches])

    def again(self, event: StoredEvent, subscriber_id: str) -> Match:
        """With the trigger as it is now."""
        key = subscriber_id.partition(":")[2]
        row = Trigger.objects.filter(key=key).first()
        if row is None:
            raise SubscriberGone(f"There is no trigger {key} any more.")
        if not row.enabled:
            raise SubscriberGone(f"The trigger {key} is paused.")
        return _match(triggering.judged(event, known(row)))

    def names(self, subscriber_ids: Collection[str]) -> dict[str, Named]:
        keys = {each.partition(":")[2]: each for each in subscriber_ids}
        rows = Trigger.objects.filter(key__in=keys).values_list("key", "name")
        return {keys[key]: Named(name, f"/events/triggers/{quote(key)}") for key, name in rows}


def subscriber_of(key: str) -> str:
    return f"{KIND}:{key}"


def known(row: Trigger) -> Known:
    """A stored trigger, ready to act."""
    document: Mapping[str, Any] = row.document
    parts = [document.get(name) for name in ("eventCondition", "inputMapping", "correlationKey")]
    return _known(row.key, row.workflow_id, row.owner_id, row.trigger_type, orjson.dumps(parts).decode())


def _known(key: str, workflow_id: str, owner_id: Any, trigger_type: str, parts: str) -> Known:
    rule = _rule(trigger_type, parts)
    if isinstance(rule, Rule):
        return Known(key, workflow_id, owner_id, rule)
    return Known(key, workflow_id, owner_id, None, Unusable(*rule))


def _match(work: Work) -> Match:
    return Match(work.event, subscriber_of(work.trigger.key), work)


@lru_cache(maxsize=4096)
def _rule(trigger_type: str, parts: str) -> Rule | tuple[str, str]:
    """The compiled rule, or the (part, message) that an Unusable is made of; the same texts are compiled once."""
    condition, mapping, key = orjson.loads(parts)
    document = {
        "triggerType": trigger_type,
        "eventCondition": condition,
        "inputMapping": mapping,
        "correlationKey": key,
    }
    try:
        return Rule.of(document)
    except Unusable as error:
        return error.part, str(error)
