"""Slots of workflows that limit how many of their runs may be under way at once.

A slot is a row of the run that holds it or waits for it, written with the run and deleted in the transaction in which the run
ends: there is no counter that could go wrong, and a worker that dies takes no slot with it. Runs with the same workflow and
key take their turn in the order of their rows' numbers.

Lock order: instances first, then slots: an advisory lock for each workflow and key, all that a transaction needs in one
statement, in the order of their numbers. Rows of slots are touched under that lock alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

from apps.events import doorbell
from apps.events.sql import as_rows, fetch, run
from apps.validation.problems import Conflict
from apps.workflows.engine.concurrency import Claim
from apps.workflows.engine.state import Signal
from apps.workflows.engine.transitions import SignalKind

from . import inbox

Key = tuple[str, str]
"""A workflow id, and the key of the run."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """A run that needs a slot before it begins."""

    instance_id: UUID
    workflow_id: str
    claim: Claim

    @property
    def key(self) -> Key:
        return self.workflow_id, self.claim.key


_LOCK = "SELECT pg_advisory_xact_lock(number) FROM unnest(%s::bigint[]) AS number"

_INSERT = """
INSERT INTO workflows_concurrencyslot (instance_id, workflow_id, key, capacity, held, created_at)
SELECT instance_id, workflow_id, key, capacity, held, clock_timestamp()
FROM json_to_recordset(%s::json) AS r(
  place int, instance_id uuid, workflow_id text, key text, capacity int, held bool)
ORDER BY place
"""

# As many of those who wait longest as there are slots free; each of them must be content with how many there are then.
_ADMIT = """
WITH wanted AS (
  SELECT DISTINCT workflow_id, key FROM json_to_recordset(%s::json) AS r(workflow_id text, key text)
), next AS (
  SELECT first.id, bool_and(holders.n + first.place <= first.capacity)
    OVER (PARTITION BY w.workflow_id, w.key ORDER BY first.id) AS fits
  FROM wanted w
  CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM workflows_concurrencyslot s
    WHERE s.workflow_id = w.workflow_id AND s.key = w.key AND s.held) holders
  CROSS JOIN LATERAL (
    SELECT waiting.id, waiting.capacity, row_number() OVER (ORDER BY waiting.id) AS place FROM (
      SELECT s.id, s.capacity FROM workflows_concurrencyslot s
      WHERE s.workflow_id = w.workflow_id AND s.key = w.key AND NOT s.held ORDER BY s.id
      LIMIT greatest(0, coalesce((
        SELECT s.capacity FROM workflows_concurrencyslot s
        WHERE s.workflow_id = w.workflow_id AND s.key = w.key AND NOT s.held ORDER BY s.id LIMIT 1), 0) - holders.n)
    ) waiting) first
), admitted AS (
  UPDATE workflows_concurrencyslot s SET held = true FROM next WHERE s.id = next.id AND next.fits
  RETURNING s.id, s.instance_id
)
INSERT INTO workflows_inboxsignal (instance_id, kind, execution_id, data, held, created_at)
SELECT instance_id, 'START', NULL, '{}', false, now() FROM admitted ORDER BY id
"""

_CANCEL_OLDEST = """
INSERT INTO workflows_inboxsignal (instance_id, kind, execution_id, data, held, created_at)
SELECT instance_id, 'CANCEL', NULL, %s::jsonb, false, now()
FROM (
  SELECT s.id, s.instance_id, w.capacity, row_number() OVER (PARTITION BY s.workflow_id, s.key ORDER BY s.id DESC) AS newest
  FROM json_to_recordset(%s::json) AS w(workflow_id text, key text, capacity int)
  JOIN workflows_concurrencyslot s ON s.workflow_id = w.workflow_id AND s.key = w.key
) AS every
WHERE newest > capacity ORDER BY id
"""


def lock(keys: Iterable[Key]) -> None:
    """Let nobody else take or free slots with these keys until the transaction ends."""
    if numbers := sorted({_number(key) for key in keys}):
        run(_LOCK, numbers)


def _number(key: Key) -> int:
    digest = blake2b("\0".join(key).encode(), digest_size=8, person=b"slots").digest()
    return int.from_bytes(digest, "big", signed=True)


def claim(claimants: Sequence[Claimant]) -> None:
    """Line up inserted runs, in order, and begin those for which there is a slot. The keys are locked."""
    run(
        _INSERT,
        as_rows(
            [
                {
                    "place": place,
                    "instance_id": each.instance_id,
                    "workflow_id": each.workflow_id,
                    "key": each.claim.key,
                    "capacity": each.claim.capacity,
                    "held": False,
                }
                for place, each in enumerate(claimants)
            ]
        ),
    )
    admit({each.key for each in claimants})
    replacing = {each.key: each.claim.capacity for each in claimants if each.claim.on_conflict == "CANCEL_RUNNING"}
    if replacing:
        data = {"reason": "A later run took its place.", "source": "SYSTEM", "shouldCompensate": False}
        rows = [{"workflow_id": key[0], "key": key[1], "capacity": capacity} for key, capacity in replacing.items()]
        run(_CANCEL_OLDEST, as_rows(data), as_rows(rows))
    doorbell.ring(doorbell.ORCHESTRATOR)


def admit(keys: Iterable[Key]) -> None:
    """Begin those who wait longest, as far as there are slots free. The keys are locked."""
    run(_ADMIT, as_rows([{"workflow_id": workflow_id, "key": key} for workflow_id, key in keys]))


def free(ended: Sequence[tuple[UUID, Key]]) -> None:
    """Give up the slots, or places in the queue, of runs that have ended, and begin who is next. The keys are locked."""
    run("DELETE FROM workflows_concurrencyslot WHERE instance_id = ANY(%s)", [instance_id for instance_id, _ in ended])
    admit({key for _, key in ended})
    doorbell.ring(doorbell.ORCHESTRATOR)


def hold(claimants: Sequence[Claimant]) -> None:
    """Let runs that go on after their end hold a slot again, whether one is free or not. The keys are locked."""
    rows = [
        {
            "place": place,
            "instance_id": each.instance_id,
            "workflow_id": each.workflow_id,
            "key": each.claim.key,
            "capacity": each.claim.capacity,
            "held": True,
        }
        for place, each in enumerate(claimants)
    ]
    run(_INSERT, as_rows(rows))


def refuse_waiting(instance_ids: Sequence[UUID]) -> None:
    """Cancel those of these runs that got no slot."""
    data = {"reason": "As many runs as may be under way at once are.", "source": "SYSTEM", "shouldCompensate": False}
    inbox.post([(id_, Signal(SignalKind.CANCEL, None, data)) for id_ in waiting_of(instance_ids)])


def waiting_of(instance_ids: Sequence[UUID]) -> list[UUID]:
    """Those of these runs that wait for a slot."""
    statement = "SELECT instance_id FROM workflows_concurrencyslot WHERE instance_id = ANY(%s) AND NOT held ORDER BY id"
    return [row[0] for row in fetch(statement, list(instance_ids))]


def holders_of(key: Key, *, limit: int = 20) -> list[UUID]:
    """The runs that hold the slots of this key, those that began first in front."""
    rows = fetch(
        "SELECT instance_id FROM workflows_concurrencyslot"
        " WHERE workflow_id = %s AND key = %s AND held ORDER BY id LIMIT %s",
        *key,
        limit,
    )
    return [row[0] for row in rows]


def refuse_taken(workflow_id: str, claim: Claim, *, besides: UUID | None = None) -> None:
    """Conflict when other runs than ``besides`` hold as many slots as a run with this claim may share them with."""
    [(others,)] = fetch(
        "SELECT count(*) FROM workflows_concurrencyslot"
        " WHERE workflow_id = %s AND key = %s AND held AND instance_id IS DISTINCT FROM %s",
        workflow_id,
        claim.key,
        besides,
    )
    if others >= claim.capacity:
        # Counted, not named: whoever asks may not know of them.
        hold = "another holds its slot" if others == 1 else f"{others} others hold the slots"
        raise Conflict(
            f"Only {claim.capacity} of these runs may be under way at once, and {hold}. Retry it once one ends."
        )
